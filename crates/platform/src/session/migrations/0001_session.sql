CREATE TABLE portal_session (
    token_sha256 {blob} PRIMARY KEY,
    person {text} NOT NULL,
    opened_at {int} NOT NULL,
    seen_at {int} NOT NULL
);
CREATE INDEX portal_session_seen_at ON portal_session (seen_at);
