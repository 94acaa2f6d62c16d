CREATE TABLE bulk_registration (
    id               {text} PRIMARY KEY,
    relying_party_id {text} NOT NULL,
    format           {text} NOT NULL,
    purpose          {text} NOT NULL,
    basis            {text} NOT NULL,
    basis_reference  {text},
    expected_bytes   {int},
    expected_lines   {int},
    expected_sha256  {text},
    state            {text} NOT NULL,
    ended_why        {text},
    -- bytes and lines whose effects are committed; `tail` is the line that has begun and not ended
    received         {int} NOT NULL,
    lines            {int} NOT NULL,
    tail             {blob} NOT NULL,
    -- of a CSV file: its header, once it came
    header           {text},
    digest           {blob} NOT NULL,
    -- JSON: result -> number of lines
    counts           {text} NOT NULL,
    created_at       {int} NOT NULL,
    -- when the first and the latest bytes came
    first_at         {int},
    updated_at       {int} NOT NULL,
    expires_at       {int} NOT NULL,
    ended_at         {int}
);
CREATE INDEX bulk_registration_of ON bulk_registration (relying_party_id, state);
-- The results of consecutive lines: one text line each, `line TAB customer TAB result`.
CREATE TABLE bulk_result (
    registration_id {text} NOT NULL,
    last_line       {int} NOT NULL,
    results         {text} NOT NULL,
    PRIMARY KEY (registration_id, last_line)
);
