//! What the agents hand on. Every artifact is immutable, stored, and addressed by the digest of its canonical JSON.

mod change_set;
mod check;
mod design;
mod plan;
mod release;
mod verdict;

pub use change_set::{ChangeSet, Content, FileChange, Invalidation, Migration, Path, PathError};
pub use check::{
    Act, ArrangeCheck, Body, CacheCheck, CacheExpect, Capture, Check, HttpCheck, HttpExpect, JsonExpect, LintCheck,
    LogCheck, Matcher, Method, Pattern, SqlCheck, SqlExpect,
};
pub use design::{
    CacheKey, Column, Design, Endpoint, Field, FieldType, FilePurpose, Index, Reference, Resource, TestCase,
};
pub use plan::{Criterion, MadeBy, Plan, PlanStep, Risk};
pub use release::{Release, ReleaseState};
pub use verdict::{Before, CheckResult, Evidence, Outcome, Statement, Unproven, Verdict, VerdictKind};
