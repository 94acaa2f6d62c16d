CREATE TABLE entitlement_check (
    id               {text} PRIMARY KEY,
    relying_party_id {text} NOT NULL,
    purpose          {text} NOT NULL,
    nonce            {text} NOT NULL,
    created_at       {int} NOT NULL,
    expires_at       {int} NOT NULL,
    state            {text} NOT NULL,
    person_id        {text},
    verdict          {text},
    audit_index      {int},
    audit_leaf       {text},
    completed_at     {int}
);
