use super::app::App;
use crate::run::{Checklist, Done, Run, World};
use protocol::{
    Code, Problem,
    artifact::{CheckResult, Outcome, VerdictKind},
    tools::{
        Epoch,
        host::{
            ACCESS, ARRANGE, Access, AccessInput, ArrangeInput, Arranged, LINT_PHP, LintPhpInput, LintPhpOutput, Place,
            TAIL_LOG, TailLogInput, TailLogOutput,
        },
    },
};
use runtime::{About, Callers, Credential, Peer, Principal, Running, Service, ShortTool, Toolbox};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

/// The password of the accounts that the host hands out.
pub(crate) const PASSWORD: &str = "hunter2-hunter2";

/// An app, a host, and the world as a run sees it.
pub(crate) struct Stage {
    pub(crate) app: App,
    pub(crate) host: Arc<FakeHost>,
    peer: Peer,
    _service: Running,
}

/// What the host says.
#[derive(Default)]
pub(crate) struct FakeHost(Mutex<Says>);

#[derive(Default)]
struct Says {
    app: Option<SocketAddr>,
    log: Vec<String>,
    lint_errors: Vec<String>,
    closed: bool,
    arranged: Vec<ArrangeInput>,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let host = Arc::new(FakeHost::default());
        let app = App::start(Arc::clone(&host)).await;
        host.says(|says| says.app = Some(app.address));
        let key = Credential::random();
        let tools = Toolbox::new()
            .short(GiveAccess(Arc::clone(&host)))
            .short(Lint(Arc::clone(&host)))
            .short(TailLog(Arc::clone(&host)))
            .short(Arrange(Arc::clone(&host)));
        let callers = Callers::nobody().and(&key, Principal::service("tester"));
        let bound = Service::new("host", tools)
            .callers(callers)
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a port");
        let service = bound.start();
        let peer = Peer::new(service.origin(), key, Code::HostUnavailable);
        Self { app, host, peer, _service: service }
    }

    /// A run over these checks in a preview.
    pub(crate) async fn run(&self, checks: Value) -> Result<Vec<CheckResult>, Problem> {
        let preview = "a".repeat(26).parse().expect("a preview's name");
        self.results(Place::Preview(preview), VerdictKind::Preview, checks).await
    }

    /// A run over these checks on the live app.
    pub(crate) async fn smoke(&self, checks: Value) -> Result<Vec<CheckResult>, Problem> {
        self.results(Place::Live("shop".parse().expect("a name")), VerdictKind::Smoke, checks).await
    }

    async fn results(&self, place: Place, kind: VerdictKind, checks: Value) -> Result<Vec<CheckResult>, Problem> {
        let checks = serde_json::from_value(checks).expect("checks");
        let list = Checklist::new(kind, checks).expect("a list");
        let world = World::open(self.peer.clone(), place, Epoch { turn: 3, fence: 2 }).await?;
        let done = Done::default();
        let results = Run::begin(&world, "r1").await?.checks(&list, &done).await?;
        let passed = results.iter().filter(|result| result.outcome == Outcome::Passed).count();
        let told = done.so_far();
        // The last two, which look at the whole run, come after everything that is told.
        assert!(told.0 + 2 == results.len() && told.1 <= passed, "{told:?} of {results:?}");
        Ok(results)
    }
}

impl FakeHost {
    pub(crate) fn logs(&self, line: &str) {
        self.says(|says| says.log.push(line.to_owned()));
    }

    pub(crate) fn breaks_syntax_of(&self, path: &str) {
        self.says(|says| says.lint_errors.push(format!("{path}: syntax error, unexpected end of file")));
    }

    pub(crate) fn parses_again(&self) {
        self.says(|says| says.lint_errors.clear());
    }

    pub(crate) fn closes_preview(&self) {
        self.says(|says| says.closed = true);
    }

    /// What was arranged, in its order.
    pub(crate) fn arranged(&self) -> Vec<ArrangeInput> {
        self.says(|says| says.arranged.clone())
    }

    fn says<T>(&self, act: impl FnOnce(&mut Says) -> T) -> T {
        act(&mut self.0.lock().expect("nobody panics here"))
    }
}

const ABOUT: About = About { title: "", description: "", read_only: true, destructive: false, idempotent: true };

struct GiveAccess(Arc<FakeHost>);

impl ShortTool for GiveAccess {
    const NAME: &'static str = ACCESS;
    type Input = AccessInput;
    type Output = Access;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, _input: AccessInput) -> Result<Access, Problem> {
        let address = self.0.says(|says| (!says.closed).then_some(says.app).flatten());
        let address = address.ok_or_else(|| Code::PreviewGone.problem("it was closed"))?;
        Ok(Access {
            web: format!("http://{address}"),
            host_header: "shop.localhost".to_owned(),
            mysql: format!("mysql://shop:{PASSWORD}@127.0.0.1:1/shop"),
            redis: format!("redis://shop:{PASSWORD}@127.0.0.1:1/0"),
            redis_prefix: "app:shop:".to_owned(),
            secrets: Vec::new(),
        })
    }
}

struct Lint(Arc<FakeHost>);

impl ShortTool for Lint {
    const NAME: &'static str = LINT_PHP;
    type Input = LintPhpInput;
    type Output = LintPhpOutput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, _input: LintPhpInput) -> Result<LintPhpOutput, Problem> {
        Ok(LintPhpOutput { files: 3, errors: self.0.says(|says| says.lint_errors.clone()) })
    }
}

struct TailLog(Arc<FakeHost>);

impl ShortTool for TailLog {
    const NAME: &'static str = TAIL_LOG;
    type Input = TailLogInput;
    type Output = TailLogOutput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, input: TailLogInput) -> Result<TailLogOutput, Problem> {
        let (lines, end) = self.0.says(|says| {
            let start = input.from.and_then(|from| usize::try_from(from).ok()).unwrap_or(says.log.len());
            (says.log[start..].to_vec(), says.log.len())
        });
        Ok(TailLogOutput { lines, end: u64::try_from(end).expect("a small log") })
    }
}

struct Arrange(Arc<FakeHost>);

impl ShortTool for Arrange {
    const NAME: &'static str = ARRANGE;
    type Input = ArrangeInput;
    type Output = Arranged;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, input: ArrangeInput) -> Result<Arranged, Problem> {
        if input.statement.contains("no_such_table") {
            return Err(Code::BadRequest.problem("Table 'no_such_table' doesn't exist"));
        }
        let id = input.statement.starts_with("insert").then_some(41);
        self.0.says(|says| says.arranged.push(input));
        Ok(Arranged { rows: 2, id })
    }
}
