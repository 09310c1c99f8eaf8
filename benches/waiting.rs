//! What ten thousand tasks cost that wait for the Architect: memory and processor time of the one Planner that has them, and how
//! long submits and claims take meanwhile.
//!
//! The Planner is the real one. Its peers are scripts in this program: there are no apps yet, and no design is ever done.

use anyhow::{Context as _, ensure};
use benches::{Agent, Connection, Machine, Place, Samples, Server, Table};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use protocol::{
    AppName, Problem, TaskId,
    artifact::Design,
    rest::SubmitTask,
    task::{Approval, Budget, Status, Task},
    tools::{
        architect::DesignInput,
        coder::{InspectAppInput, InspectAppOutput},
    },
};
use runtime::{
    About, Callers, Credential, Job, JobError, LongTool, Principal, Running, Service, ShortTool, Step, Store, Toolbox,
    Wait, store::StoreLocation, tool::Admission,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{sleep, sleep_until},
};

/// Tasks that wait, each for an app of its own.
const TASKS: usize = 10_000;
/// Submits under way while they are handed in.
const CLIENTS: usize = 16;
/// How long the Planner is watched while it does nothing but wait.
const WATCHED: Duration = Duration::from_secs(20);
/// Submits per second while they wait, and for how long.
const RATE: (u32, Duration) = (200, Duration::from_secs(10));
/// Claims that are timed.
const CLAIMS: usize = 100;

const GOAL: &str = "posts(title:string!, body:text)";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let machine = Machine::look();
    let mut table = Table::new([
        "store",
        "waiting",
        "RSS MiB (bar: 150)",
        "of a core %",
        "submit p50 ms",
        "submit p99 ms (bar: 20)",
        "submit to claim p50 ms",
        "p99 ms",
    ]);
    for server in Server::all() {
        let place = server.place()?;
        for waiting in [0, TASKS] {
            let seen = measure(&place, waiting).await.with_context(|| format!("{waiting} on {server}"))?;
            table.row([
                server.to_string(),
                waiting.to_string(),
                format!("{:.1}", seen.memory as f64 / f64::from(1 << 20)),
                format!("{:.0}", seen.share * 100.0),
                seen.submits.millis(0.5),
                seen.submits.millis(0.99),
                seen.claims.millis(0.5),
                seen.claims.millis(0.99),
            ]);
        }
    }
    println!("\n{machine}\n{} submits a second; {CLAIMS} claims\n\n{table}", RATE.0);
    Ok(())
}

struct Seen {
    memory: u64,
    share: f64,
    submits: Samples,
    claims: Samples,
}

async fn measure(place: &Place, waiting: usize) -> anyhow::Result<Seen> {
    let directory = tempfile::tempdir()?;
    let peers = peers(directory.path()).await?;
    let store = match place.store(8) {
        StoreLocation::File(file) => file.display().to_string(),
        StoreLocation::Server { url, .. } => url,
    };
    let mut planner = Agent::start(
        "planner",
        directory.path(),
        &[
            ("YONIN_STORE_URL", &*store),
            ("YONIN_API_KEYS", "bench=a-person"),
            ("YONIN_ARCHITECT_URL", peers.origin()),
            ("YONIN_CODER_URL", peers.origin()),
            ("YONIN_TESTER_URL", peers.origin()),
            ("RUST_LOG", "error"),
        ],
    )?;
    planner.ready().await?;
    hand_in(&planner.origin, waiting).await?;
    let (began, spent) = (Instant::now(), planner.processor()?);
    sleep(WATCHED).await;
    let share = (planner.processor()? - spent).as_secs_f64() / began.elapsed().as_secs_f64();
    let claims = time_claims(&planner.origin).await?;
    let submits = time_submits(&planner.origin).await?;
    Ok(Seen { memory: planner.memory()?, share, submits, claims })
}

/// Has so many tasks wait for the Architect.
async fn hand_in(origin: &str, tasks: usize) -> anyhow::Result<()> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let origin = origin.to_owned();
        clients.spawn(async move {
            let mut connection = Connection::open(&origin).await?;
            let mut last = None;
            for _ in (client..tasks).step_by(CLIENTS) {
                last = Some(submit(&mut connection, &fresh_app()?).await?);
            }
            anyhow::Ok(last)
        });
    }
    let mut connection = Connection::open(origin).await?;
    for last in clients.join_all().await {
        if let Some(last) = last? {
            begun(&mut connection, last).await?;
        }
    }
    if tasks > 0 {
        // Claims are made oldest first: those that came before the last ones are under way, too; what is left of them comes now.
        sleep(Duration::from_secs(5)).await;
    }
    Ok(())
}

/// How long each submit takes: by the clock, whether or not earlier ones were answered. All but the first of them queue.
async fn time_submits(origin: &str) -> anyhow::Result<Samples> {
    let app = fresh_app()?;
    let mut free = Vec::new();
    for _ in 0..32 {
        free.push(Connection::open(origin).await?);
    }
    let free = Arc::new(Mutex::new(free));
    let (rate, time) = RATE;
    let (start, mut asked) = (tokio::time::Instant::now(), JoinSet::new());
    for number in 0..rate * u32::try_from(time.as_secs())? {
        let due = start + Duration::from_secs(1) * number / rate;
        sleep_until(due).await;
        let (free, app, origin) = (Arc::clone(&free), app.clone(), origin.to_owned());
        asked.spawn(async move {
            let kept = free.lock().await.pop();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(&origin).await?,
            };
            submit(&mut connection, &app).await?;
            let took = due.elapsed();
            free.lock().await.push(connection);
            anyhow::Ok(took)
        });
    }
    asked.join_all().await.into_iter().collect()
}

/// How long after its submit each task is seen to be under way.
async fn time_claims(origin: &str) -> anyhow::Result<Samples> {
    let mut connection = Connection::open(origin).await?;
    let mut samples = Samples::default();
    for number in 0..CLAIMS {
        sleep(Duration::from_millis(number as u64 * 37 % 101)).await;
        let began = Instant::now();
        let task = submit(&mut connection, &fresh_app()?).await?;
        begun(&mut connection, task).await?;
        samples.add(began.elapsed());
    }
    Ok(samples)
}

async fn submit(connection: &mut Connection, app: &AppName) -> anyhow::Result<TaskId> {
    let (approval, budget) = (Approval::Auto, Budget { seconds: 86_400, ..Budget::default() });
    let submit = SubmitTask { goal: GOAL.to_owned(), app: app.clone(), approval, budget, labels: [].into() };
    let request = Request::post("/v1/tasks")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", TaskId::fresh().to_string());
    let task = answer(connection, request, serde_json::to_vec(&submit)?, StatusCode::ACCEPTED).await?;
    Ok(task.id)
}

/// Returns when a task has left the queue.
async fn begun(connection: &mut Connection, task: TaskId) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let now = answer(connection, Request::get(format!("/v1/tasks/{task}")), Vec::new(), StatusCode::OK).await?;
        match now.status {
            Status::Queued => ensure!(Instant::now() < deadline, "it stays queued"),
            Status::Running => return Ok(()),
            other => anyhow::bail!("it is {other:?}: {:?}", now.error),
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn answer(
    connection: &mut Connection,
    request: http::request::Builder,
    body: Vec<u8>,
    expected: StatusCode,
) -> anyhow::Result<Task> {
    let request = request.header(header::HOST, "localhost").header(header::AUTHORIZATION, "Bearer a-person");
    let answer = connection.send(request.body(Full::new(Bytes::from(body)))?).await?;
    ensure!(answer.status() == expected, "{}: {:?}", answer.status(), answer.body());
    Ok(serde_json::from_slice(answer.body())?)
}

fn fresh_app() -> anyhow::Result<AppName> {
    let id = TaskId::fresh().to_string().replace('-', "");
    format!("t{}", &id[4..]).parse().context("letters and digits")
}

/// The Architect and the Coder, as far as this takes them.
async fn peers(directory: &std::path::Path) -> anyhow::Result<Running> {
    let callers = Callers::nobody().and(&Credential::new("a-key"), Principal::service("planner"));
    let service = Service::new("architect", Toolbox::new().short(Inspect).long(Architect))
        .callers(callers)
        .store(Store::sqlite(&directory.join("peers.db")).await?)
        .worker(16, runtime::job::Timing::default());
    Ok(service.bind(([127, 0, 0, 1], 0).into()).await?.start())
}

const ABOUT: About = About { title: "", description: "", read_only: true, destructive: false, idempotent: true };

/// There are no apps.
struct Inspect;

impl ShortTool for Inspect {
    const NAME: &'static str = "inspect_app";
    type Input = InspectAppInput;
    type Output = InspectAppOutput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, _input: InspectAppInput) -> Result<InspectAppOutput, Problem> {
        Ok(InspectAppOutput::default())
    }
}

/// Thinks until tomorrow.
struct Architect;

impl LongTool for Architect {
    const NAME: &'static str = "design";
    type Input = DesignInput;
    type Output = Design;
    type Checkpoint = ();

    fn about(&self) -> About {
        ABOUT
    }

    fn admit(&self, _caller: &Principal, _input: &DesignInput) -> Result<Admission, Problem> {
        Ok(Admission::default())
    }

    async fn run(
        &self,
        _job: &Job,
        _input: DesignInput,
        _checkpoint: Option<()>,
    ) -> Result<Step<(), Design>, JobError> {
        Ok(Step::Wait((), Wait::Until(protocol::Timestamp::MAX_UTC)))
    }
}
