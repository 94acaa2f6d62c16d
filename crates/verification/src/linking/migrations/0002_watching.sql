-- For what, on what ground and since when a customer is watched; not watched where `purpose` is null.
ALTER TABLE link ADD COLUMN purpose {text};
ALTER TABLE link ADD COLUMN basis {text};
ALTER TABLE link ADD COLUMN watched_since {int};
UPDATE link SET purpose = 'contract_maintenance', basis = 'identity_proofing', watched_since = created_at;
