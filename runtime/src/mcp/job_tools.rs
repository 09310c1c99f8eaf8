//! What every service with long tools has: `get_job`, `wait_job`, `cancel_job` and `resolve_job` for callers that do not know MCP
//! tasks, `get_usage` and `get_transcript` for those who want to know what language models had to do with a job.

use crate::{
    About, Jobs, Principal, ShortTool, Toolbox,
    job::{JobRecord, JobStatus, Resolution},
    model::usage,
    tool::WaitingTool,
};
use protocol::{
    JobId, Problem,
    tools::thinking::{self, GET_TRANSCRIPT, GET_USAGE, Transcript, UsageOutput},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The tools.
pub(super) fn toolbox(jobs: &Jobs) -> Toolbox {
    Toolbox::new()
        .short(GetJob(jobs.clone()))
        .waiting(WaitJob)
        .short(CancelJob(jobs.clone()))
        .short(ResolveJob(jobs.clone()))
        .short(GetUsage(jobs.clone()))
        .short(GetTranscript(jobs.clone()))
}

/// A job that was started, or found under its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct JobHandle {
    /// Its id, for `get_job`.
    pub(super) job_id: JobId,
    /// How far it is.
    pub(super) status: Status,
}

impl From<&JobRecord> for JobHandle {
    fn from(record: &JobRecord) -> Self {
        Self { job_id: record.id, status: Status::from(&record.status) }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Nobody has begun it yet.
    Queued,
    /// It is under way.
    Running,
    /// It waits for a person.
    Asking,
    /// It ended well; `result` has what came of it.
    Done,
    /// It ended badly; `error` says why.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl From<&JobStatus> for Status {
    fn from(status: &JobStatus) -> Self {
        match status {
            JobStatus::Queued => Self::Queued,
            JobStatus::Running => Self::Running,
            JobStatus::Asking | JobStatus::InDoubt => Self::Asking,
            JobStatus::Done(_) => Self::Done,
            JobStatus::Failed(_) => Self::Failed,
            JobStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// Which job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichJob {
    /// The id that the tool's call returned.
    job_id: JobId,
}

/// A job as it stands.
#[derive(Debug, Serialize, JsonSchema)]
struct JobReport {
    /// Which job.
    job_id: JobId,
    /// How far it is.
    status: Status,
    /// What it is doing, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// What came of it, once `done`.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// Why it ended, once `failed`: a problem with `code`, `title` and `detail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    // The schema of every code would be most of what a model reads about the tool.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    error: Option<Problem>,
}

impl From<JobRecord> for JobReport {
    fn from(record: JobRecord) -> Self {
        let status = Status::from(&record.status);
        let (result, error) = match record.status {
            JobStatus::Done(result) => (Some(result), None),
            JobStatus::Failed(problem) => (None, Some(problem)),
            JobStatus::Queued | JobStatus::Running | JobStatus::Asking | JobStatus::InDoubt | JobStatus::Cancelled => {
                (None, None)
            }
        };
        Self { job_id: record.id, status, message: record.message, result, error }
    }
}

struct GetJob(Jobs);

impl ShortTool for GetJob {
    const NAME: &'static str = "get_job";
    type Input = WhichJob;
    type Output = JobReport;

    fn about(&self) -> About {
        About {
            title: "Get a job",
            description: "Says how far a job is that one of the other tools started, and what came of it.",
            read_only: true,
            destructive: false,
            idempotent: true,
        }
    }

    async fn call(&self, caller: &Principal, input: WhichJob) -> Result<JobReport, Problem> {
        Ok(self.0.get(caller, input.job_id).await?.into())
    }
}

/// Which job, and how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WaitForJob {
    /// The id that the tool's call returned.
    job_id: JobId,
    /// How long, in seconds: 1 to 45 (the default). Then it answers where the job stands.
    #[serde(default)]
    seconds: Option<u32>,
}

struct WaitJob;

impl WaitingTool for WaitJob {
    const NAME: &'static str = "wait_job";
    type Input = WaitForJob;
    type Output = JobReport;

    fn about(&self) -> About {
        About {
            title: "Wait for a job",
            description: "Waits until a job has ended or asks a person something, at most 45 seconds, and says where it stands. Call \
                          it again while the status is queued or running.",
            read_only: true,
            destructive: false,
            idempotent: true,
        }
    }

    fn waits(&self, input: &WaitForJob) -> (JobId, Option<u32>) {
        (input.job_id, input.seconds)
    }

    fn output(&self, record: &JobRecord) -> Result<JobReport, Problem> {
        Ok(record.clone().into())
    }
}

/// What a person says of a job that is in doubt.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Doubt {
    /// The id that the tool's call returned.
    job_id: JobId,
    /// Whether the act took place. If not, it is done again; if so, or if nobody can tell, it is left and the job fails.
    happened: bool,
}

struct ResolveJob(Jobs);

impl ShortTool for ResolveJob {
    const NAME: &'static str = "resolve_job";
    type Input = Doubt;
    type Output = JobReport;

    fn about(&self) -> About {
        About {
            title: "Resolve a job's doubt",
            description: "Says of a job that asks whether an act took place that it did, or did not. Only with what a person said who \
                          has looked.",
            read_only: false,
            destructive: true,
            idempotent: true,
        }
    }

    async fn call(&self, caller: &Principal, input: Doubt) -> Result<JobReport, Problem> {
        let resolution = if input.happened { Resolution::GiveUp } else { Resolution::Again };
        Ok(self.0.resolve(caller, input.job_id, resolution).await?.into())
    }
}

struct CancelJob(Jobs);

impl ShortTool for CancelJob {
    const NAME: &'static str = "cancel_job";
    type Input = WhichJob;
    type Output = JobReport;

    fn about(&self) -> About {
        About {
            title: "Cancel a job",
            description: "Asks for a job to end. What it did so far is cleaned up; look with get_job when it is over.",
            read_only: false,
            destructive: true,
            idempotent: true,
        }
    }

    async fn call(&self, caller: &Principal, input: WhichJob) -> Result<JobReport, Problem> {
        Ok(self.0.cancel(caller, input.job_id).await?.into())
    }
}

struct GetUsage(Jobs);

impl ShortTool for GetUsage {
    const NAME: &'static str = GET_USAGE;
    type Input = thinking::WhichJob;
    type Output = UsageOutput;

    fn about(&self) -> About {
        About {
            title: "Get a job's use of models",
            description: "Says what a job has used of language models so far: calls, tokens and, where prices are known, dollars.",
            read_only: true,
            destructive: false,
            idempotent: true,
        }
    }

    async fn call(&self, caller: &Principal, input: thinking::WhichJob) -> Result<UsageOutput, Problem> {
        let turns = self.0.turns(caller, input.job_id).await?;
        Ok(UsageOutput { models: usage(self.0.agent(), &turns) })
    }
}

struct GetTranscript(Jobs);

impl ShortTool for GetTranscript {
    const NAME: &'static str = GET_TRANSCRIPT;
    type Input = thinking::WhichJob;
    type Output = Transcript;

    fn about(&self) -> About {
        About {
            title: "Get a job's transcript",
            description: "Everything that was said to language models in a job, and what they answered, turn by turn.",
            read_only: true,
            destructive: false,
            idempotent: true,
        }
    }

    async fn call(&self, caller: &Principal, input: thinking::WhichJob) -> Result<Transcript, Problem> {
        Ok(Transcript { turns: self.0.turns(caller, input.job_id).await? })
    }
}
