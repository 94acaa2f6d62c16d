CREATE TABLE consent (
    id {text} PRIMARY KEY,
    relying_party {text} NOT NULL REFERENCES relying_party (id),
    person {text} NOT NULL,
    items {text} NOT NULL, -- names of items, separated by spaces
    text_sha256 {blob} NOT NULL,
    given_at {int} NOT NULL,
    valid_from {int} NOT NULL,
    valid_until {int} NOT NULL,
    withdrawn_at {int},
    CHECK (valid_from < valid_until)
);
CREATE INDEX consent_person ON consent (person, relying_party, given_at);
