-- What each verdict was derived from: the content of its bundle (docs/spec/bundle.md), whose SHA-256 stands in the audit
-- record with this index. It holds certificate, signature and what the lists said.
CREATE TABLE verdict_evidence (
    audit_index    {int} PRIMARY KEY,
    transaction_id {text} NOT NULL,
    -- AES-256-GCM under a key derived from the platform's secret, bound to audit_index
    sealed         {blob} NOT NULL
);
CREATE INDEX verdict_evidence_transaction ON verdict_evidence (transaction_id, audit_index);
-- Until now in the clear.
ALTER TABLE identity_proofing DROP COLUMN certificate;
ALTER TABLE identity_proofing DROP COLUMN signature;
