-- What the replicas of an agent share and tell nobody: made by the first one that needs it.
create table secrets (
    agent   text    not null,
    name    text    not null,
    secret  blob    not null,
    made_at integer not null,
    primary key (agent, name)
) without rowid;
