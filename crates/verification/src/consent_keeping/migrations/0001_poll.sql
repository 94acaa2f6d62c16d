-- Up to when the authority's withdrawals of a relying party's consents are known here, and when it was asked.
CREATE TABLE consent_poll (
    relying_party_id {text} PRIMARY KEY,
    known_until      {int} NOT NULL,
    asked_at         {int} NOT NULL
);
