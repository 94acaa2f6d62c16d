-- Residents who do not want to be watched by consent any more.
CREATE TABLE watch_objection (
    relying_party_id {text} NOT NULL,
    person_id        {text} NOT NULL,
    objected_at      {int} NOT NULL,
    PRIMARY KEY (relying_party_id, person_id)
);
