-- Where a relying party listens, how far it was served, and who serves it at this moment.
CREATE TABLE push_endpoint (
    relying_party_id  {text} PRIMARY KEY,
    url               {text} NOT NULL,
    -- `set_push` or `webhook`
    style             {text} NOT NULL,
    -- `unverified`, `active`, `paused` or `disabled`; why it stopped
    state             {text} NOT NULL,
    stopped_because   {text},
    -- what the receiver shows at its origin to prove that it is the receiver's own
    challenge         {text} NOT NULL,
    verified_at       {int},
    -- sealed: the webhook's key, the one before it, the Authorization header
    secret            {blob},
    previous_secret   {blob},
    previous_until    {int},
    authorization_header {blob},
    heartbeat_seconds {int} NOT NULL,
    created_at        {int} NOT NULL,
    -- number of the last entry that is settled: accepted, or set aside as a dead letter
    delivered         {int} NOT NULL,
    -- not before; far away while it is stopped
    due_at            {int} NOT NULL,
    heartbeat_at      {int} NOT NULL,
    -- fingerprint of the revocation lists that the last heartbeat named
    lists_told        {text} NOT NULL,
    -- dead letters that wait to be sent again
    redeliver         {int} NOT NULL,
    -- 1 while it answers slowly or not at all: such endpoints have a lane of their own
    slow              {int} NOT NULL,
    -- which run serves it, and until when the others keep away
    lease             {text} NOT NULL,
    leased_until      {int} NOT NULL,
    -- failures and rejections since the last success
    attempts          {int} NOT NULL,
    rejected          {int} NOT NULL,
    failing_since     {int},
    last_success_at   {int},
    last_failure_at   {int},
    last_failure      {text},
    -- moved with `delivered`, carried over to the metering when a run ends
    uncounted_deliveries {int} NOT NULL,
    uncounted_attempts   {int} NOT NULL
);
CREATE INDEX push_endpoint_due ON push_endpoint (due_at);
-- Entries that the receiver refused for good; the entry itself stays in the stream.
CREATE TABLE push_dead_letter (
    relying_party_id {text} NOT NULL,
    sequence         {int} NOT NULL,
    code             {text} NOT NULL,
    refused_at       {int} NOT NULL,
    -- 1 if it is to be sent again
    redeliver        {int} NOT NULL,
    PRIMARY KEY (relying_party_id, sequence)
);
