-- Days that are closed: which entries belong to which day never changes afterwards.
CREATE TABLE stream_day (
    relying_party_id {text} NOT NULL,
    -- 2026-04-01, in Japan
    day              {text} NOT NULL,
    -- the place before its first entry
    before           {int} NOT NULL,
    before_hash      {blob} NOT NULL,
    -- the place after its last entry
    last             {int} NOT NULL,
    last_hash        {blob} NOT NULL,
    -- bytes of its tokens
    size             {int} NOT NULL,
    closed_at        {int} NOT NULL,
    PRIMARY KEY (relying_party_id, day)
);
