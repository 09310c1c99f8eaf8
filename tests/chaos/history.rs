//! What people saw, what the store said, and what must be true of both.

use protocol::{
    AppName, Code, Digest, Problem, TaskId, Timestamp,
    event::{Event, What},
    task::{Status, Task},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use tests::Cluster;
use tokio::time::{Instant, sleep};
use yonin::client::TaskQuery;

/// Something that was handed in, by the key that makes it one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) app: AppName,
    pub(crate) key: String,
}

/// Everything that was seen from outside.
#[derive(Default)]
pub(crate) struct History(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    asked: BTreeSet<Asked>,
    acknowledged: BTreeMap<Asked, BTreeSet<TaskId>>,
    events: BTreeMap<TaskId, Vec<Event>>,
    ended: BTreeMap<TaskId, Task>,
    cancelled: BTreeSet<TaskId>,
    refused: BTreeMap<&'static str, usize>,
    jobs: BTreeMap<String, JobSeen>,
    looks: u64,
    wrong: Vec<String>,
}

/// A row of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobSeen {
    pub(crate) state: String,
    pub(crate) fence: i64,
    pub(crate) events: i64,
    pub(crate) outcome: String,
}

impl JobSeen {
    fn is_final(&self) -> bool {
        ["done", "failed", "cancelled"].contains(&self.state.as_str())
    }
}

impl History {
    pub(crate) fn asked(&self, asked: &Asked) {
        self.seen_all().asked.insert(asked.clone());
    }

    pub(crate) fn acknowledged(&self, asked: &Asked, task: &Task) {
        let mut seen = self.seen_all();
        seen.acknowledged.entry(asked.clone()).or_default().insert(task.id);
    }

    pub(crate) fn refused(&self, problem: &Problem) {
        *self.seen_all().refused.entry(problem.code.as_str()).or_default() += 1;
    }

    pub(crate) fn cancelled(&self, id: TaskId) {
        self.seen_all().cancelled.insert(id);
    }

    pub(crate) fn wrong(&self, what: String) {
        println!("WRONG: {what}");
        self.seen_all().wrong.push(what);
    }

    /// An event exactly as it was sent, on whatever connection.
    pub(crate) fn saw(&self, id: TaskId, event: Event) {
        let mut seen = self.seen_all();
        let events = seen.events.entry(id).or_default();
        let last = events.last().map_or(0, |event| event.seq);
        let fits = event.seq == last + 1;
        if fits {
            events.push(event);
        } else {
            seen.wrong.push(format!("{id}: event {} was sent after {last}", event.seq));
        }
    }

    /// The last event's number.
    pub(crate) fn seen(&self, id: TaskId) -> u64 {
        self.seen_all().events.get(&id).and_then(|events| events.last()).map_or(0, |event| event.seq)
    }

    /// Whether the event that ends the task was seen.
    pub(crate) fn is_told(&self, id: TaskId) -> bool {
        self.seen_all().events.get(&id).is_some_and(|events| end(events).is_some())
    }

    pub(crate) fn ended(&self, task: Task) {
        self.seen_all().ended.insert(task.id, task);
    }

    /// Acknowledged, and not seen to end.
    pub(crate) fn open(&self) -> Vec<TaskId> {
        let seen = self.seen_all();
        seen.acknowledged.values().flatten().filter(|id| !seen.ended.contains_key(id)).copied().collect()
    }

    /// A look at the store: of one job, fences and events only rise, and what has ended stays as it is.
    pub(crate) fn looked(&self, jobs: Vec<(String, JobSeen)>) {
        let mut seen = self.seen_all();
        seen.looks += 1;
        for (id, now) in jobs {
            if let Some(before) = seen.jobs.get(&id) {
                let went_back = now.fence < before.fence || now.events < before.events;
                if went_back || (before.is_final() && now != *before) {
                    let wrong = format!("job {id} went from {before:?} to {now:?}");
                    seen.wrong.push(wrong);
                }
            }
            seen.jobs.insert(id, now);
        }
    }

    pub(crate) fn summary(&self) -> String {
        let seen = self.seen_all();
        let mut ends = BTreeMap::<String, usize>::new();
        for task in seen.ended.values() {
            let code = task.error.as_ref().map_or(String::new(), |error| format!(" ({})", error.code));
            *ends.entry(format!("{}{code}", task.status.as_str())).or_default() += 1;
        }
        let claims: i64 = seen.jobs.values().map(|job| job.fence).sum();
        format!(
            "{} tasks, {ends:?}; {} events; cancels accepted: {}; refused: {:?}; {} looks at {} jobs with {claims} claims",
            seen.ended.len(),
            seen.events.values().map(Vec::len).sum::<usize>(),
            seen.cancelled.len(),
            seen.refused,
            seen.looks,
            seen.jobs.len(),
        )
    }

    /// What is not as it must be, now that all is calm.
    pub(crate) async fn check(&self, cluster: &Cluster) -> Vec<String> {
        let mut wrong = self.history();
        wrong.extend(self.present(cluster).await);
        wrong.extend(self.live(cluster).await);
        let previews = cluster.environment_dir().join("previews");
        // What could not be closed at once, the host closes when it next looks: after a minute at the latest.
        let deadline = Instant::now() + Duration::from_secs(75);
        let left = loop {
            let left: Vec<_> =
                std::fs::read_dir(&previews).into_iter().flatten().flatten().map(|it| it.path()).collect();
            if left.is_empty() || Instant::now() > deadline {
                break left;
            }
            sleep(Duration::from_millis(100)).await;
        };
        wrong.extend(left.into_iter().map(|path| format!("left over: {}", self.whose(cluster, &path))));
        wrong
    }

    /// A preview's directory, the task that the host knows it by, and how that ended.
    fn whose(&self, cluster: &Cluster, preview: &Path) -> String {
        let name = preview.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let apps = std::fs::read_dir(cluster.environment_dir().join("apps")).into_iter().flatten().flatten();
        let states = apps.filter_map(|app| std::fs::read_to_string(app.path().join("state.json")).ok());
        let state = states.into_iter().find(|state| state.contains(name));
        let tasks = self.seen_all().ended.clone();
        let task = state.as_ref().and_then(|state| tasks.values().find(|task| state.contains(&task.id.to_string())));
        format!("{}, of {task:?}, in {state:?}", preview.display())
    }

    /// What was seen fits together.
    fn history(&self) -> Vec<String> {
        let seen = self.seen_all();
        let mut wrong = seen.wrong.clone();
        for (asked, ids) in &seen.acknowledged {
            if ids.len() > 1 {
                wrong.push(format!("{asked:?} is {} tasks: {ids:?}", ids.len()));
            }
        }
        for (id, task) in &seen.ended {
            let told = seen.events.get(id).and_then(|events| end(events));
            if told.is_none_or(|(_, status, ..)| status != task.status) {
                wrong.push(format!("{id} is {:?}, and its events end with {told:?}", task.status));
            }
            if !may_end_so(task) {
                wrong.push(format!("{id} failed: {:?}", task.error));
            }
            if seen.cancelled.contains(id) && task.status != Status::Cancelled && task.error.is_none() {
                wrong.push(format!("{id} was cancelled, and is {:?}", task.status));
            }
        }
        if seen.looks < 5 || seen.ended.len() < 5 {
            wrong.push("too little happened for this to show anything".to_owned());
        }
        wrong
    }

    /// Everything acknowledged is there, as it was last seen; and nothing that nobody asked for, or twice.
    async fn present(&self, cluster: &Cluster) -> Vec<String> {
        let (mut wrong, mut query) = (Vec::new(), TaskQuery { limit: Some(100), ..TaskQuery::default() });
        let mut there = BTreeMap::new();
        loop {
            let page = cluster.client.tasks(&query).await.expect("it answers when all is calm");
            there.extend(page.tasks.into_iter().map(|task| (task.id, task)));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => break,
            }
        }
        let ended = self.seen_all().ended.clone();
        for (id, task) in &ended {
            match there.get(id) {
                None => wrong.push(format!("{id} is lost")),
                Some(now) if (now.status, &now.result, &now.error) != (task.status, &task.result, &task.error) => {
                    wrong.push(format!("{id} ended as {task:?}, and is now {now:?}"));
                }
                Some(_) => {}
            }
        }
        let mut keys = BTreeSet::new();
        for task in there.values() {
            if !task.status.is_final() {
                wrong.push(format!("{} never ends: {task:?}", task.id));
            }
            if let Some(key) = task.labels.get("key")
                && !keys.insert(key.clone())
            {
                wrong.push(format!("key {key} made more than one task"));
            }
        }
        if there.len() > self.seen_all().asked.len() {
            wrong.push(format!("{} tasks are there, {} were asked for", there.len(), self.seen_all().asked.len()));
        }
        wrong
    }

    /// What is live is what the last task that succeeded made live; the app works.
    async fn live(&self, cluster: &Cluster) -> Vec<String> {
        let (mut wrong, mut last) = (Vec::new(), BTreeMap::<AppName, (Timestamp, Digest)>::new());
        let ended: Vec<_> = {
            let seen = self.seen_all();
            let end = |task: &Task| {
                Some((task.app.clone(), end(seen.events.get(&task.id)?)?.0, task.result.clone()?.release))
            };
            seen.ended.values().filter_map(end).collect()
        };
        for (app, at, release) in ended {
            let entry = last.entry(app).or_insert((at, release));
            if at >= entry.0 {
                *entry = (at, release);
            }
        }
        for (app, (_, release)) in last {
            let live = cluster.client.app(&app).await.expect("the app is there").live.map(|release| release.digest);
            if live != Some(release) {
                wrong.push(format!("{app}: {live:?} is live, not {release}"));
            }
            let status = cluster.status(&app, reqwest::Method::GET, "/").await;
            if status != 200 {
                wrong.push(format!("{app} answers {status}"));
            }
        }
        wrong
    }

    fn seen_all(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("nothing panics while it is held")
    }
}

/// When and how the task ended, as its events tell.
fn end(events: &[Event]) -> Option<(Timestamp, Status)> {
    events.iter().find_map(|event| match &event.what {
        What::Ended { status, .. } => Some((event.at, *status)),
        _ => None,
    })
}

/// Whoever is struck often enough may give up, and nothing stays live that nobody could look at; who rolls back may find nothing to
/// roll back to.
fn may_end_so(task: &Task) -> bool {
    let Some(problem) = &task.error else { return true };
    match problem.code {
        Code::WorkerLost | Code::NoSuchRelease => true,
        Code::SmokeFailed => problem.detail.contains("could not be looked at"),
        code => code.is_retryable(),
    }
}
