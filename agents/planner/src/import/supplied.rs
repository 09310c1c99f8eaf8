use super::{checks, dump, pages};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use protocol::{
    AppName, Code, Digest, Problem, TaskId,
    artifact::{
        ChangeSet, Check, Content, Criterion, Design, FileChange, FilePurpose, Migration, Plan, PlanStep, Risk,
        TestCase,
    },
    rest::{ImportApp, SuppliedFile},
    tools::planner::ImportAppInput,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What every request to an app is answered by.
const FRONT: &str = "public/index.php";

/// An app as a person supplied it, looked through: kept beside its task, out of its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Supplied {
    /// By path.
    files: Vec<FileChange>,
    migrations: Vec<Migration>,
    /// For each of them the line of the dump that it began in.
    lines: Vec<usize>,
    /// The tables of the dump, and how many rows it has of each.
    tables: Vec<(String, u64)>,
    /// Pages that the person named.
    named: Vec<String>,
    /// Pages that the files tell of.
    found: Vec<String>,
    /// What was left out of the dump, in words.
    left_out: Vec<String>,
}

impl Supplied {
    /// Looks through what came.
    ///
    /// # Errors
    /// [`Code::BadPath`], [`Code::BadDump`], [`Code::BadRequest`] or [`Code::ChangeSetTooLarge`], naming what and why.
    pub(crate) fn of(input: &ImportAppInput) -> Result<Self, Problem> {
        let mut files = input.files.iter().map(file).collect::<Result<Vec<_>, _>>()?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        if !files.iter().any(|file| file.path.as_str() == FRONT) {
            let detail = format!("there is no {FRONT}, which answers every request to an app");
            return Err(Code::BadPath.problem(detail));
        }
        if input.pages.len() > ImportApp::MAX_PAGES {
            return Err(Code::BadRequest.problem(format!("at most {} pages can be named", ImportApp::MAX_PAGES)));
        }
        let named = input.pages.iter().map(|page| pages::named(page)).collect::<Result<BTreeSet<_>, _>>()?;
        let named = named.into_iter().filter(|page| page != "/").collect();
        let dump = input.sql.as_deref().map(dump::read).transpose()?.unwrap_or_default();
        let left_out = dump.left_out.iter().map(|(words, count)| format!("{count} × {words}")).collect();
        let dump::Dump { migrations, lines, tables, .. } = dump;
        let found = pages::found(&files);
        let supplied = Self { files, migrations, lines, tables, named, found, left_out };
        supplied.change_set(&input.app).validate()?;
        Ok(supplied)
    }

    /// What goes live.
    pub(crate) fn change_set(&self, app: &AppName) -> ChangeSet {
        let (files, migrations) = (self.files.clone(), self.migrations.clone());
        ChangeSet { app: app.clone(), base: None, files, migrations, invalidations: Vec::new() }
    }

    /// What is done, and by whom.
    pub(crate) fn plan(&self, task: TaskId, app: &AppName, goal: &str, by: &str) -> Plan {
        let left_out = self.left_out.join(", ");
        let settings = format!("The app needs nothing of what was left out of the dump: {left_out}.");
        Plan {
            task,
            app: app.clone(),
            goal: goal.to_owned(),
            summary: format!("{by} supplied the app as it is: {}. Nobody wrote any of it here.", self.extent()),
            steps: vec![
                step("Take over the files", format!("{}, as supplied.", count(self.files.len() as u64, "file"))),
                step(
                    "Take over the database",
                    format!("{}, in {}.", self.database(), count(self.migrations.len() as u64, "statement")),
                ),
            ],
            criteria: self.criteria(),
            assumptions: if left_out.is_empty() { Vec::new() } else { vec![settings] },
            risk: Risk::Low,
            supplied: true,
            made_by: None,
        }
    }

    /// How: there was nothing to design.
    pub(crate) fn design(&self, plan: &Plan) -> Design {
        let purpose =
            |file: &FileChange| FilePurpose { path: file.path.to_string(), purpose: "As it was supplied.".to_owned() };
        let test = |criterion: &Criterion| TestCase { criterion: criterion.id.clone(), checks: criterion.text.clone() };
        Design {
            plan: Digest::of(plan),
            base: None,
            summary: format!("The app as a person supplied it, and not designed here: {}.", self.extent()),
            resources: Vec::new(),
            migrations: self.migrations.clone(),
            endpoints: pages::endpoints(self.pages()),
            cache: Vec::new(),
            files: self.files.iter().map(purpose).collect(),
            tests: plan.criteria.iter().map(test).collect(),
            made_by: None,
        }
    }

    /// What must be seen to hold.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let rows = self.tables.iter().flat_map(|(table, rows)| checks::table(table, *rows));
        // Before any page is asked for, which may write.
        let pages = [checks::first_page()].into_iter().chain(self.named.iter().map(|page| checks::named(page)));
        rows.chain(pages).chain(self.found().map(checks::found)).collect()
    }

    /// A problem with a statement, saying where in the dump it stands.
    pub(crate) fn at_line(&self, mut problem: Problem) -> Problem {
        if let Some(place) = self.migrations.iter().position(|it| problem.detail.starts_with(&format!("{}:", it.id))) {
            problem.detail = format!("line {} of the dump: {}", self.lines[place], problem.detail);
        }
        problem
    }

    fn criteria(&self) -> Vec<Criterion> {
        let said = [
            Some((checks::FRONT, "The first page and the pages that were named answer.")),
            self.found()
                .next()
                .map(|_| (checks::FOUND, "The pages that the files tell of answer without an error of the server.")),
            self.tables.first().map(|_| (checks::TABLES, "Every table of the dump is there with all its rows.")),
        ];
        let criterion = |(id, text): (&str, &str)| Criterion { id: id.to_owned(), text: text.to_owned(), new: false };
        said.into_iter().flatten().map(criterion).collect()
    }

    /// Pages that the files tell of and nobody named.
    fn found(&self) -> impl Iterator<Item = &str> {
        self.found.iter().filter(|page| !self.named.contains(page)).map(String::as_str)
    }

    fn pages(&self) -> impl Iterator<Item = &str> {
        ["/"].into_iter().chain(self.named.iter().map(String::as_str)).chain(self.found())
    }

    fn extent(&self) -> String {
        format!("{} and {}", count(self.files.len() as u64, "file"), self.database())
    }

    fn database(&self) -> String {
        let rows: u64 = self.tables.iter().map(|(_, rows)| rows).sum();
        format!("{} with {}", count(self.tables.len() as u64, "table"), count(rows, "row"))
    }
}

/// `1 file`, `2 files`.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn step(title: &str, detail: String) -> PlanStep {
    PlanStep { title: title.to_owned(), detail }
}

fn file(file: &SuppliedFile) -> Result<FileChange, Problem> {
    let SuppliedFile { path, content } = file.clone();
    if path.as_str().split('/').any(|part| part.starts_with('.')) {
        let detail = format!("{path}: files and directories whose names start with a dot are not taken over");
        return Err(Code::BadPath.problem(detail));
    }
    if let Content::Base64(text) = &content
        && BASE64_STANDARD.decode(text).is_err()
    {
        return Err(Code::BadRequest.problem(format!("{path}: its content is not standard base64 with padding")));
    }
    Ok(FileChange { path, content: Some(content) })
}
