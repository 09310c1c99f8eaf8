-- Whom a job is done for: those who have much to do don't keep those who have little from being served.
alter table jobs add column share text not null default '';
update jobs set share = owner;

-- Looked up by state first, so that what goes on is found without walking over what is queued.
drop index jobs_by_due;
drop index jobs_open;
create index jobs_by_due on jobs (agent, state, due_at);
create index jobs_by_share on jobs (agent, state, share, due_at);
create index jobs_by_end on jobs (agent, ended_at) where ended_at is not null;

-- `key` is a word of SQL.
alter table effects rename column key to name;

-- An artifact that nobody kept for long can go.
alter table artifacts add column kept_at integer not null default 0;
create index kept_by_digest on kept (digest);
