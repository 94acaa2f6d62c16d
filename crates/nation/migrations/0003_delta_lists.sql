-- From which full list on a certificate is listed; NULL while none has it. What was revoked before this column came
-- is listed as far as the newest full list came after it.
ALTER TABLE nation_certificate ADD COLUMN listed_from {int};
UPDATE nation_certificate SET listed_from = 0 WHERE revoked_at <= (SELECT l.this_update FROM nation_list l
    WHERE l.scope = '' AND l.authority = nation_certificate.authority
    AND l.generation = nation_certificate.generation);

-- From one full list to the next.
CREATE TABLE nation_delta (
    authority {text} NOT NULL,
    generation {int} NOT NULL,
    base_number {int} NOT NULL,
    number {int} NOT NULL,
    der {blob} NOT NULL,
    PRIMARY KEY (authority, generation, number));
