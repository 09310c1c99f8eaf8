-- Jobs and what belongs to them. Moments are microseconds since 1970, UTC; documents are JSON text.
create table jobs (
    id              blob    not null primary key, -- UUIDv7: sorts by the time it was made
    agent           text    not null,
    tool            text    not null,
    owner_kind      text    not null,             -- person, service
    owner           text    not null,
    idempotency_key text,
    input_digest    text    not null,
    input           text    not null,
    version         integer not null,             -- the form this row was written in; an older program leaves newer rows alone
    lane            text,
    state           text    not null,             -- queued, running, waiting, asking, done, failed, cancelled
    cancelling      integer not null default 0,   -- somebody asked for its end
    committed       integer not null default 0,   -- past its point of no return
    message         text,
    checkpoint      text,
    answer          text,
    outcome         text,                         -- output, or problem
    fence           integer not null default 0,
    holder          text,                         -- the worker of the last claim, for people
    due_at          integer,                      -- when a worker looks at it next; of a running job: the end of its lease
    peer            blob,                         -- the job of a peer that it waits for
    polls           integer not null default 0,   -- times in a row that it waited for this peer
    failures        integer not null default 0,
    lost_leases     integer not null default 0,
    events          integer not null default 0,   -- the last event's sequence number
    created_at      integer not null,
    updated_at      integer not null,
    started_at      integer,
    ended_at        integer
);

create unique index jobs_by_key on jobs (agent, owner_kind, owner, tool, idempotency_key) where idempotency_key is not null;
-- What is claimed next. Ended jobs, those that ask a person and those behind another in their lane are not in it.
create index jobs_by_due on jobs (agent, due_at) where due_at is not null;
create index jobs_by_peer on jobs (agent, peer) where peer is not null;
create index jobs_by_lane on jobs (agent, lane, id) where lane is not null;
create index jobs_by_age on jobs (agent, id);
create index jobs_open on jobs (agent, state) where ended_at is null;

-- The job that may leave the queue, or has left it and not ended; and how many turns were taken.
create table lanes (
    agent  text    not null,
    lane   text    not null,
    holder blob,
    turn   integer not null default 0,
    primary key (agent, lane)
) without rowid;

create table events (
    job  blob    not null references jobs (id),
    seq  integer not null,
    at   integer not null,
    what text    not null,
    primary key (job, seq)
) without rowid;

-- The effect ledger: an intent is committed before the act, its outcome after.
create table effects (
    job         blob    not null references jobs (id),
    key         text    not null,
    request     text    not null,
    fence       integer not null, -- the claim that meant it last
    outcome     text,             -- null: intended, and nobody knows whether it took place
    intended_at integer not null,
    ended_at    integer,
    primary key (job, key)
);

-- Artifacts under their digest, each stored once; and which job kept which.
create table artifacts (
    digest text not null primary key,
    body   text not null
);

create table kept (
    job     blob    not null references jobs (id),
    kind    text    not null,
    attempt integer not null,
    digest  text    not null references artifacts (digest),
    primary key (job, kind, attempt)
) without rowid;
