-- One row for every list ever taken in. `scope` is empty for a list of all certificates, else the SHA-256 (hex) of the
-- directory name of its partition. The newest of each authority, generation and scope is current: its sealed form
-- is kept in parts. Lists that were kept in another form are taken in anew.
DROP INDEX revocation_list_newest;
ALTER TABLE revocation_list RENAME TO revocation_list_before;
CREATE TABLE revocation_list (
    id             {int} PRIMARY KEY,
    authority      {text} NOT NULL,
    key_id         {text} NOT NULL,
    scope          {text} NOT NULL,
    number         {int} NOT NULL,
    -- the list to which a delta list was applied
    base_number    {int},
    this_update    {int} NOT NULL,
    next_update    {int} NOT NULL,
    sha256         {text} NOT NULL,
    entries        {int} NOT NULL,
    -- serial numbers whose status differs from the list before; null if there was none before
    changed        {int},
    taken_in_at    {int} NOT NULL,
    is_current     {int} NOT NULL,
    sealed_sha256  {text},
    sealed_length  {int},
    -- what the change stream is told: from the changed serial numbers, or by a look at all known certificates;
    -- up to which serial number that is done, and when it was done
    look_through   {text} NOT NULL,
    looked_up_to   {text},
    looked_at      {int},
    UNIQUE (authority, key_id, scope, number)
);
INSERT INTO revocation_list (id, authority, key_id, scope, number, this_update, next_update, sha256, entries,
                             taken_in_at, is_current, look_through, looked_at)
SELECT row_number() OVER (ORDER BY taken_in_at, authority, key_id, number), authority, key_id, '', number,
       this_update, next_update, sha256, entries, taken_in_at, 0, 'all', taken_in_at
FROM revocation_list_before;
DROP TABLE revocation_list_before;
CREATE UNIQUE INDEX revocation_list_current ON revocation_list (authority, key_id, scope) WHERE is_current = 1;
CREATE INDEX revocation_list_unlooked ON revocation_list (id) WHERE looked_at IS NULL;

CREATE TABLE sealed_list_part (
    list_id {int} NOT NULL,
    part    {int} NOT NULL,
    bytes   {blob} NOT NULL,
    PRIMARY KEY (list_id, part)
);

-- What a list says otherwise than the list before it: the archive from which the status at any past list follows.
CREATE TABLE status_change (
    authority     {text} NOT NULL,
    serial        {text} NOT NULL,
    list_id       {int} NOT NULL,
    before_at     {int},
    before_reason {text},
    after_at      {int},
    after_reason  {text},
    PRIMARY KEY (authority, serial, list_id)
);
CREATE INDEX status_change_list ON status_change (list_id, serial);

-- Certificates that became known otherwise than by a judgement, not yet looked for in the lists.
CREATE TABLE certificate_to_check (
    authority {text} NOT NULL,
    serial    {text} NOT NULL,
    PRIMARY KEY (authority, serial)
);
