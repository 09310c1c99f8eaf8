use crate::{AppName, Digest, TaskId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Tester's evidence for one change-set. Computed by the runner from what came back, and by nothing else.
///
/// The signature covers every other field; the host makes nothing live without one it can verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The task that asked.
    pub task: TaskId,
    /// The app.
    pub app: AppName,
    /// Where the checks ran.
    pub kind: VerdictKind,
    /// The release that the change-set starts from.
    pub base: Option<Digest>,
    /// The change-set that was tested.
    pub change_set: Digest,
    /// The address of the list of checks that ran.
    pub checks: Digest,
    /// Every check passed, and every mandatory one ran.
    pub passed: bool,
    /// The ids of the checks that the runner added by itself: `lint`, `no-5xx`, `no-php-warnings`.
    pub mandatory: Vec<String>,
    /// One for each check, in the order they ran.
    pub results: Vec<CheckResult>,
    /// What was not tested, or only on a sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Criteria of the plan that nothing was tried for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<Unproven>,
    /// When the first check began.
    pub started_at: Timestamp,
    /// When the last check ended.
    pub finished_at: Timestamp,
    /// It proves nothing after this moment.
    pub expires_at: Timestamp,
    /// Ed25519 over all other fields, standard base64.
    pub signature: String,
}

impl Verdict {
    /// The checks that no verdict may lack.
    pub const MANDATORY: [&'static str; 3] = ["lint", "no-5xx", "no-php-warnings"];
    /// The check that the runner adds where a change is to bring something new to an app that has a release: for everything new, a
    /// check failed on the release before and passes now.
    pub const SHOWS_CHANGE: &'static str = "shows-change";

    /// What the signature is made over: the canonical JSON of everything but the signature.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let unsigned = Self { signature: String::new(), ..self.clone() };
        crate::digest::canonical_json(&unsigned)
    }

    /// Its address.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// What a person should know before they rely on it: what was not proven, and what was tested in part.
    #[must_use]
    pub fn reservations(&self) -> Vec<String> {
        self.unproven.iter().map(ToString::to_string).chain(self.caveats.iter().cloned()).collect()
    }

    /// The checks that did not pass.
    pub fn findings(&self) -> impl Iterator<Item = &CheckResult> {
        self.results.iter().filter(|result| result.outcome != Outcome::Passed)
    }
}

/// A criterion of the plan that no check of a program can show: a mail arrives, a third party is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
pub struct Unproven {
    /// The criterion's id.
    pub criterion: String,
    /// Why, in a sentence for people.
    pub reason: String,
}

impl std::fmt::Display for Unproven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not proven: {}, because {}", self.criterion, self.reason)
    }
}

/// Where the checks ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// All checks, in a private branch: what a release needs.
    Preview,
    /// The reading ones, on the live app.
    Smoke,
}

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The check's id.
    pub id: String,
    /// The check's title.
    pub title: String,
    /// The criterion of the plan that it shows, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criterion: Option<String>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What became of it on the release before the change, where that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// What it took, in milliseconds.
    pub millis: u64,
    /// What was sent and what came back.
    pub evidence: Evidence,
}

/// What became of a check on the release before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// It did not pass: that it passes now shows what is new.
    Red,
    /// It passed already.
    Green,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Everything expected held.
    Passed,
    /// Something expected did not hold.
    Failed {
        /// What was expected, and what was seen.
        why: String,
    },
    /// It could not be carried out: an earlier capture is missing, the environment did not answer. Never counts as passed.
    Errored {
        /// What stood in the way.
        why: String,
    },
}

/// What was sent and what came back, as text, each at most 4 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The request, the query, the key.
    pub sent: String,
    /// The response, the rows, the value.
    pub received: String,
}

/// A statement that can lose data or break the running code, as an approval names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
pub struct Statement {
    /// The migration's id.
    pub id: String,
    /// The statement.
    pub sql: String,
    /// The migration's checksum: an approval holds for exactly this.
    #[schema(value_type = String)]
    pub checksum: Digest,
    /// What it can do.
    pub danger: String,
}
