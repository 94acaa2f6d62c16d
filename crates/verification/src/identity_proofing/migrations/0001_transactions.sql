CREATE TABLE identity_proofing (
    id               {text} PRIMARY KEY,
    relying_party_id {text} NOT NULL,
    customer_id      {text} NOT NULL,
    purpose          {text} NOT NULL,
    origin           {text} NOT NULL,
    -- the relying party's names as the document shows them
    name_ja          {text} NOT NULL,
    name_en          {text} NOT NULL,
    nonce            {text} NOT NULL,
    -- SHA-256 of the document to be signed: the application itself is not kept
    document_sha256  {blob} NOT NULL,
    created_at       {int} NOT NULL,
    expires_at       {int} NOT NULL,
    state            {text} NOT NULL,
    person_id        {text},
    consent_id       {text},
    verdict          {text},
    audit_index      {int},
    audit_leaf       {text},
    -- evidence kept by the platform so that the verdict can be shown to be right later
    certificate      {blob},
    signature        {blob},
    completed_at     {int}
);
