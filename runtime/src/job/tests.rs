//! The rules of jobs.
