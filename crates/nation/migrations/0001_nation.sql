-- The nation's own database. Serial numbers here are the nation's own and small: integers.
CREATE TABLE nation_state (
    id {int} PRIMARY KEY CHECK (id = 1),
    seed {int} NOT NULL,
    epoch {int} NOT NULL,
    clock_offset {int} NOT NULL,
    authority_unreachable {int} NOT NULL,
    publication_stopped {int} NOT NULL);

CREATE TABLE nation_authority (
    authority {text} PRIMARY KEY,
    next_serial {int} NOT NULL);

CREATE TABLE nation_generation (
    authority {text} NOT NULL,
    generation {int} NOT NULL,
    serial {int} NOT NULL,
    not_before {int} NOT NULL,
    not_after {int} NOT NULL,
    certificate {blob} NOT NULL,
    responder_certificate {blob} NOT NULL,
    list_number {int} NOT NULL,
    PRIMARY KEY (authority, generation));

CREATE TABLE nation_resident (
    id {text} PRIMARY KEY,
    position {int} NOT NULL,
    name {text} NOT NULL,
    kana {text} NOT NULL,
    address {text} NOT NULL,
    municipality {text} NOT NULL,
    date_of_birth {text} NOT NULL,
    sex {text} NOT NULL,
    left_at {int});

CREATE TABLE nation_certificate (
    authority {text} NOT NULL,
    serial {int} NOT NULL,
    generation {int} NOT NULL,
    resident_id {text} NOT NULL REFERENCES nation_resident (id),
    municipality {text} NOT NULL,
    key_label {text} NOT NULL,
    certificate {blob} NOT NULL,
    fingerprint {blob} NOT NULL UNIQUE,
    not_before {int} NOT NULL,
    not_after {int} NOT NULL,
    counterpart {int},
    revoked_at {int},
    reason {text},
    PRIMARY KEY (authority, serial),
    CHECK ((revoked_at IS NULL) = (reason IS NULL)));
CREATE INDEX nation_certificate_resident ON nation_certificate (resident_id, authority, serial);
CREATE INDEX nation_certificate_revoked ON nation_certificate (authority, generation, not_after);

CREATE TABLE nation_card (
    resident_id {text} PRIMARY KEY REFERENCES nation_resident (id),
    pin_tries {int} NOT NULL CHECK (pin_tries BETWEEN 0 AND 3),
    password_tries {int} NOT NULL CHECK (password_tries BETWEEN 0 AND 5));

CREATE TABLE nation_card_certificate (
    resident_id {text} NOT NULL REFERENCES nation_card (resident_id),
    authority {text} NOT NULL,
    serial {int} NOT NULL,
    key_label {text} NOT NULL,
    certificate {blob} NOT NULL,
    not_before {int} NOT NULL,
    not_after {int} NOT NULL,
    PRIMARY KEY (resident_id, authority));

-- The newest list of each scope: '' is the full list, otherwise a municipality's code.
CREATE TABLE nation_list (
    authority {text} NOT NULL,
    generation {int} NOT NULL,
    scope {text} NOT NULL,
    number {int} NOT NULL,
    this_update {int} NOT NULL,
    next_update {int} NOT NULL,
    der {blob} NOT NULL,
    PRIMARY KEY (authority, generation, scope));

CREATE TABLE nation_consent (
    consent_id {text} PRIMARY KEY,
    service_id {text} NOT NULL,
    request_digest {blob} NOT NULL,
    resident_id {text} NOT NULL REFERENCES nation_resident (id),
    serial {int} NOT NULL,
    items {text} NOT NULL,
    given_at {int} NOT NULL,
    valid_from {int} NOT NULL,
    valid_until {int} NOT NULL,
    withdrawn_at {int});

-- One row per successful provision of latest attributes: the fee's evidence.
CREATE TABLE nation_provision (
    consent_id {text} NOT NULL REFERENCES nation_consent (consent_id),
    provided_at {int} NOT NULL,
    serial {int} NOT NULL,
    fee_yen {int} NOT NULL);
