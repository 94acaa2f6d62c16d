CREATE TABLE audit_head (
    id {int} PRIMARY KEY CHECK (id = 1),
    size {int} NOT NULL,
    at {int} NOT NULL
);
INSERT INTO audit_head (id, size, at) VALUES (1, 0, 0);
CREATE TABLE audit_record (
    leaf_index {int} PRIMARY KEY,
    person {text},
    relying_party {text},
    kind {text} NOT NULL,
    at {int} NOT NULL,
    record {text} NOT NULL, -- canonical JSON: the bytes of the leaf
    leaf_hash {blob} NOT NULL
);
CREATE INDEX audit_record_person ON audit_record (person, leaf_index) WHERE person IS NOT NULL;
-- Hashes of complete subtrees of 2^level leaves, level 1 and above.
CREATE TABLE audit_node (
    level {int} NOT NULL,
    position {int} NOT NULL,
    hash {blob} NOT NULL,
    PRIMARY KEY (level, position)
);
