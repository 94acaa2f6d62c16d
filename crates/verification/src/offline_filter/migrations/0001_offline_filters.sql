CREATE TABLE offline_filter_permission (
    relying_party {text} PRIMARY KEY REFERENCES relying_party (id),
    allowed_at    {int} NOT NULL
);
-- the newest filter of each generation of an authority
CREATE TABLE offline_filter (
    authority   {text} NOT NULL,
    key_id      {text} NOT NULL,
    list_number {int} NOT NULL,
    this_update {int} NOT NULL,
    next_update {int} NOT NULL,
    sha256      {text} NOT NULL,
    size        {int} NOT NULL,
    built_at    {int} NOT NULL,
    content     {blob} NOT NULL,
    PRIMARY KEY (authority, key_id)
);
CREATE TABLE offline_filter_delta (
    authority   {text} NOT NULL,
    key_id      {text} NOT NULL,
    to_number   {int} NOT NULL,
    from_number {int} NOT NULL,
    from_sha256 {text} NOT NULL,
    to_sha256   {text} NOT NULL,
    sha256      {text} NOT NULL,
    size        {int} NOT NULL,
    content     {blob} NOT NULL,
    PRIMARY KEY (authority, key_id, to_number)
);
