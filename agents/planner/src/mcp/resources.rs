//! Tasks, what the agents handed on in them, and apps, for reading.

use super::{
    place::{ARTIFACTS, Artifact, JSON, Place},
    suggest::{AppNames, TaskIds},
};
use crate::{apps::Apps, kept, tasks::Tasks};
use futures::future::BoxFuture;
use protocol::{Code, Digest, JobId, Problem, TaskId, rest::App, task::Task, tools::planner::ListTasksInput};
use runtime::{
    Principal,
    job::Kept,
    prompt::Suggest,
    resource::{Content, Page, Resource, Resources, Standing, Template},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

/// Tasks on one page of the list.
const PAGE: u32 = 50;
/// How long something may be taken for unchanged: nothing of an ended task changes any more.
const ENDED: Duration = Duration::from_secs(24 * 3600);
/// Anything else.
const SOON: Duration = Duration::from_secs(1);
/// Characters of a goal in a title.
const TITLE: usize = 80;

/// What there is to read.
pub(super) struct Library {
    pub(super) tasks: Tasks,
    pub(super) apps: Apps,
}

impl Resources for Library {
    fn templates(&self) -> Vec<Template> {
        let ids: Arc<dyn Suggest> = Arc::new(TaskIds(self.tasks.clone()));
        let task = Template {
            uri: "yonin://tasks/{id}",
            name: "task",
            title: "Task",
            description: "Where a task stands: status, stage, question, result or error, and what it has used.",
            mime: JSON,
            variables: vec![("id", ids.clone())],
        };
        let app = Template {
            uri: "yonin://apps/{app}",
            name: "app",
            title: "App",
            description: "An app's address and its live release.",
            mime: JSON,
            variables: vec![("app", Arc::new(AppNames(self.apps.clone())))],
        };
        let of_artifact = |artifact: &Artifact| Template {
            uri: artifact.template,
            name: artifact.kind,
            title: artifact.title,
            description: artifact.description,
            mime: artifact.mime,
            variables: vec![("id", ids.clone())],
        };
        std::iter::once(task).chain(ARTIFACTS.iter().map(of_artifact)).chain([app]).collect()
    }

    fn list<'a>(&'a self, caller: &'a Principal, after: Option<&'a str>) -> BoxFuture<'a, Result<Page, Problem>> {
        Box::pin(async move {
            let cursor = after.map(str::to_owned);
            let which = ListTasksInput { limit: Some(PAGE), cursor, ..ListTasksInput::default() };
            let list = self.tasks.list(caller, which).await?;
            Ok(Page { resources: list.tasks.iter().map(of_task).collect(), next: list.next_cursor })
        })
    }

    fn read<'a>(&'a self, caller: &'a Principal, uri: &'a str) -> BoxFuture<'a, Result<Content, Problem>> {
        Box::pin(async move {
            match place(uri)? {
                Place::Task(id) => {
                    let task = self.tasks.get(caller, id).await?;
                    Ok(Content { mime: JSON, text: text(&task), fresh: fresh(&task) })
                }
                Place::Artifact(id, artifact) => self.artifact(caller, id, artifact).await,
                Place::App(app) => Ok(of_app(&self.apps.get(&app).await?)),
            }
        })
    }

    fn of_job<'a>(&'a self, caller: &'a Principal, job: JobId) -> BoxFuture<'a, Result<Vec<Resource>, Problem>> {
        Box::pin(async move {
            let task = self.tasks.get(caller, job).await?;
            let kept = self.tasks.kept(caller, job).await?;
            let handed_on = ARTIFACTS.iter().filter_map(|artifact| {
                let kept = kept.iter().find(|kept| kept.kind == artifact.kind)?;
                // A diff is kept as a JSON string, which is longer than its text.
                Some(of_artifact(job, artifact, (artifact.kind != kept::DIFF).then_some(kept.size)))
            });
            Ok(std::iter::once(of_task(&task)).chain(handed_on).collect())
        })
    }

    fn standings<'a>(
        &'a self,
        caller: &'a Principal,
        uris: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Option<Standing>>, Problem>> {
        Box::pin(async move {
            let mut seen = HashMap::new();
            let mut standings = Vec::new();
            for uri in uris {
                let (id, artifact) = match Place::of(uri) {
                    Some(Place::Task(id)) => (id, None),
                    Some(Place::Artifact(id, artifact)) => (id, Some(artifact)),
                    // No one task says what becomes of an app.
                    Some(Place::App(_)) | None => {
                        standings.push(None);
                        continue;
                    }
                };
                if let Entry::Vacant(place) = seen.entry(id) {
                    place.insert(self.look(caller, id).await?);
                }
                standings.push(seen[&id].as_ref().map(|seen| seen.standing(artifact)));
            }
            Ok(standings)
        })
    }
}

/// A task, and what has been handed on in it.
struct Seen {
    task: Task,
    kept: Vec<Kept>,
}

impl Seen {
    fn standing(&self, artifact: Option<&Artifact>) -> Standing {
        let version = match artifact {
            None => version(self.task.clone()),
            Some(artifact) => {
                Digest::of(&self.kept.iter().find(|kept| kept.kind == artifact.kind).map(|kept| kept.digest))
            }
        };
        Standing { job: self.task.id, version, over: self.task.status.is_final() }
    }
}

impl Library {
    /// Nothing where there is no such task for this caller.
    async fn look(&self, caller: &Principal, id: TaskId) -> Result<Option<Seen>, Problem> {
        // The task first: what is kept when it has ended stays.
        let looked =
            async { Ok(Seen { task: self.tasks.get(caller, id).await?, kept: self.tasks.kept(caller, id).await? }) };
        match looked.await {
            Ok(seen) => Ok(Some(seen)),
            Err(Problem { code: Code::NotFound, .. }) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    async fn artifact(&self, caller: &Principal, id: TaskId, artifact: &Artifact) -> Result<Content, Problem> {
        // The task first: what is kept when it has ended stays.
        let task = self.tasks.get(caller, id).await?;
        let text = match self.tasks.artifact(caller, id, artifact.kind, None).await? {
            Value::String(diff) => diff,
            artifact => artifact.to_string(),
        };
        Ok(Content { mime: artifact.mime, text, fresh: fresh(&task) })
    }
}

fn place(uri: &str) -> Result<Place, Problem> {
    Place::of(uri).ok_or_else(|| Code::NotFound.problem(format!("nothing is at {uri:?}")))
}

fn of_task(task: &Task) -> Resource {
    let first_line = task.goal.lines().next().unwrap_or_default();
    let goal: String = first_line.chars().take(TITLE).collect();
    Resource {
        uri: Place::Task(task.id).to_string(),
        name: task.id.to_string(),
        title: format!("{}: {goal}", task.app),
        description: format!("A task for {}: {}, in stage {}.", task.app, task.status.as_str(), task.stage.as_str()),
        mime: JSON,
        // What it has used goes on growing until then.
        size: task.status.is_final().then(|| text(task).len() as u64),
        changed_at: Some(task.updated_at),
    }
}

fn of_artifact(task: TaskId, artifact: &'static Artifact, size: Option<u64>) -> Resource {
    Resource {
        uri: Place::Artifact(task, artifact).to_string(),
        name: artifact.kind.to_owned(),
        title: artifact.title.to_owned(),
        description: artifact.description.to_owned(),
        mime: artifact.mime,
        size,
        changed_at: None,
    }
}

fn of_app(app: &App) -> Content {
    Content { mime: JSON, text: text(app), fresh: SOON }
}

fn fresh(task: &Task) -> Duration {
    if task.status.is_final() { ENDED } else { SOON }
}

/// The task apart from what passes by itself: a worker that looks at it changes nothing.
fn version(mut task: Task) -> Digest {
    task.updated_at = task.created_at;
    task.usage.millis = 0;
    Digest::of(&task)
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("types on the wire are JSON")
}
