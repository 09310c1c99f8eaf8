//! Tasks of many kinds that a capable model played against the real prompts once, played again on the real services: no token, the
//! same artifacts. What each took is kept in `docs/tapes.md`; `YONIN_UPDATE_DOCS=1` writes it.

use protocol::{
    artifact::Verdict,
    chat::Try,
    task::{Question, Status, Task},
};
use runtime::model::Tape;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use tests::{World, clubhouse};

#[tokio::test]
async fn every_recorded_run_comes_to_the_same_again() {
    let tapes = tapes();
    assert!(!tapes.is_empty());
    let world = World::with(&[("YONIN_MODEL", &format!("tape:{}", recorded().display()))]);
    let (mut different, mut times) = (Vec::new(), BTreeMap::new());
    for (name, tape) in &tapes {
        if tape.app.as_str().starts_with("clubhouse-") {
            clubhouse::take_over(&world, &tape.app);
        }
        let began = Instant::now();
        let task = play(&world, tape).await;
        let time = format!("{:.1} s", began.elapsed().as_secs_f64());
        println!("{name}: {:?} after {time}", task.status);
        times.insert(name.clone(), time);
        assert_eq!(task.status, Status::Succeeded, "{name}: {:?}", task.error);
        assert_eq!(task.usage.tokens, 0, "{name} asks nobody");
        let again = world.client.tape(task.id).await.expect("a tape");
        if again.artifacts != tape.artifacts {
            different.push(format!("{name}: {:?}, not {:?}", again.artifacts, tape.artifacts));
        }
        shows_what_is_new(name, &world.verdict(task.id).await, task.attempt);
    }
    assert_eq!(different, Vec::<String>::new());
    if updating() {
        Listed::read().write(&times);
    }
}

#[test]
fn what_the_tapes_took_is_in_the_docs() {
    let listed = Listed::read();
    if updating() {
        listed.write(&listed.times());
    } else {
        assert_eq!(listed.table, table(&listed.times()), "YONIN_UPDATE_DOCS=1 writes it anew");
    }
}

fn updating() -> bool {
    std::env::var_os("YONIN_UPDATE_DOCS").is_some()
}

/// The page of the tapes, cut where its table stands.
struct Listed {
    file: PathBuf,
    before: String,
    table: String,
    after: String,
}

impl Listed {
    const BEGIN: &str = "<!-- table -->\n";
    const END: &str = "<!-- end -->";

    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tapes.md");
        let text = fs::read_to_string(&file).expect("docs/tapes.md");
        let (before, rest) = text.split_once(Self::BEGIN).expect("where the table begins");
        let (table, after) = rest.split_once(Self::END).expect("where the table ends");
        Self { before: before.to_owned(), table: table.to_owned(), after: after.to_owned(), file }
    }

    /// How long each tape took when it was last timed: no test says how long it takes here and now.
    fn times(&self) -> BTreeMap<String, String> {
        let time = |line: &str| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            Some((cells.first()?.trim_matches('`').to_owned(), (*cells.get(6)?).to_owned()))
        };
        self.table.lines().skip(2).filter_map(time).collect()
    }

    fn write(&self, times: &BTreeMap<String, String>) {
        let Self { file, before, after, .. } = self;
        let text = format!("{before}{}{}{}{after}", Self::BEGIN, table(times), Self::END);
        fs::write(file, text).expect("written");
    }
}

/// What each tape took.
fn table(times: &BTreeMap<String, String>) -> String {
    let mut table = String::from(
        "| tape | app | rounds | calls: planner, architect, coder, tester | tokens in | tokens out | time |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, tape) in tapes() {
        let rounds = tape.parts.iter().map(|part| part.round).max().unwrap_or_default();
        let replies = |agent: &str| {
            let parts = tape.parts.iter().filter(|part| agent.is_empty() || part.agent == agent);
            let tries = parts.flat_map(|part| &part.turns).flat_map(|turn| &turn.tries);
            tries
                .filter_map(|one| if let Try::Answered(reply) = one { Some(reply.tokens) } else { None })
                .collect::<Vec<_>>()
        };
        let calls =
            ["planner", "architect", "coder", "tester"].map(|agent| replies(agent).len().to_string()).join(", ");
        let (input, output): (u64, u64) = replies("").iter().fold((0, 0), |(i, o), it| (i + it.input, o + it.output));
        let time = times.get(&name).map_or("", String::as_str);
        let _ = writeln!(table, "| `{name}` | {} | {rounds} | {calls} | {input} | {output} | {time} |", tape.app);
    }
    table
}

/// Submits the tape's goal, answers as the tape says, and approves what is asked.
async fn play(world: &World, tape: &Tape) -> Task {
    let task = world.goal(&tape.app, &tape.goal).approval(tape.approval).submit().await.expect("accepted");
    let settled = |task: &Task| task.status.is_final() || task.status == Status::Waiting;
    let mut now = world.when(task.id, settled).await;
    while !now.status.is_final() {
        match &now.question {
            Some(Question::Clarify { .. }) => {
                let answer = tape.answer.clone().expect("the tape has an answer");
                world.client.answer(task.id, answer).await.expect("answered");
            }
            Some(Question::Approval { .. }) => drop(world.client.approve(task.id).await.expect("approved")),
            other => panic!("it asks {other:?}"),
        }
        now = world.when(task.id, |task| settled(task) && task.question.is_none()).await;
    }
    now
}

/// On an app that had a release, what is new failed before.
fn shows_what_is_new(name: &str, verdict: &Verdict, attempt: u32) {
    let shown = verdict.results.iter().any(|result| result.id == Verdict::SHOWS_CHANGE);
    assert!(shown || verdict.base.is_none() || name == "back-fill", "{name} in round {attempt} shows nothing new");
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tapes")
}

/// By name.
fn tapes() -> Vec<(String, Tape)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(recorded()).expect("a directory").map(|it| it.expect("an entry").path()).collect();
    files.sort();
    let name = |file: &Path| file.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
    files.iter().map(|file| (name(file), Tape::read(file).expect("a tape"))).collect()
}
