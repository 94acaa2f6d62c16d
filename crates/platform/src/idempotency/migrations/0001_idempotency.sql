CREATE TABLE idempotency (
    relying_party {text} NOT NULL,
    idempotency_key {text} NOT NULL,
    request_sha256 {blob} NOT NULL, -- of route and body
    expires_at {int} NOT NULL,
    status {int}, -- null until the answer is known
    body {text},
    PRIMARY KEY (relying_party, idempotency_key)
);
CREATE INDEX idempotency_expires_at ON idempotency (expires_at);
