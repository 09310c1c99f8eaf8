use environment::client::{KeyState, Keys, Query, Request, Secrets, Sql, Web, WebRequest, WebResponse};
use protocol::{
    Code, JobId, Problem,
    artifact::Path,
    tools::{
        Epoch,
        host::{self, Access, ArrangeInput, Arranged, LintPhpInput, LintPhpOutput, Place, TailLogInput, TailLogOutput},
    },
};
use runtime::Peer;
use serde_json::{Map, Value};
use std::{future::Future, time::Duration};
use tokio::{sync::OnceCell, time::timeout};

/// One act of a check takes at most this long.
const ACT: Duration = Duration::from_secs(10);
/// The clients of the database and the cache end what takes too long by themselves, after 10 s; beyond this nobody answers.
const SERVICE_ACT: Duration = Duration::from_secs(20);
/// The host parses thousands of files in this time.
const HOST_ACT: Duration = Duration::from_secs(60);

/// The app or preview that a run tests: its web address, its rows and keys with its own accounts, its files and its log.
pub(crate) struct World {
    host: Peer,
    place: Place,
    /// The run's place in the order of writers, for what it arranges.
    epoch: Epoch,
    access: Access,
    web: Web,
    // Connected when first needed: most checks only speak HTTP.
    sql: OnceCell<Sql>,
    keys: OnceCell<Keys>,
}

/// What came of an act that the app itself may spoil by never answering.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// It answered.
    Given(T),
    /// It took longer than an act may take.
    TooLate,
}

impl World {
    /// Asks the host for the place's accounts.
    pub(crate) async fn open(host: Peer, place: Place, epoch: Epoch) -> Result<Self, Problem> {
        let access: Access = host.call(host::ACCESS, &host::AccessInput { place: place.clone() }).await?;
        let web = Web::new(&access);
        Ok(Self { host, place, epoch, access, web, sql: OnceCell::new(), keys: OnceCell::new() })
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) async fn send(&self, request: WebRequest) -> Result<Answer<WebResponse>, Problem> {
        match timeout(ACT, self.web.send(request)).await {
            Ok(response) => response.map(Answer::Given),
            Err(_) => Ok(Answer::TooLate),
        }
    }

    pub(crate) async fn rows(&self, query: &str, params: &[Value]) -> Result<Vec<Map<String, Value>>, Problem> {
        let rows = async {
            let sql = self.sql.get_or_try_init(|| Sql::connect(&self.access)).await?;
            sql.query(query, params).await
        };
        within(SERVICE_ACT, Code::MysqlUnavailable, rows).await
    }

    pub(crate) async fn keys(&self, pattern: &str) -> Result<Vec<KeyState>, Problem> {
        let keys = async {
            let keys = self.keys.get_or_try_init(|| Keys::connect(&self.access)).await?;
            keys.matching(pattern).await
        };
        within(SERVICE_ACT, Code::RedisUnavailable, keys).await
    }

    /// Changes rows of the preview. There is no way to do so on the live app.
    pub(crate) async fn arrange(&self, statement: &str, params: Vec<Value>) -> Result<Arranged, Problem> {
        let Place::Preview(preview) = &self.place else {
            return Err(Code::BadRequest.problem("rows of the live app are never changed"));
        };
        let (preview, statement) = (preview.clone(), statement.to_owned());
        let input = ArrangeInput { preview, statement, params, epoch: self.epoch };
        self.host.timeout(HOST_ACT).call(host::ARRANGE, &input).await
    }

    /// What a model asks the database, and what comes back.
    pub(crate) async fn answer(&self, query: &Query, job: JobId) -> Result<String, Problem> {
        let sql = self.sql.get_or_try_init(|| Sql::connect(&self.access)).await?;
        query.ask(sql, &Secrets::of(&self.access), job).await
    }

    /// What a model asks for over HTTP, and what comes back.
    pub(crate) async fn page(&self, request: &Request, job: JobId) -> Result<String, Problem> {
        request.send(&self.web, &Secrets::of(&self.access), job, None).await
    }

    pub(crate) async fn lint(&self, paths: &[Path]) -> Result<LintPhpOutput, Problem> {
        let input = LintPhpInput { place: self.place.clone(), paths: paths.to_vec() };
        self.host.timeout(HOST_ACT).call(host::LINT_PHP, &input).await
    }

    /// A piece of PHP's log; without a place to read from, only where it ends.
    pub(crate) async fn log(&self, from: Option<u64>) -> Result<TailLogOutput, Problem> {
        let input = TailLogInput { place: self.place.clone(), from };
        self.host.timeout(HOST_ACT).call(host::TAIL_LOG, &input).await
    }

    /// Whether the database and the cache answer at all. An app that answers 5xx because they don't proves nothing about
    /// the change.
    pub(crate) async fn services_answer(&self) -> Result<(), Problem> {
        self.rows("select 1 as one", &[]).await?;
        self.keys("yonin-is-anybody-there").await?;
        Ok(())
    }
}

async fn within<T>(
    limit: Duration,
    unavailable: Code,
    act: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    timeout(limit, act)
        .await
        .unwrap_or_else(|_| Err(unavailable.problem(format!("no answer within {} s", limit.as_secs()))))
}
