-- How old evidence may be for a relying party, and what happens in an outage. `purpose` is empty in the one for all others.
CREATE TABLE freshness_contract (
    relying_party_id {text} NOT NULL,
    purpose          {text} NOT NULL,
    document         {text} NOT NULL,
    updated_at       {int} NOT NULL,
    PRIMARY KEY (relying_party_id, purpose)
);

-- Every answer by which a relying party may have acted, so that it can be told if it was wrong.
CREATE TABLE answer_given (
    relying_party_id {text} NOT NULL,
    answer           {text} NOT NULL,
    kind             {text} NOT NULL,
    -- good, or provisional
    said             {text} NOT NULL,
    authority        {text} NOT NULL,
    serial           {text} NOT NULL,
    person_id        {text},
    customer_id      {text},
    answered_at      {int} NOT NULL,
    -- what it rested on: list or ocsp, the list's number, thisUpdate
    method           {text} NOT NULL,
    list_number      {int},
    evidence_at      {int} NOT NULL,
    -- end of the certificate: no list names it later, so that nothing can contradict the answer any more
    not_after        {int} NOT NULL,
    -- 0: stands. 1: being told, in this transaction. 2: contradicted, or a provisional one that is settled.
    corrected        {int} NOT NULL DEFAULT 0,
    revoked_at       {int},
    reason           {text},
    PRIMARY KEY (answer, authority)
);
CREATE INDEX answer_given_certificate ON answer_given (authority, serial);
CREATE INDEX answer_given_end ON answer_given (not_after);
CREATE INDEX answer_given_time ON answer_given (answered_at);

-- Answers that wait for evidence.
CREATE TABLE awaited_answer (
    answer           {text} PRIMARY KEY,
    kind             {text} NOT NULL,
    relying_party_id {text} NOT NULL,
    since            {int} NOT NULL,
    until            {int} NOT NULL,
    tried_at         {int} NOT NULL,
    -- AES-256-GCM under a key derived from the platform's secret, bound to `answer`: what the answer is judged from
    sealed           {blob} NOT NULL
);
CREATE INDEX awaited_answer_due ON awaited_answer (tried_at);
