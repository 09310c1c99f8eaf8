-- As the SQLite step 5, see there.
create table if not exists asks (
    id       binary(16)   not null primary key,
    agent    varchar(32)  not null,
    caller   varchar(128) not null,
    subject  char(64)     not null,
    reply    mediumtext,
    asked_at bigint       not null,
    key asks_by_subject (agent, subject)
) engine = innodb character set utf8mb4 collate utf8mb4_bin;
