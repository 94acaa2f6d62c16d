-- The number of the contract or the article of the law that the basis names.
ALTER TABLE link ADD COLUMN basis_reference {text};
-- The bulk registration that began the watching, or met it last.
ALTER TABLE link ADD COLUMN watched_by {text};
