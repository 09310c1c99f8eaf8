//! Long tools of any type behind one object-safe interface over JSON.

use super::{Job, JobError, JobRecord, Question, Reply, Step};
use crate::{
    Principal, decode,
    tool::{Admission, LongTool},
};
use futures::future::BoxFuture;
use protocol::{Code, Problem, event::What};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::sync::Arc;

/// A [`LongTool`] whose types were erased. Same contract, over JSON.
pub(crate) trait ErasedLongTool: Send + Sync {
    fn name(&self) -> &'static str;

    fn admit(&self, caller: &Principal, input: &Value) -> Result<Admission, Problem>;

    fn run<'a>(
        &'a self,
        job: &'a Job,
        input: Value,
        checkpoint: Option<Value>,
    ) -> BoxFuture<'a, Result<Step<Value, Value>, JobError>>;

    fn cancelled<'a>(
        &'a self,
        job: &'a Job,
        input: Value,
        checkpoint: Option<Value>,
    ) -> BoxFuture<'a, Result<Vec<What>, JobError>>;

    fn in_doubt(&self, problem: &Problem) -> Vec<What>;

    fn status(&self, record: &JobRecord) -> Option<String>;

    fn question(&self, record: &JobRecord) -> Option<Question>;

    fn reply(&self, by: &Principal, question: &Question, reply: Reply) -> Result<Option<Value>, Problem>;

    fn failed<'a>(
        &'a self,
        job: &'a Job,
        input: Value,
        checkpoint: Option<Value>,
        problem: &'a Problem,
    ) -> BoxFuture<'a, Result<Vec<What>, JobError>>;
}

/// Erases a tool's types.
pub(crate) fn erase<T: LongTool>(tool: T) -> Arc<dyn ErasedLongTool> {
    Arc::new(Erased(tool))
}

struct Erased<T>(T);

impl<T: LongTool> ErasedLongTool for Erased<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn admit(&self, caller: &Principal, input: &Value) -> Result<Admission, Problem> {
        let input = decode::value(input)?;
        self.0.admit(caller, &input)
    }

    fn run<'a>(
        &'a self,
        job: &'a Job,
        input: Value,
        checkpoint: Option<Value>,
    ) -> BoxFuture<'a, Result<Step<Value, Value>, JobError>> {
        Box::pin(async move {
            let (input, checkpoint) = (read("input", input)?, checkpoint.map(|it| read("checkpoint", it)).transpose()?);
            Ok(match self.0.run(job, input, checkpoint).await? {
                Step::Done(output, events) => Step::Done(written("output", &output)?, events),
                Step::Wait(checkpoint, wait) => Step::Wait(written("checkpoint", &checkpoint)?, wait),
            })
        })
    }

    fn cancelled<'a>(
        &'a self,
        job: &'a Job,
        input: Value,
        checkpoint: Option<Value>,
    ) -> BoxFuture<'a, Result<Vec<What>, JobError>> {
        Box::pin(async move {
            let (input, checkpoint) = (read("input", input)?, checkpoint.map(|it| read("checkpoint", it)).transpose()?);
            self.0.cancelled(job, input, checkpoint).await
        })
    }

    fn in_doubt(&self, problem: &Problem) -> Vec<What> {
        self.0.in_doubt(problem)
    }

    fn status(&self, record: &JobRecord) -> Option<String> {
        self.0.status(record)
    }

    fn question(&self, record: &JobRecord) -> Option<Question> {
        self.0.question(record)
    }

    fn reply(&self, by: &Principal, question: &Question, reply: Reply) -> Result<Option<Value>, Problem> {
        self.0.reply(by, question, reply)
    }

    fn failed<'a>(
        &'a self,
        job: &'a Job,
        input: Value,
        checkpoint: Option<Value>,
        problem: &'a Problem,
    ) -> BoxFuture<'a, Result<Vec<What>, JobError>> {
        Box::pin(async move {
            let checkpoint = checkpoint.map(T::Checkpoint::deserialize).transpose();
            match (T::Input::deserialize(input), checkpoint) {
                (Ok(input), Ok(checkpoint)) => self.0.failed(job, input, checkpoint, problem).await,
                (Err(error), _) | (_, Err(error)) => {
                    tracing::error!(job.tool = T::NAME, %error, "A failed job can't be read; it ends without last events");
                    Ok(Vec::new())
                }
            }
        })
    }
}

/// What the job was stored with, in this version's form. A value of another form will not get better by trying again.
pub(super) fn read<V: DeserializeOwned>(what: &str, value: Value) -> Result<V, JobError> {
    serde_json::from_value(value).map_err(|error| unreadable(what, &error))
}

/// A value in the form it is stored in.
pub(super) fn written<V: Serialize + ?Sized>(what: &str, value: &V) -> Result<Value, JobError> {
    serde_json::to_value(value).map_err(|error| unreadable(what, &error))
}

fn unreadable(what: &str, error: &serde_json::Error) -> JobError {
    JobError::Terminal(
        Code::Internal.problem(format!("The job's {what} does not have the form it should have: {error}.")),
    )
}
