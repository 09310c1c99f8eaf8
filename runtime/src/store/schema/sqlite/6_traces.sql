-- Where in a trace a job was submitted, so that a run elsewhere, or days later, continues from there: its W3C `traceparent` and, after
-- a space, its `tracestate`.
alter table jobs add column trace text;
