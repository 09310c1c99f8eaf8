//! A Coder that shows what a test wants.

use protocol::{
    AppName, Code, Digest, Problem, TaskId,
    artifact::{Column, Path, Release, ReleaseState, Resource},
    tools::coder::{AppSnapshot, INSPECT_APP, InspectAppInput, InspectAppOutput, Table},
};
use runtime::{About, Callers, Credential, Principal, Running, Service, ShortTool, Toolbox};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;

/// The Coder, at work on a port of its own.
pub(crate) struct FakeCoder {
    pub(crate) script: Arc<Script>,
    pub(crate) key: Credential,
    pub(crate) running: Running,
}

/// How it is to answer, and how often it was asked.
#[derive(Default)]
pub(crate) struct Script {
    next: Mutex<VecDeque<Then>>,
    calls: Mutex<usize>,
    asked: Notify,
    /// What there is when no other answer is wanted.
    pub(crate) app: Mutex<Option<AppSnapshot>>,
    /// The files that were asked for, call by call.
    pub(crate) files: Mutex<Vec<Vec<Path>>>,
}

/// How a call goes that does not simply find nothing.
pub(crate) enum Then {
    /// There is this app.
    Show(Box<AppSnapshot>),
    /// It is refused with this code.
    Refuse(Code),
    /// It never answers.
    Hang,
    /// As usual.
    Go,
}

impl FakeCoder {
    pub(crate) async fn start() -> Self {
        let (script, key) = (Arc::new(Script::default()), Credential::random());
        let running = Service::new("coder", Toolbox::new().short(Inspect(Arc::clone(&script))))
            .callers(Callers::nobody().and(&key, Principal::service("architect")))
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a port")
            .start();
        Self { script, key, running }
    }
}

impl Script {
    /// The next call goes so.
    pub(crate) fn next(&self, then: Then) {
        self.next.lock().expect("a script").push_back(then);
    }

    pub(crate) fn calls(&self) -> usize {
        *self.calls.lock().expect("calls")
    }

    /// Returns once it was asked so often.
    pub(crate) async fn called(&self, times: usize) {
        loop {
            let asked = self.asked.notified();
            if self.calls() >= times {
                return;
            }
            asked.await;
        }
    }
}

struct Inspect(Arc<Script>);

impl ShortTool for Inspect {
    const NAME: &'static str = INSPECT_APP;
    type Input = InspectAppInput;
    type Output = InspectAppOutput;

    fn about(&self) -> About {
        About { title: "", description: "", read_only: true, destructive: false, idempotent: true }
    }

    async fn call(&self, _caller: &Principal, input: InspectAppInput) -> Result<InspectAppOutput, Problem> {
        *self.0.calls.lock().expect("calls") += 1;
        self.0.asked.notify_waiters();
        assert!(input.app.is_some(), "it asks for one app");
        self.0.files.lock().expect("files").push(input.files.clone());
        let then = self.0.next.lock().expect("a script").pop_front();
        match then {
            None | Some(Then::Go) => {
                let mut apps = Vec::from_iter(self.0.app.lock().expect("an app").clone());
                apps.iter_mut().for_each(|app| app.files.retain(|file| input.files.contains(&file.path)));
                Ok(InspectAppOutput { apps })
            }
            Some(Then::Show(app)) => Ok(InspectAppOutput { apps: vec![*app] }),
            Some(Then::Refuse(code)) => Err(code.problem("as the test wants it")),
            Some(Then::Hang) => std::future::pending().await,
        }
    }
}

/// An app with a live release and a table for each resource, all of whose fields are strings.
pub(crate) fn live(app: &AppName, resources: &[Resource]) -> AppSnapshot {
    let release = Release {
        app: app.clone(),
        digest: Digest::of("live"),
        change_set: Digest::of("change"),
        base: None,
        task: TaskId::from_bytes([1; 16]),
        state: ReleaseState::Live,
        activated_at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
    };
    AppSnapshot {
        app: app.clone(),
        url: "http://shop.localhost/".to_owned(),
        live: Some(release.clone()),
        releases: vec![release],
        tree: vec![],
        files: vec![],
        schema: resources.iter().map(table).collect(),
        migrations: vec!["0001_create_posts".to_owned()],
    }
}

fn table(resource: &Resource) -> Table {
    let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: kind.to_owned(), ..Column::default() };
    let fields = resource.fields.iter().map(|field| column(&field.name, "varchar(255)"));
    let own = [("id", "bigint(20)"), ("created_at", "datetime"), ("updated_at", "datetime")];
    let own = own.into_iter().map(|(name, kind)| column(name, kind));
    Table { name: resource.name.clone(), columns: own.chain(fields).collect(), ..Table::default() }
}
