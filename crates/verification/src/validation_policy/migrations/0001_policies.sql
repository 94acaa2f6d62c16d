CREATE TABLE validation_policy (
    id {text} NOT NULL,
    version {int} NOT NULL,
    sha256 {blob} NOT NULL,
    document {text} NOT NULL, -- canonical JSON
    created_at {int} NOT NULL,
    PRIMARY KEY (id, version)
);
CREATE TABLE relying_party_policy (
    relying_party {text} PRIMARY KEY REFERENCES relying_party (id),
    policy_id {text} NOT NULL,
    policy_version {int} NOT NULL,
    assigned_at {int} NOT NULL,
    FOREIGN KEY (policy_id, policy_version) REFERENCES validation_policy (id, version)
);
