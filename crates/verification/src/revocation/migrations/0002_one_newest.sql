-- Two processes may take in different numbers at once: only one of them is the newest.
CREATE UNIQUE INDEX revocation_list_newest ON revocation_list (authority, key_id) WHERE der IS NOT NULL;
