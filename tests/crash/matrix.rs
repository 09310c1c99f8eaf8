//! Where a process is killed, and in the middle of what.

use std::{collections::BTreeSet, fmt, path::Path};
use tests::cluster::Role;

/// One row of the matrix: a fail point, with what it is about, each time with how often it is reached before it counts.
///
/// A point *before* a step is the point *after* the step before it, as far as the outside is concerned, so the host has only those
/// after; the runtime has both, since what lies between them is the store.
pub(crate) struct Row {
    pub(crate) point: &'static str,
    pub(crate) about: &'static [(&'static str, &'static [u32])],
}

const fn row(point: &'static str, about: &'static [(&'static str, &'static [u32])]) -> Row {
    Row { point, about }
}

const ONCE: &[u32] = &[1];

/// Each agent's tools. A task claims the Planner's job again after each peer's part, and tests twice: before it is live and after.
const TOOLS: &[(&str, &[u32])] = &[
    ("submit_task", &[1, 3, 5]),
    ("rollback_app", &[1, 2]),
    ("design", ONCE),
    ("build", ONCE),
    ("verify", &[1, 2]),
    ("release", ONCE),
    ("rollback", ONCE),
];

/// What the Coder does to the outside.
const EFFECTS: &[(&str, &[u32])] = &[("preview", ONCE), ("stage", ONCE), ("activate", ONCE), ("rollback", ONCE)];

const CHECKPOINTS: &[(&str, &[u32])] = &[("submit_task", &[1, 4, 7]), ("rollback_app", ONCE), ("build", ONCE)];

const COMMITS: &[(&str, &[u32])] =
    &[("submit_task", ONCE), ("rollback_app", ONCE), ("release", ONCE), ("rollback", ONCE)];

/// The first statement of two, and the second.
const STATEMENTS: &[(&str, &[u32])] = &[("preview", ONCE), ("app", &[1, 2])];

/// Every point of the agents.
const AGENTS: &[Row] = &[
    // The first time is when the process starts.
    row("claim.before", &[("planner", &[2]), ("architect", &[2]), ("coder", &[2]), ("tester", &[2])]),
    row("claim.after", TOOLS),
    row("intent.before", EFFECTS),
    row("intent.after", EFFECTS),
    row("effect.after", EFFECTS),
    row("outcome.after", EFFECTS),
    row("checkpoint.before", CHECKPOINTS),
    row("checkpoint.after", CHECKPOINTS),
    row("commit.before", COMMITS),
    row("commit.after", COMMITS),
    row("result.before", TOOLS),
    row("result.after", TOOLS),
    row("hint.after", TOOLS),
];

/// Every point of the host.
const HOST: &[Row] = &[
    row("name.after", &[("preview", ONCE)]),
    row("schema.after", &[("app", ONCE), ("preview", ONCE), ("reset", ONCE), ("close", ONCE)]),
    row("account.after", &[("app", ONCE), ("preview", ONCE), ("close", ONCE)]),
    row("acl.after", &[("app", ONCE), ("preview", ONCE), ("close", ONCE)]),
    row("saga.after", &[("activate", ONCE), ("rollback", ONCE)]),
    row("files.after", &[("stage", ONCE), ("activate", ONCE), ("close", ONCE)]),
    row("statement.before", STATEMENTS),
    row("statement.after", STATEMENTS),
    row("ledger.after", STATEMENTS),
    row("migrate.after", &[("reset", ONCE), ("activate", ONCE)]),
    row("restore.after", &[("rollback", ONCE)]),
    row("pool.after", &[("preview", ONCE), ("activate", ONCE), ("rollback", ONCE), ("close", ONCE)]),
    row("swap.after", &[("stage", ONCE), ("activate", ONCE), ("rollback", ONCE)]),
    row("invalidate.after", &[("activate", ONCE), ("rollback", ONCE)]),
    row("record.after", &[("preview", ONCE), ("stage", ONCE), ("activate", ONCE), ("rollback", ONCE), ("close", ONCE)]),
];

/// One death: whose, and where.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) role: Role,
    pub(crate) point: &'static str,
    pub(crate) about: &'static str,
    pub(crate) count: u32,
}

impl Case {
    /// What `YONIN_FAIL_POINT` says.
    pub(crate) fn variable(&self) -> String {
        format!("{}/{}#{}", self.point, self.about, self.count)
    }

    /// It dies on the way back to an earlier release, not on the way to a new one.
    pub(crate) fn is_on_the_way_back(&self) -> bool {
        ["rollback", "rollback_app"].contains(&self.about)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role.name(), self.variable())
    }
}

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The agents.
    Agents,
    /// The host.
    Host,
}

impl Part {
    pub(crate) const ALL: [Self; 2] = [Self::Agents, Self::Host];

    /// Its points.
    pub(crate) fn rows(self) -> &'static [Row] {
        match self {
            Self::Agents => AGENTS,
            Self::Host => HOST,
        }
    }
}

/// Every case of this part.
pub(crate) fn cases(part: Part) -> Vec<Case> {
    let of_row = |row: &'static Row| {
        row.about.iter().flat_map(move |&(about, counts)| {
            let role = if part == Part::Host { Role::Host } else { agent(about) };
            counts.iter().map(move |&count| Case { role, point: row.point, about, count })
        })
    };
    part.rows().iter().flat_map(of_row).collect()
}

/// Every point, with a third of its kinds, taken in turn so that each comes up about as often.
pub(crate) fn spread(part: Part) -> Vec<Case> {
    let all = cases(part);
    let mut chosen = Vec::new();
    for (turn, row) in part.rows().iter().enumerate() {
        let of_row: Vec<_> = all.iter().filter(|case| case.point == row.point).collect();
        let third = of_row.len().div_ceil(3);
        chosen.extend((0..third).map(|step| *of_row[(turn + 3 * step) % of_row.len()]));
    }
    chosen.sort();
    chosen.dedup();
    chosen
}

fn agent(about: &str) -> Role {
    match about {
        "planner" | "submit_task" | "rollback_app" => Role::Planner,
        "architect" | "design" => Role::Architect,
        "tester" | "verify" => Role::Tester,
        "coder" | "build" | "release" | "rollback" | "preview" | "stage" | "activate" => Role::Coder,
        unknown => panic!("whose is {unknown}?"),
    }
}

/// The table for the documentation.
pub(crate) fn table() -> String {
    let mut text = HEAD.to_owned();
    for (title, part, column) in [("Agents", Part::Agents, "tool or effect"), ("Host", Part::Host, "act")] {
        let everywhere: BTreeSet<_> = spread(part).into_iter().collect();
        text +=
            &format!("\n## {title}\n\n| fail point | {column} | time | MariaDB | SQLite |\n|---|---|---|---|---|\n");
        for case in cases(part) {
            let sqlite = if everywhere.contains(&case) { "passed" } else { "" };
            text += &format!("| `{}` | {} | {} | passed | {sqlite} |\n", case.point, case.about, case.count);
        }
    }
    text
}

const HEAD: &str = "\
# Crash matrix

`tests/crash` kills a process with SIGKILL at each of these places in the code, starts it again, and looks at what came of the task
that was under way: it succeeds; at the environment's servers every statement ran once, the live release changed once, one release
and one preview were made and nothing of the preview is left; the task's events are numbered 1 to n without a gap, the last one and
no other is its end; no job stays open. A place that is not reached fails the test, and so does a place in the code that is not in
this table. `YONIN_UPDATE_DOCS=1` writes it anew.

*time* says how often the place is reached before the process dies: a task's job is claimed again after each part, verified twice,
and its change has two statements. Every place is tried with every tool and act on MariaDB, with Redis for hints; on SQLite, where all
is polled, every place is, with about a third of the tools and acts, taken in turn. In the host's rows the column names the store of
the agents that call it.
";

/// The points that the source names: `(point, about)`, the latter only where it stands there literally.
pub(crate) fn in_source() -> BTreeSet<(String, Option<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is one up");
    let mut found = BTreeSet::new();
    for dir in ["runtime/src", "environment/src", "agents"] {
        visit(&root.join(dir), &mut found);
    }
    found
}

fn visit(dir: &Path, found: &mut BTreeSet<(String, Option<String>)>) {
    for entry in std::fs::read_dir(dir).expect("the source").flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            found.extend(text.split("fail::point(").skip(1).map(arguments));
        }
    }
}

/// `"point", "about")...` or `"point", expression)...`.
fn arguments(call: &str) -> (String, Option<String>) {
    let literal = |text: &str| {
        let (inside, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
        Some(inside.to_owned())
    };
    let (first, rest) = call.split_once(',').expect("two arguments");
    (literal(first).expect("a fail point's name is a literal"), literal(rest))
}
