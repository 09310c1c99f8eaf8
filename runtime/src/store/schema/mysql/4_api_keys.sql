-- As the SQLite step 3, see there.
create table if not exists api_keys (
    id           binary(16)  not null primary key,
    agent        varchar(32) not null,
    fingerprint  binary(32)  not null,
    name         varchar(64) not null,
    role         varchar(16) not null,
    created_by   varchar(128) not null,
    created_at   bigint      not null,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint,
    unique key api_keys_by_fingerprint (agent, fingerprint)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;
