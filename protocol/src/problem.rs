//! Everything that can go wrong, under codes that never change their meaning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// What is told of an error: RFC 9457 `application/problem+json`. The cause stays in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Problem {
    /// The page that explains the code: `/errors/{code}`.
    #[serde(rename = "type")]
    pub page: String,
    /// The stable code; what programs look at.
    pub code: Code,
    /// The code in a few words.
    pub title: String,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What happened this time and, where there is one, the way out.
    pub detail: String,
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.title, self.detail, self.code)
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// A stable error code. Each has a page in `docs/errors/`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        // Every code in the schema of every tool would be most of what a model reads of it; OpenAPI has them all.
        #[schemars(
            with = "String",
            description = "A stable error code, such as `not-found`: /errors/{code} explains it.",
            extend("pattern" = "^[a-z-]+$")
        )]
        pub enum Code {
            $(
                #[doc = $title]
                #[serde(rename = $code)]
                $name,
            )*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it stands on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The code in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    // What a caller sent.
    BadJson = "bad-json", 400, "The body is not the JSON it should be";
    BadGoal = "bad-goal", 422, "The goal is empty or too long";
    BadAppName = "bad-app-name", 422, "The app's name is not allowed";
    BadRequest = "bad-request", 422, "A value is not allowed";
    BadPath = "bad-path", 422, "A file's path is not allowed";
    BadDump = "bad-dump", 422, "The database dump can't be taken over";
    BadCursor = "bad-cursor", 400, "The cursor is not one of ours";
    UnsupportedMediaType = "unsupported-media-type", 415, "Send application/json";
    BodyTooLarge = "body-too-large", 413, "The body is too large";
    ChangeSetTooLarge = "change-set-too-large", 413, "The change is too large";
    Unauthorized = "unauthorized", 401, "No key, or a wrong one";
    Forbidden = "forbidden", 403, "This key may not do that";
    InsufficientRole = "insufficient-role", 403, "The key's role is not enough for that";
    BadHost = "bad-host", 400, "The Host header is missing, doubled or malformed";
    NameTaken = "name-taken", 409, "There are keys of that name already";
    NotFound = "not-found", 404, "There is no such thing";
    MethodNotAllowed = "method-not-allowed", 405, "That method is not for this path";
    IdempotencyConflict = "idempotency-conflict", 409, "The idempotency key was used with another body";
    NotWaiting = "not-waiting", 409, "The task is not waiting for that";
    QuestionOver = "question-over", 409, "That question is not asked any more";
    BadRequestState = "bad-request-state", 400, "The request state is not one for this call";
    AlreadyFinished = "already-finished", 409, "The task has ended";
    AppExists = "app-exists", 409, "The app has a live release already";
    Releasing = "releasing", 409, "The release is under way and can't be cancelled any more";

    // What a goal, or a change, is.
    GoalNotUnderstood = "goal-not-understood", 422, "The goal was not understood";
    NothingToDo = "nothing-to-do", 422, "The app is already as the goal wants it";
    UnsupportedChange = "unsupported-change", 422, "That change can't be made without losing something";
    NotBuiltHere = "not-built-here", 422, "The app was not built by this engine";
    ApprovalRequired = "approval-required", 403, "The change needs a person's approval";
    Rejected = "rejected", 403, "A person rejected the change";
    ChecksFailed = "checks-failed", 422, "The change did not pass its checks";
    SmokeFailed = "smoke-failed", 500, "The release was not seen to pass when live, and was rolled back";
    BudgetExhausted = "budget-exhausted", 422, "The task's budget is used up";

    // What language models did.
    ModelUnavailable = "model-unavailable", 503, "No language model answers";
    ModelUnusable = "model-unusable", 502, "The language model gave nothing that can be used";
    ContextTooLarge = "context-too-large", 422, "The work does not fit the language model's context";

    // What the host refuses.
    BadMigration = "bad-migration", 422, "The migration is not allowed";
    MigrationFailed = "migration-failed", 422, "The database refused the migration";
    MigrationChanged = "migration-changed", 409, "A migration differs from the one that was recorded";
    VerdictInvalid = "verdict-invalid", 403, "No valid verdict covers this change-set";
    BaseMoved = "base-moved", 409, "The live release is not the one the change starts from";
    StaleEpoch = "stale-epoch", 409, "A later owner has taken over";
    RollbackRefused = "rollback-refused", 409, "Rolling back would lose data";
    NoSuchRelease = "no-such-release", 404, "There is no such release";
    PreviewGone = "preview-gone", 404, "The preview has ended";

    // What the world did.
    DiskFull = "disk-full", 507, "The document root has no space left";
    MysqlUnavailable = "mysql-unavailable", 503, "The environment's MySQL does not answer";
    RedisUnavailable = "redis-unavailable", 503, "The environment's Redis does not answer";
    WebUnavailable = "web-unavailable", 503, "The environment's web server does not answer";
    HostUnavailable = "host-unavailable", 503, "The environment's host does not answer";
    PeerUnavailable = "peer-unavailable", 503, "Another agent does not answer";
    StoreUnavailable = "store-unavailable", 503, "The runtime's store does not answer";
    UntrustedCertificate = "untrusted-certificate", 502, "The server's certificate is not trusted";
    Draining = "draining", 503, "This process is shutting down";
    TooManyRequests = "too-many-requests", 429, "Slow down";

    // What became of a job, and of a start.
    Cancelled = "cancelled", 409, "The task was cancelled";
    InDoubt = "in-doubt", 409, "It is not known whether an act took place";
    WorkerLost = "worker-lost", 500, "The workers of this job died again and again";
    Internal = "internal", 500, "Something went wrong inside";
    BadConfiguration = "bad-configuration", 500, "The configuration is wrong";
    PortTaken = "port-taken", 500, "The port is taken";
    MissingPackage = "missing-package", 500, "A program that is needed is not installed";
}

// Written out: the derive does not see a rename that comes out of a macro.
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let codes = Self::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
    }
}

impl ToSchema for Code {}

impl Code {
    /// This code, with what happened this time.
    #[must_use]
    pub fn problem(self, detail: impl Into<String>) -> Problem {
        Problem {
            page: format!("/errors/{}", self.as_str()),
            code: self,
            title: self.title().to_owned(),
            status: self.status(),
            detail: detail.into(),
        }
    }

    /// Trying again later may go better without anybody changing anything.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::MysqlUnavailable
                | Self::RedisUnavailable
                | Self::WebUnavailable
                | Self::HostUnavailable
                | Self::PeerUnavailable
                | Self::StoreUnavailable
                | Self::ModelUnavailable
                | Self::Draining
                | Self::TooManyRequests
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
