-- As the SQLite step 3, see there.
create table if not exists secrets (
    agent   varchar(32)    not null,
    name    varchar(64)    not null,
    secret  varbinary(255) not null,
    made_at bigint         not null,
    primary key (agent, name)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;
