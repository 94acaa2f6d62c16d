CREATE TABLE access_token (
    token_sha256 {blob} PRIMARY KEY,
    relying_party {text} NOT NULL REFERENCES relying_party (id),
    expires_at {int} NOT NULL
);
CREATE INDEX access_token_expires_at ON access_token (expires_at);
-- Assertions that were accepted: none is accepted twice.
CREATE TABLE client_assertion (
    relying_party {text} NOT NULL,
    jti {text} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (relying_party, jti)
);
CREATE INDEX client_assertion_expires_at ON client_assertion (expires_at);
