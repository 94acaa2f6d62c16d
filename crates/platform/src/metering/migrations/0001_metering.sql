-- What was done for a relying party, by day (Japan) and purpose: counts only.
CREATE TABLE metering (
    relying_party_id {text} NOT NULL,
    day              {int} NOT NULL,
    purpose          {text} NOT NULL,
    item             {text} NOT NULL,
    count            {int} NOT NULL,
    PRIMARY KEY (relying_party_id, day, purpose, item)
);
