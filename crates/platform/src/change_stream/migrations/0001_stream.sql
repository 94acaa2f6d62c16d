-- One sequence for each relying party; `last` and `hash` are those of its newest entry.
CREATE TABLE change_stream (
    relying_party_id {text} PRIMARY KEY,
    last             {int} NOT NULL,
    hash             {blob} NOT NULL,
    -- watched customers, counted as they come and go
    customers        {int} NOT NULL DEFAULT 0
);
CREATE TABLE change_stream_entry (
    relying_party_id {text} NOT NULL,
    sequence         {int} NOT NULL,
    event            {text} NOT NULL,
    person_id        {text},
    recorded_at      {int} NOT NULL,
    -- the signed bytes; their SHA-256 is the `previous` of the next
    token            {text} NOT NULL,
    PRIMARY KEY (relying_party_id, sequence)
);
CREATE INDEX change_stream_entry_person ON change_stream_entry (person_id);
