-- Certificates whose end may mean more than the list says; kept once decided, as the meaning of that revocation.
CREATE TABLE change_follow_up (
    authority        {text} NOT NULL,
    serial           {text} NOT NULL,
    person_id        {text} NOT NULL,
    reason           {text} NOT NULL,
    revoked_at       {int} NOT NULL,
    recorded_at      {int} NOT NULL,
    key_id           {text} NOT NULL,
    list_number      {int} NOT NULL,
    list_this_update {int} NOT NULL,
    due_at           {int} NOT NULL,
    tries            {int} NOT NULL,
    decided          {text},
    decided_at       {int},
    PRIMARY KEY (authority, serial)
);
CREATE INDEX change_follow_up_due ON change_follow_up (due_at) WHERE decided IS NULL;
CREATE INDEX change_follow_up_person ON change_follow_up (person_id);
-- Which entry told a relying party of it as pending; none once it is refined.
CREATE TABLE change_told (
    authority        {text} NOT NULL,
    serial           {text} NOT NULL,
    relying_party_id {text} NOT NULL,
    sequence         {int} NOT NULL,
    PRIMARY KEY (authority, serial, relying_party_id)
);
