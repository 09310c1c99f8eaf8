//! Resources: what a service lets be read, each under an address of its own.

use crate::{Principal, prompt::Suggest};
use futures::future::BoxFuture;
use protocol::{Digest, JobId, Problem, Timestamp};
use std::{sync::Arc, time::Duration};

/// What a service lets be read ([`crate::Toolbox::resources`]). Every method decides anew what its caller may see; what a caller may
/// not see does not exist for it.
pub trait Resources: Send + Sync + 'static {
    /// The forms that addresses have. A running process never changes them.
    fn templates(&self) -> Vec<Template>;

    /// The newest, or those that come after an earlier page.
    ///
    /// # Errors
    /// [`protocol::Code::BadCursor`] when `after` is no page's [`Page::next`].
    fn list<'a>(&'a self, caller: &'a Principal, after: Option<&'a str>) -> BoxFuture<'a, Result<Page, Problem>>;

    /// What is at this address.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`] when there is nothing, not yet, or nothing for this caller.
    fn read<'a>(&'a self, caller: &'a Principal, uri: &'a str) -> BoxFuture<'a, Result<Content, Problem>>;

    /// What there is to read of a job: what links beside an answer about it lead to.
    ///
    /// # Errors
    /// [`protocol::Code::NotFound`] when there is no such job for this caller.
    fn of_job<'a>(&'a self, caller: &'a Principal, job: JobId) -> BoxFuture<'a, Result<Vec<Resource>, Problem>>;

    /// How things stand at these addresses, in their order: what is compared to see whether something was changed. There may be
    /// nothing at one of them yet. `None` where nothing can ever be for this caller, or what is there does not change with a job.
    ///
    /// # Errors
    /// Those of the store.
    fn standings<'a>(
        &'a self,
        caller: &'a Principal,
        uris: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Standing>>, Problem>>;
}

/// Something that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its address.
    pub uri: String,
    /// A short name that stays.
    pub name: String,
    /// What people see.
    pub title: String,
    /// What it is, in a sentence.
    pub description: String,
    /// Its MIME type.
    pub mime: &'static str,
    /// Bytes of its text, when that is known without reading it.
    pub size: Option<u64>,
    /// When it was last changed.
    pub changed_at: Option<Timestamp>,
}

/// The form that addresses of one kind have.
#[derive(Clone)]
pub struct Template {
    /// The form (RFC 6570, `{name}` alone).
    pub uri: &'static str,
    /// A short name that stays.
    pub name: &'static str,
    /// What people see.
    pub title: &'static str,
    /// What is there, in a sentence.
    pub description: &'static str,
    /// The MIME type of all of them.
    pub mime: &'static str,
    /// What may be meant by a variable that is half typed.
    pub variables: Vec<(&'static str, Arc<dyn Suggest>)>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What is on it.
    pub resources: Vec<Resource>,
    /// Where the next one begins, in words that every replica understands; nothing on the last.
    pub next: Option<String>,
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its MIME type.
    pub mime: &'static str,
    /// Its text.
    pub text: String,
    /// How long it may be taken for unchanged.
    pub fresh: Duration,
}

/// How things stand at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The job that changes it.
    pub job: JobId,
    /// Another one whenever it was changed.
    pub version: Digest,
    /// Nothing will be changed any more.
    pub over: bool,
}
