-- How a receiver wants its stream: one row for each relying party that said so (SSF 1.0, 8.1.1).
CREATE TABLE stream_config (
    relying_party_id {text} PRIMARY KEY,
    -- pull, poll, push, webhook
    method           {text} NOT NULL,
    -- where push and webhook deliver
    endpoint_url     {text},
    -- enabled, paused, disabled
    status           {text} NOT NULL,
    reason           {text},
    -- JSON array of event type URIs; null if the receiver named none
    events_requested {text},
    description      {text},
    -- when the receiver last asked for a verification event
    verified_at      {int},
    created_at       {int} NOT NULL,
    updated_at       {int} NOT NULL
);
