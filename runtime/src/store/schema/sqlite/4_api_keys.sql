-- Keys of people, by their hash alone: who reads this table can't call anybody with it.
create table api_keys (
    id           blob    not null primary key, -- UUIDv7
    agent        text    not null,
    fingerprint  blob    not null,             -- SHA-256 of the key
    name         text    not null,             -- whom it belongs to; several keys may have one name
    role         text    not null,             -- viewer, operator, admin
    created_by   text    not null,
    created_at   integer not null,
    expires_at   integer,
    last_used_at integer,                      -- to the minute
    revoked_at   integer,
    unique (agent, fingerprint)
);
