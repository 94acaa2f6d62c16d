CREATE TABLE revocation_list (
    authority   {text} NOT NULL,
    key_id      {text} NOT NULL,
    number      {int} NOT NULL,
    this_update {int} NOT NULL,
    next_update {int} NOT NULL,
    sha256      {text} NOT NULL,
    entries     {int} NOT NULL,
    taken_in_at {int} NOT NULL,
    -- only the newest list of each generation keeps its bytes
    der         {blob},
    PRIMARY KEY (authority, key_id, number)
);
