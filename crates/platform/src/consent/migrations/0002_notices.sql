-- When the resident was last reminded of it, was told that it ends soon, and its end was told.
ALTER TABLE consent ADD COLUMN reminded_at {int};
ALTER TABLE consent ADD COLUMN ends_soon_told_at {int};
ALTER TABLE consent ADD COLUMN end_told_at {int};
CREATE INDEX consent_standing ON consent (given_at) WHERE withdrawn_at IS NULL AND end_told_at IS NULL;
