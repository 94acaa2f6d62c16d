CREATE TABLE change_sequence (
    relying_party_id {text} PRIMARY KEY,
    last             {int} NOT NULL
);
CREATE TABLE change_event (
    relying_party_id {text} NOT NULL,
    sequence         {int} NOT NULL,
    person_id        {text} NOT NULL,
    customer_id      {text} NOT NULL,
    authority        {text} NOT NULL,
    kind             {text} NOT NULL,
    reason           {text} NOT NULL,
    list_number      {int} NOT NULL,
    occurred_at      {int} NOT NULL,
    recorded_at      {int} NOT NULL,
    PRIMARY KEY (relying_party_id, sequence)
);
