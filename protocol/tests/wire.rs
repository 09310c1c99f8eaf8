//! What goes over the wire, as it goes over the wire: whoever changes a shape sees it here, and says so.

use protocol::{
    AppName, Code, Digest, JobId, KeyId, PreviewName, Problem, Role, Timestamp,
    artifact::*,
    chat::{Message, Reply, Thought, Tokens, ToolCall, ToolResult, Try, Turn},
    event::{Event, What},
    keys::*,
    rest::*,
    task::{Approval, Budget, ModelUsage, Question, Stage, Status, Task, TaskResult, Usage},
    tools::{Epoch, PreviewRef, architect::*, coder::*, host, planner::*, tester::*, thinking::*},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::collections::BTreeMap;

/// Records a shape, and makes sure that it is read as it is written.
macro_rules! wire {
    ($name:literal, $value:expr) => {
        let value = $value;
        same_again(&value);
        insta::assert_json_snapshot!($name, value);
    };
}

fn same_again<T: Serialize + DeserializeOwned + PartialEq>(value: &T) {
    let text = serde_json::to_string(value).expect("JSON");
    assert!(serde_json::from_str::<T>(&text).expect("the same form") == *value, "{text}");
}

#[test]
fn conversations() {
    let tokens = Tokens { input: 1_200, output: 80, micro_usd: Some(2_300) };
    let call = ToolCall { id: "c1".into(), name: "read_file".into(), arguments: json!({"path": "public/index.php"}) };
    let thoughts = vec![
        Thought::Signature { signature: "c2ln".into() },
        Thought::Words { text: "Where is it?".into() },
        Thought::Block { block: json!({"type": "redacted_thinking", "data": "YQ=="}) },
    ];
    let reply = Reply {
        text: "Let me look.".into(),
        thoughts,
        calls: vec![call],
        cut: false,
        model: "openai:gpt-5".into(),
        tokens,
    };
    let refused = Try::Refused {
        model: "openai:gpt-5".into(),
        problem: Code::ModelUnavailable.problem("429"),
        pause_millis: Some(2_000),
        tokens: Tokens::default(),
    };
    let lost = Try::Lost { model: "openai:gpt-5".into(), tokens };
    let results = vec![ToolResult { call: "c1".into(), name: "read_file".into(), content: "<?php".into() }];
    let turns = vec![
        Turn {
            turn: 1,
            prompt: digest("prompt"),
            instructions: Some("You are the Coder.".into()),
            said: vec![Message::user("Build it.")],
            tries: vec![refused, lost, Try::Answered(reply.clone())],
        },
        Turn {
            turn: 2,
            prompt: digest("prompt"),
            instructions: None,
            said: vec![Message::Tools { results }, Message::Model(reply)],
            tries: vec![],
        },
    ];
    wire!("transcript", Transcript { turns });
    let usage = ModelUsage {
        agent: "coder".into(),
        model: "openai:gpt-5".into(),
        calls: 3,
        tokens_in: 1_200,
        tokens_out: 80,
        cost_usd: Some(0.0023),
    };
    wire!("usage-output", UsageOutput { models: vec![usage] });
}

#[test]
fn tasks() {
    wire!("task", task());
    let waiting =
        Task { status: Status::Waiting, stage: Stage::Approve, question: Some(question()), result: None, ..task() };
    wire!("task-waiting", waiting);
    wire!("question-in-doubt", Question::InDoubt { reason: "every worker of the release died".into() });
    wire!("question-clarify", Question::Clarify { questions: vec!["Who may write into it?".into()] });
    let failed = Task { status: Status::Failed, error: Some(problem()), result: None, ..task() };
    wire!("task-failed", failed);
    wire!("problem", problem());
}

#[test]
fn events() {
    let result = Some(result());
    let whats = [
        What::Submitted,
        What::Moved { stage: Stage::Verify, status: Status::Running, attempt: 2 },
        What::Progress { message: "ran 12 of 40 checks, 12 passed".into() },
        What::Checked { id: "lint".into(), title: "Every file parses".into(), outcome: Outcome::Passed },
        What::Checked { id: "list".into(), title: "Lists".into(), outcome: Outcome::Failed { why: "500".into() } },
        What::Checked { id: "show".into(), title: "Shows".into(), outcome: Outcome::Errored { why: "no id".into() } },
        What::Asked { question: question() },
        What::Ended { status: Status::Succeeded, result, error: None },
        What::Ended { status: Status::Failed, result: None, error: Some(problem()) },
    ];
    let number = |(place, what)| Event { seq: place as u64 + 1, at: moment(), what };
    wire!("events", whats.into_iter().enumerate().map(number).collect::<Vec<_>>());
}

#[test]
fn artifacts() {
    wire!("plan", plan());
    wire!("design", design());
    wire!("change-set", change_set());
    wire!("checks", checks());
    wire!("verdict", verdict());
    wire!("release", release());
}

#[test]
fn rest() {
    wire!("submit-task", submit());
    wire!("rollback-app", RollbackApp { to: Some(digest("r0")) });
    wire!("answer-task", AnswerTask { text: "誰でも。".into() });
    wire!("reject-task", RejectTask { reason: Some("not today".into()) });
    wire!("task-list", TaskList { tasks: vec![task()], next_cursor: Some(id().to_string()) });
    wire!("app-list", AppList { apps: vec![App { name: app(), url: url(), live: Some(release()) }] });
    wire!("release-list", ReleaseList { releases: vec![release()] });
    let least: SubmitTask = serde_json::from_value(json!({"goal": "x", "app": "shop"})).expect("only these are needed");
    assert_eq!((least.approval, least.budget), (Approval::Destructive, Budget::default()));
}

#[test]
fn the_planners_tools() {
    wire!("tool-task", TaskInput { id: id() });
    wire!("tool-wait", WaitTaskInput { id: id(), seconds: Some(45) });
    let list =
        ListTasksInput { app: Some(app()), status: Some(Status::Queued), limit: Some(5), cursor: Some("c".into()) };
    wire!("tool-list", list);
    wire!("tool-reject", RejectTaskInput { id: id(), reason: None });
    wire!("tool-answer", AnswerTaskInput { id: id(), text: "Everybody.".into() });
    wire!("tool-rollback", RollbackAppInput { app: app(), to: None });
    wire!("tool-list-apps", ListAppsInput {});
    wire!("tool-outcome", TaskOutcome { id: id(), app: app(), result: Some(result()) });
}

#[test]
fn the_other_agents_tools() {
    wire!("design-input", DesignInput { plan: plan(), allowance: Allowance::default() });
    wire!("inspect-input", InspectAppInput { app: Some(app()), files: vec![path("a.php")] });
    wire!("inspect-output", InspectAppOutput { apps: vec![snapshot()] });
    let build = BuildInput {
        task: id(),
        app: app(),
        plan: plan(),
        design: design(),
        attempt: 2,
        again: 1,
        findings: verdict().results,
        before: Some(change_set()),
        supplied: None,
        allowance: Allowance { tokens: 900_000, micro_usd: Some(2_100_000) },
        turn: 7,
    };
    wire!("build-input", build);
    let built = BuildOutput {
        change_set: change_set(),
        release: digest("r1"),
        preview: preview(),
        destructive: vec![statement()],
    };
    wire!("build-output", built);
    let releasing = ReleaseInput {
        task: id(),
        app: app(),
        change_set: change_set().digest(),
        base: None,
        preview: preview(),
        verdict: verdict(),
        approved: vec![statement().checksum],
        turn: 8,
    };
    wire!("release-input", releasing);
    wire!("release-output", ReleaseOutput { live: Some(release()), url: url() });
    let back = |to| RollbackInput { task: id(), app: app(), from: digest("r1"), to, turn: 9 };
    wire!("rollback-input", [back(RollbackTo::Base), back(RollbackTo::Release(digest("r0")))]);
    wire!("discard-input", DiscardPreviewInput { app: app(), task: id(), turn: 10 });
    let verify = |target, intent| VerifyInput {
        task: id(),
        app: app(),
        target,
        intent,
        base: None,
        change_set: change_set().digest(),
        attempt: 1,
        checks: Vec::new(),
        unproven: vec![unproven()],
        again: 1,
        allowance: Allowance::default(),
        turn: 11,
    };
    let intent = Intent { plan: plan(), design: design() };
    let targets = [verify(Target::Preview { preview: preview() }, Some(intent)), verify(Target::Live, None)];
    wire!("verify-input", targets);
}

#[test]
fn the_hosts_tools() {
    let (app, task, epoch) = (app(), id(), Epoch { turn: 7, fence: 2 });
    let name = preview().name;
    wire!("host-open", host::OpenPreviewInput { app: app.clone(), task, base: Some(digest("r0")), epoch });
    wire!("host-preview", host::PreviewInput { preview: name.clone(), epoch });
    wire!("host-reset", host::Reset { caveats: vec!["a sample".into()] });
    let (statement, params) = ("delete from posts where id = ?".to_owned(), vec![json!(7)]);
    wire!("host-arrange", host::ArrangeInput { preview: name.clone(), statement, params, epoch });
    wire!("host-arranged", host::Arranged { rows: 1, id: Some(7) });
    wire!("host-close", host::ClosePreviewsInput { app: app.clone(), task, epoch });
    wire!("host-stage", host::StageReleaseInput { preview: name.clone(), change_set: change_set(), epoch });
    let staged = host::Staged { preview: preview(), release: digest("r1"), destructive: vec![], caveats: vec![] };
    wire!("host-staged", staged);
    let activate = host::ActivateReleaseInput {
        app: app.clone(),
        task,
        preview: name.clone(),
        change_set: change_set().digest(),
        base: None,
        verdict: verdict(),
        approved: vec![],
        epoch,
    };
    wire!("host-activate", activate);
    let from = digest("r1");
    wire!("host-rollback", host::RollbackReleaseInput { app: app.clone(), task, from, to: RollbackTo::Base, epoch });
    wire!("host-releases", host::ListReleasesInput { app: app.clone() });
    wire!("host-read", host::ReadFilesInput { place: host::Place::Live(app.clone()), paths: vec![] });
    wire!("host-read-output", host::ReadFilesOutput { files: change_set().files });
    wire!("host-lint", host::LintPhpInput { place: host::Place::Preview(name), paths: vec![path("a.php")] });
    wire!("host-lint-output", host::LintPhpOutput { files: 1, errors: vec!["a.php: unexpected }".into()] });
    wire!("host-log", host::TailLogInput { place: host::Place::Live(app.clone()), from: Some(0) });
    wire!("host-log-output", host::TailLogOutput { lines: vec!["PHP Warning".into()], end: 12 });
    wire!("host-access-input", host::AccessInput { place: host::Place::Live(app) });
    let access = host::Access {
        web: "http://127.0.0.1:80".into(),
        host_header: "shop.localhost".into(),
        mysql: "mysql://u:p@127.0.0.1:3306/app_shop".into(),
        redis: "redis://u:p@127.0.0.1:6379/0".into(),
        redis_prefix: "app:shop:".into(),
        secrets: vec![protocol::Digest::of_bytes(b"known to PHP")],
    };
    wire!("host-access", access);
    wire!("host-done", host::Done {});
}

/// Clients show these names, and refuse tools whose arguments are no object.
#[test]
fn tools_have_schemas_with_names() {
    fn schema<T: JsonSchema>() -> String {
        let schema = schemars::schema_for!(T);
        assert_eq!(schema.get("type"), Some(&json!("object")), "{}", T::schema_name());
        let fields = schema.get("properties").and_then(|fields| fields.as_object());
        let fields: Vec<_> = fields.into_iter().flat_map(|fields| fields.keys().cloned()).collect();
        format!("{}({})", T::schema_name(), fields.join(", "))
    }
    let tools = [
        (SUBMIT_TASK, schema::<SubmitTask>(), schema::<TaskOutcome>()),
        (GET_TASK, schema::<TaskInput>(), schema::<Task>()),
        (WAIT_TASK, schema::<WaitTaskInput>(), schema::<Task>()),
        (LIST_TASKS, schema::<ListTasksInput>(), schema::<TaskList>()),
        (CANCEL_TASK, schema::<TaskInput>(), schema::<Task>()),
        (APPROVE_TASK, schema::<TaskInput>(), schema::<Task>()),
        (REJECT_TASK, schema::<RejectTaskInput>(), schema::<Task>()),
        (ANSWER_TASK, schema::<AnswerTaskInput>(), schema::<Task>()),
        (LIST_APPS, schema::<ListAppsInput>(), schema::<AppList>()),
        (ROLLBACK_APP, schema::<RollbackAppInput>(), schema::<TaskOutcome>()),
        (IMPORT_APP, schema::<ImportAppInput>(), schema::<TaskOutcome>()),
        (DESIGN, schema::<DesignInput>(), schema::<Design>()),
        (INSPECT_APP, schema::<InspectAppInput>(), schema::<InspectAppOutput>()),
        (DISCARD_PREVIEW, schema::<DiscardPreviewInput>(), schema::<host::Done>()),
        (BUILD, schema::<BuildInput>(), schema::<BuildOutput>()),
        (RELEASE, schema::<ReleaseInput>(), schema::<ReleaseOutput>()),
        (ROLLBACK, schema::<RollbackInput>(), schema::<ReleaseOutput>()),
        (VERIFY, schema::<VerifyInput>(), schema::<Verdict>()),
        (host::OPEN_PREVIEW, schema::<host::OpenPreviewInput>(), schema::<PreviewRef>()),
        (host::OPEN_BASE_PREVIEW, schema::<host::OpenPreviewInput>(), schema::<PreviewRef>()),
        (host::RESET_PREVIEW, schema::<host::PreviewInput>(), schema::<host::Reset>()),
        (host::ARRANGE, schema::<host::ArrangeInput>(), schema::<host::Arranged>()),
        (host::CLOSE_PREVIEWS, schema::<host::ClosePreviewsInput>(), schema::<host::Done>()),
        (host::STAGE_RELEASE, schema::<host::StageReleaseInput>(), schema::<host::Staged>()),
        (host::ACTIVATE_RELEASE, schema::<host::ActivateReleaseInput>(), schema::<ReleaseOutput>()),
        (host::ROLLBACK_RELEASE, schema::<host::RollbackReleaseInput>(), schema::<ReleaseOutput>()),
        (host::LIST_RELEASES, schema::<host::ListReleasesInput>(), schema::<ReleaseList>()),
        (host::READ_FILES, schema::<host::ReadFilesInput>(), schema::<host::ReadFilesOutput>()),
        (host::LINT_PHP, schema::<host::LintPhpInput>(), schema::<host::LintPhpOutput>()),
        (host::TAIL_LOG, schema::<host::TailLogInput>(), schema::<host::TailLogOutput>()),
        (host::ACCESS, schema::<host::AccessInput>(), schema::<host::Access>()),
    ];
    insta::assert_snapshot!(tools.map(|(name, input, output)| format!("{name}: {input} -> {output}")).join("\n"));
}

#[test]
fn codes_keep_their_names_and_statuses() {
    let line = |code: &Code| format!("{} {} {}", code.status(), code, code.title());
    insta::assert_snapshot!(Code::ALL.iter().map(line).collect::<Vec<_>>().join("\n"));
}

fn id() -> JobId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id")
}

fn app() -> AppName {
    "shop".parse().expect("a name")
}

fn url() -> String {
    "http://shop.localhost/".into()
}

fn digest(text: &str) -> Digest {
    Digest::of_bytes(text.as_bytes())
}

fn path(text: &str) -> Path {
    text.parse().expect("a path")
}

fn moment() -> Timestamp {
    "2026-11-24T01:02:03.456789Z".parse().expect("a moment")
}

fn preview() -> PreviewRef {
    let name: PreviewName = "a1b2c3d4e5f6g7h8i9j0k1l2m3".parse().expect("a preview's name");
    PreviewRef { url: format!("http://{name}.preview.localhost/"), name, expires_at: moment() }
}

fn problem() -> Problem {
    Code::ChecksFailed.problem("3 of 3 rounds were red")
}

fn migration() -> Migration {
    Migration { id: "0002_drop_views".into(), sql: "alter table `posts` drop column `views`".into() }
}

fn statement() -> Statement {
    let Migration { id, sql } = migration();
    Statement { id, sql, checksum: migration().checksum(), danger: "loses the column's values".into() }
}

fn question() -> Question {
    Question::Approval {
        reason: "it can lose data".into(),
        statements: vec![statement()],
        preview: preview().url,
        reservations: reservations(),
    }
}

fn result() -> TaskResult {
    let (release, verdict) = (digest("r1"), digest("v1"));
    TaskResult { url: url(), release, verdict, checks_passed: 40, reservations: reservations() }
}

fn unproven() -> Unproven {
    Unproven { criterion: "c3".into(), reason: "no mail can be received here".into() }
}

fn reservations() -> Vec<String> {
    vec![unproven().to_string()]
}

fn submit() -> SubmitTask {
    SubmitTask {
        goal: "掲示板を作って。posts(title:string!)".into(),
        app: app(),
        approval: Approval::Always,
        budget: Budget { attempts: 2, tokens: 0, cost_usd: Some(2.5), seconds: 600 },
        labels: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
    }
}

fn task() -> Task {
    let SubmitTask { goal, app, labels, .. } = submit();
    Task {
        id: id(),
        goal,
        app,
        status: Status::Succeeded,
        stage: Stage::Done,
        attempt: 1,
        created_at: moment(),
        updated_at: moment(),
        message: Some("done".into()),
        labels,
        question: None,
        result: Some(result()),
        error: None,
        usage: Usage { attempts: 1, millis: 2_345, ..Usage::default() },
    }
}

fn plan() -> Plan {
    Plan {
        made_by: Some(MadeBy { model: "anthropic:claude-sonnet-4-5".into(), prompt: "planner@3f2a0c11b7de".into() }),
        task: id(),
        app: app(),
        goal: submit().goal,
        summary: "A board".into(),
        steps: vec![PlanStep { title: "posts".into(), detail: "a table, an API, a page".into() }],
        criteria: vec![Criterion { id: "c1".into(), text: "a post needs a title".into(), new: true }],
        assumptions: vec!["no sign-in".into()],
        risk: Risk::Low,
        supplied: false,
    }
}

fn design() -> Design {
    let field =
        |name: &str, kind| Field { name: name.into(), kind, required: true, unique: false, default: Some(json!(0)) };
    Design {
        made_by: None,
        plan: digest("p1"),
        base: Some(digest("r0")),
        summary: "A board".into(),
        resources: vec![Resource {
            name: "posts".into(),
            fields: vec![
                field("views", FieldType::Int),
                field("mood", FieldType::Enum(vec!["happy".into(), "sad".into()])),
                field("author", FieldType::Ref("users".into())),
            ],
        }],
        migrations: vec![migration()],
        endpoints: vec![Endpoint { method: "GET".into(), path: "/api/posts".into(), purpose: "lists".into() }],
        cache: vec![CacheKey { key: "posts:*".into(), ttl_seconds: Some(60), purpose: "lists".into() }],
        files: vec![FilePurpose { path: "public/index.php".into(), purpose: "front door".into() }],
        tests: vec![TestCase { criterion: "c1".into(), checks: "422 without a title".into() }],
    }
}

fn change_set() -> ChangeSet {
    let file = |name, content| FileChange { path: path(name), content };
    ChangeSet {
        app: app(),
        base: None,
        files: vec![
            file("logo.png", Some(Content::Base64("iVBORw==".into()))),
            file("old.php", None),
            file("public/index.php", Some(Content::Text("<?php\n".into()))),
        ],
        migrations: vec![migration()],
        invalidations: vec![Invalidation::Bump("posts:version".into()), Invalidation::Delete("posts:".into())],
    }
}

fn checks() -> Vec<Check> {
    let check =
        |id: &str, act| Check { id: id.into(), title: id.into(), criterion: Some("c1".into()), smoke: true, act };
    let is = |is| JsonExpect { pointer: "/x".into(), is };
    let matchers = [
        Matcher::Equals(json!({"a": 1})),
        Matcher::Decimal("1.50".into()),
        Matcher::Present,
        Matcher::Absent,
        Matcher::Matches("^x$".into()),
        Matcher::Contains("x".into()),
        Matcher::Length(2),
        Matcher::Between(1, 9),
    ];
    let http = HttpCheck {
        method: Method::Post,
        path: "/api/posts".into(),
        headers: BTreeMap::from([("accept".to_owned(), "application/json".to_owned())]),
        body: Some(Body::Json(json!({"title": "t"}))),
        jar: Some("a".into()),
        expect: HttpExpect {
            status: vec![201],
            headers: BTreeMap::from([("x-cache".to_owned(), Matcher::Equals(json!("MISS")))]),
            json: matchers.map(is).into(),
            body: vec![Pattern::Contains("a".into()), Pattern::Lacks("b".into()), Pattern::Matches("c".into())],
        },
        capture: BTreeMap::from([
            ("id".to_owned(), Capture::Json("/id".into())),
            ("at".to_owned(), Capture::Header("location".into())),
            ("token".to_owned(), Capture::Body("value=\"(.*?)\"".into())),
        ]),
    };
    let form = Body::Form(BTreeMap::from([("title".to_owned(), "t".to_owned())]));
    let other = |body| HttpCheck {
        body: Some(body),
        headers: BTreeMap::new(),
        jar: None,
        capture: BTreeMap::new(),
        ..http.clone()
    };
    let sql = |expect| SqlCheck {
        query: "select id from posts where id = ?".into(),
        params: vec![json!("${id}")],
        expect,
        capture: BTreeMap::from([("post".to_owned(), "id".to_owned())]),
    };
    let arrange = ArrangeCheck {
        statement: "insert into members (email, password_hash) values (?, ?)".into(),
        params: vec![json!("${run}@club.example"), json!("${bcrypt:secret}")],
        rows: Some(1),
        capture_id: Some("member".into()),
    };
    let row = BTreeMap::from([("id".to_owned(), Matcher::Present)]);
    let cache = |expect| CacheCheck { key: "posts:*".into(), expect };
    let present = CacheExpect::Present { value: Some(Matcher::Contains("t".into())), ttl_seconds: Some((1, 60)) };
    vec![
        check("http", Act::Http(http.clone())),
        check("form", Act::Http(other(form))),
        check("text", Act::Http(other(Body::Text("{".into())))),
        check("count", Act::Sql(sql(SqlExpect::Count(1)))),
        check("rows", Act::Sql(sql(SqlExpect::Rows(vec![row])))),
        check("absent", Act::Cache(cache(CacheExpect::Absent))),
        check("present", Act::Cache(cache(present))),
        check("log", Act::Log(LogCheck { lacks: "Warning".into() })),
        check("lint", Act::Lint(LintCheck { paths: vec![] })),
        Check { criterion: None, smoke: false, ..check("arrange", Act::Arrange(arrange)) },
    ]
}

fn verdict() -> Verdict {
    let result = |id: &str, outcome| CheckResult {
        before: None,
        id: id.into(),
        title: id.into(),
        criterion: None,
        outcome,
        millis: 3,
        evidence: Evidence { sent: "GET /".into(), received: "200".into() },
    };
    Verdict {
        task: id(),
        app: app(),
        kind: VerdictKind::Preview,
        base: None,
        change_set: change_set().digest(),
        checks: digest("checks"),
        passed: false,
        mandatory: Verdict::MANDATORY.map(str::to_owned).into(),
        results: vec![
            result("lint", Outcome::Passed),
            result("list", Outcome::Failed { why: "expected 200, saw 500".into() }),
            result("show", Outcome::Errored { why: "nothing was captured as id".into() }),
        ],
        caveats: vec!["a sample of 10 % of the rows".into()],
        unproven: vec![unproven()],
        started_at: moment(),
        finished_at: moment(),
        expires_at: moment(),
        signature: "c2lnbmF0dXJl".into(),
    }
}

fn release() -> Release {
    Release {
        app: app(),
        digest: digest("r1"),
        change_set: change_set().digest(),
        base: Some(digest("r0")),
        task: id(),
        state: ReleaseState::Live,
        activated_at: moment(),
    }
}

fn snapshot() -> AppSnapshot {
    AppSnapshot {
        app: app(),
        url: url(),
        live: Some(release()),
        releases: vec![release()],
        tree: vec![FileEntry { path: path("public/index.php"), size: 6 }],
        files: vec![FileText { path: path("public/index.php"), text: "<?php\n".into() }],
        schema: vec![Table {
            name: "posts".into(),
            columns: vec![Column {
                name: "id".into(),
                kind: "bigint".into(),
                default: Some("0".into()),
                extra: "auto_increment".into(),
                ..Column::default()
            }],
            references: vec![Reference {
                column: "author".into(),
                table: "users".into(),
                target: "id".into(),
                on_delete: Some("cascade".into()),
                on_update: None,
            }],
            indexes: vec![Index { name: "PRIMARY".into(), columns: vec!["id".into()], unique: true }],
            rows: 3,
            counted: true,
        }],
        migrations: vec!["0001_create_posts".into()],
    }
}

#[test]
fn api_keys() {
    let at: Timestamp = "2026-11-28T09:00:00Z".parse().expect("a moment");
    let id = KeyId::from_bytes([7; 16]);
    wire!(
        "create_key",
        CreateKey {
            name: "mei".parse().expect("a name"),
            role: Role::Viewer,
            expires_in_seconds: Some(7_776_000),
            another: true
        }
    );
    let configured = KeyRecord {
        id: None,
        name: "owner".into(),
        role: Role::Admin,
        state: KeyState::Active,
        source: KeySource::Configuration,
        created_by: None,
        created_at: None,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    let stored = KeyRecord {
        id: Some(id),
        name: "mei".into(),
        role: Role::Operator,
        state: KeyState::Revoked,
        source: KeySource::Store,
        created_by: Some("owner".into()),
        created_at: Some(at),
        expires_at: Some(at),
        last_used_at: Some(at),
        revoked_at: Some(at),
    };
    wire!("new_key", NewKey { key: "yonin_x".into(), about: stored.clone() });
    wire!("key_list", KeyList { keys: vec![configured, stored] });
}

#[test]
fn a_key_needs_no_more_than_a_name_and_lives_for_a_sensible_time() {
    let least: CreateKey = serde_json::from_value(json!({"name": "mei"})).expect("a key");
    assert_eq!((least.role, least.expires_in_seconds, least.another), (Role::Operator, None, false));
    for (seconds, good) in [(59, false), (60, true), (315_360_000, true), (315_360_001, false)] {
        let key = CreateKey { expires_in_seconds: Some(seconds), ..least.clone() };
        assert_eq!(key.validate().is_ok(), good, "{seconds}");
    }
}
