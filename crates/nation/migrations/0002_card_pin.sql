-- A resident's physical cards are numbered from 1: a lost one is replaced by the next, and the old one keeps its PINs.
ALTER TABLE nation_card ADD COLUMN number {int} NOT NULL DEFAULT 1;
ALTER TABLE nation_card ADD COLUMN issued_at {int} NOT NULL DEFAULT 0;
UPDATE nation_card SET issued_at = COALESCE((SELECT MIN(c.not_before) FROM nation_card_certificate c
    WHERE c.resident_id = nation_card.resident_id), 0);

-- PINs whose state is not that of the issue. `value` is NULL while it is the one of the issue.
CREATE TABLE nation_card_pin (
    resident_id {text} NOT NULL REFERENCES nation_card (resident_id),
    card {int} NOT NULL,
    reference {text} NOT NULL,
    tries_left {int} NOT NULL CHECK (tries_left BETWEEN 0 AND 10),
    value {text},
    PRIMARY KEY (resident_id, card, reference));
INSERT INTO nation_card_pin (resident_id, card, reference, tries_left)
    SELECT resident_id, 1, 'authentication', pin_tries FROM nation_card WHERE pin_tries < 3;
INSERT INTO nation_card_pin (resident_id, card, reference, tries_left)
    SELECT resident_id, 1, 'signature', password_tries FROM nation_card WHERE password_tries < 5;
ALTER TABLE nation_card DROP COLUMN pin_tries;
ALTER TABLE nation_card DROP COLUMN password_tries;
