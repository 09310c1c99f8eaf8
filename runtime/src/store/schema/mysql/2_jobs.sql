-- As the SQLite steps 1 and 2, see there. Text is compared byte by byte; ids are UUIDv7, so that new rows come last.
create table if not exists schema_version (
    id      tinyint not null primary key,
    version bigint  not null,
    oldest  bigint  not null -- programs that know an older schema than this can't work with it
) engine = innodb;

create table if not exists jobs (
    id              binary(16)   not null primary key,
    agent           varchar(32)  not null,
    tool            varchar(64)  not null,
    owner_kind      varchar(16)  not null,
    owner           varchar(128) not null,
    share           varchar(160) not null,
    idempotency_key varchar(80),
    input_digest    varchar(80)  not null,
    input           longtext     not null,
    version         bigint       not null,
    lane            varchar(128),
    state           varchar(16)  not null,
    cancelling      boolean      not null default 0,
    committed       boolean      not null default 0,
    message         text,
    checkpoint      longtext,
    answer          longtext,
    outcome         longtext,
    fence           bigint       not null default 0,
    holder          varchar(128),
    due_at          bigint,
    peer            binary(16),
    polls           bigint       not null default 0,
    failures        bigint       not null default 0,
    lost_leases     bigint       not null default 0,
    events          bigint       not null default 0,
    created_at      bigint       not null,
    updated_at      bigint       not null,
    started_at      bigint,
    ended_at        bigint,
    unique key jobs_by_key (agent, owner_kind, owner, tool, idempotency_key),
    key jobs_by_due (agent, state, due_at),
    key jobs_by_share (agent, state, share, due_at),
    key jobs_by_peer (agent, peer),
    key jobs_by_lane (agent, lane, id),
    key jobs_by_age (agent, id),
    key jobs_by_end (agent, ended_at)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;

create table if not exists lanes (
    agent  varchar(32)  not null,
    lane   varchar(128) not null,
    holder binary(16),
    turn   bigint       not null default 0,
    primary key (agent, lane)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;

create table if not exists events (
    job  binary(16) not null,
    seq  bigint     not null,
    at   bigint     not null,
    what longtext   not null,
    primary key (job, seq)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;

create table if not exists effects (
    job         binary(16)   not null,
    name        varchar(255) not null,
    request     longtext     not null,
    fence       bigint       not null,
    outcome     longtext,
    intended_at bigint       not null,
    ended_at    bigint,
    primary key (job, name)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;

create table if not exists artifacts (
    digest  varchar(80) not null primary key,
    body    longtext    not null,
    kept_at bigint      not null
) engine = innodb character set utf8mb4 collate utf8mb4_bin;

create table if not exists kept (
    job     binary(16)  not null,
    kind    varchar(64) not null,
    attempt bigint      not null,
    digest  varchar(80) not null,
    primary key (job, kind, attempt),
    key kept_by_digest (digest)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;
