-- Certificates that ended and whose successors are to be asked for.
CREATE TABLE succession_pending (
    authority {text} NOT NULL,
    serial    {text} NOT NULL,
    person_id {text} NOT NULL,
    since     {int} NOT NULL,
    next_at   {int} NOT NULL,
    tries     {int} NOT NULL,
    PRIMARY KEY (authority, serial)
);
CREATE INDEX succession_pending_next ON succession_pending (next_at);
CREATE INDEX certificate_not_after ON certificate (not_after) WHERE not_after IS NOT NULL AND revoked_at IS NULL;
-- Up to when certificates that expired were looked for.
CREATE TABLE succession_looked (id {int} PRIMARY KEY, expired_until {int} NOT NULL);
INSERT INTO succession_looked (id, expired_until) VALUES (1, 0);
-- What was marked before this table was there.
INSERT INTO succession_pending (authority, serial, person_id, since, next_at, tries)
    SELECT authority, serial, person_id, revoked_at, revoked_at, 0 FROM certificate
    WHERE revoked_at IS NOT NULL AND reason IN ('superseded', 'affiliationChanged');
