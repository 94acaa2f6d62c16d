-- What each receiver acknowledged by poll: everything up to `floor`, and single numbers beyond it.
CREATE TABLE stream_acknowledged (
    relying_party_id {text} PRIMARY KEY,
    floor            {int} NOT NULL
);
CREATE TABLE stream_acknowledged_ahead (
    relying_party_id {text} NOT NULL,
    sequence         {int} NOT NULL,
    PRIMARY KEY (relying_party_id, sequence)
);
-- What a receiver said it could not use (RFC 8936, 2.4): its code alone, for the operator's eye.
CREATE TABLE stream_set_error (
    relying_party_id {text} NOT NULL,
    sequence         {int} NOT NULL,
    error            {text} NOT NULL,
    at               {int} NOT NULL,
    PRIMARY KEY (relying_party_id, sequence)
);
