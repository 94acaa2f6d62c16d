CREATE TABLE bank_application (
    id {text} PRIMARY KEY,
    browser_hash {blob} NOT NULL,
    customer_id {text} NOT NULL UNIQUE,
    -- drafted, open, submitted, accepted, refused, lapsed
    state {text} NOT NULL,
    application {text} NOT NULL,
    open_key {text} NOT NULL,
    proofing_id {text},
    to_be_signed {text},
    card_request {text},
    expires_at {int},
    -- kept only until judged
    certificate {text},
    signature {text},
    completion_key {text},
    tampered {int} NOT NULL,
    -- the platform's last answer (JSON, without attributes), or its problem's words (JSON)
    result {text},
    problem {text},
    next_attempt_at {int} NOT NULL,
    created_at {int} NOT NULL
);
CREATE INDEX bank_application_due ON bank_application (state, next_attempt_at);

CREATE TABLE bank_account (
    customer_id {text} PRIMARY KEY,
    application_id {text} NOT NULL UNIQUE REFERENCES bank_application (id),
    account_number {text} NOT NULL UNIQUE,
    subject {text},
    consent_id {text},
    balance_yen {int} NOT NULL,
    opened_at {int} NOT NULL
);

-- Attributes on file with their history: the greatest version counts.
CREATE TABLE bank_attributes (
    customer_id {text} NOT NULL REFERENCES bank_account (customer_id),
    version {int} NOT NULL,
    name {text} NOT NULL,
    address {text} NOT NULL,
    date_of_birth {text} NOT NULL,
    sex {text} NOT NULL,
    as_of {int} NOT NULL,
    event_sequence {int},
    PRIMARY KEY (customer_id, version)
);

CREATE TABLE bank_sign_in (
    id {text} PRIMARY KEY,
    browser_hash {blob} NOT NULL,
    -- drafted, open, submitted, accepted, refused, lapsed
    state {text} NOT NULL,
    open_key {text} NOT NULL,
    check_id {text},
    card_request {text},
    expires_at {int},
    certificate {text},
    signature {text},
    page_origin {text},
    completion_key {text},
    result {text},
    problem {text},
    created_at {int} NOT NULL,
    completed_at {int}
);

CREATE TABLE bank_session (
    token_hash {blob} PRIMARY KEY,
    customer_id {text} NOT NULL REFERENCES bank_account (customer_id),
    expires_at {int} NOT NULL
);

CREATE TABLE bank_event (
    sequence {int} PRIMARY KEY,
    customer_id {text} NOT NULL,
    kind {text} NOT NULL,
    certificate_kind {text} NOT NULL,
    occurred_at {int} NOT NULL,
    recorded_at {int} NOT NULL,
    list_number {text},
    list_made_at {int},
    -- none, pending, received, refused
    latest {text} NOT NULL,
    fetch_key {text} NOT NULL,
    attempts {int} NOT NULL,
    next_attempt_at {int} NOT NULL
);
CREATE INDEX bank_event_of_customer ON bank_event (customer_id, sequence);
CREATE INDEX bank_event_due ON bank_event (latest, next_attempt_at);

CREATE TABLE bank_change_cursor (
    one {int} PRIMARY KEY,
    next {int} NOT NULL,
    polled_at {int},
    list_number {text},
    list_made_at {int}
);
INSERT INTO bank_change_cursor (one, next) VALUES (1, 0);

CREATE TABLE bank_lab (
    one {int} PRIMARY KEY,
    tamper_next {int} NOT NULL
);
INSERT INTO bank_lab (one, tamper_next) VALUES (1, 0);
