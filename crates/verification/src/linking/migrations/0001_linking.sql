CREATE TABLE certificate (
    authority   {text} NOT NULL,
    serial      {text} NOT NULL,
    person_id   {text} NOT NULL,
    not_after   {int},
    revoked_at  {int},
    reason      {text},
    first_seen_at {int} NOT NULL,
    PRIMARY KEY (authority, serial)
);
CREATE INDEX certificate_person ON certificate (person_id);

CREATE TABLE link (
    relying_party_id {text} NOT NULL,
    person_id        {text} NOT NULL,
    customer_id      {text} NOT NULL,
    -- the digital-signature certificate under which the relying party last learned the attributes
    attributes_serial {text} NOT NULL,
    created_at       {int} NOT NULL,
    PRIMARY KEY (relying_party_id, customer_id)
);
CREATE UNIQUE INDEX link_person ON link (relying_party_id, person_id);
CREATE INDEX link_by_person ON link (person_id);
