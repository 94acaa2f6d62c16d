CREATE TABLE relying_party (
    id {text} PRIMARY KEY,
    name_ja {text} NOT NULL,
    name_en {text} NOT NULL,
    origins {text} NOT NULL, -- one per line
    key_set {text} NOT NULL, -- JWK Set
    created_at {int} NOT NULL
);
