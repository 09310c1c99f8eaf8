-- What clients of the older protocol were asked in the middle of a call. Their replies come in requests of their own, to any replica.
create table asks (
    id       blob    not null primary key, -- random: what the reply comes under
    agent    text    not null,
    caller   text    not null,             -- whose client was asked, and may reply
    subject  text    not null,             -- digest of the call and of what was asked in it
    reply    text,                         -- the client's JSON, until the call has taken it
    asked_at integer not null
);
create index asks_by_subject on asks (agent, subject);
