-- Cards with which a resident may be present without PIN at one relying party, each after an authentication with PIN there.
-- Keyed by the certificate: a renewed one, or that of a new card, is enrolled anew.
CREATE TABLE presence_enrolment (
    relying_party_id {text} NOT NULL,
    -- of a user-authentication certificate
    serial           {text} NOT NULL,
    person_id        {text} NOT NULL,
    -- SubjectPublicKeyInfo of the card's free key, DER
    card_key         {blob} NOT NULL,
    enrolled_at      {int} NOT NULL,
    last_used_at     {int},
    PRIMARY KEY (relying_party_id, serial)
);
CREATE INDEX presence_enrolment_person ON presence_enrolment (person_id);
-- One card speaks for one person: another enrolment of the same key is looked for.
CREATE INDEX presence_enrolment_card ON presence_enrolment (relying_party_id, card_key);
