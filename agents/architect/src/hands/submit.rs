use environment::host::database::classify;
use protocol::{
    Digest,
    artifact::{CacheKey, Design, Endpoint, FilePurpose, Method, Migration, Path, Plan, TestCase},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// A design as a model writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Submitted {
    /// One paragraph for people, in the language of the goal.
    summary: String,
    /// What takes the schema there, in the order of their ids. Empty when it stays as it is.
    migrations: Vec<SubmittedMigration>,
    /// Ids of those migrations that can lose data or break the running code, which you know and mean. A person must approve each.
    #[serde(default)]
    destructive: Vec<String>,
    /// What the app answers: new or changed.
    endpoints: Vec<SubmittedEndpoint>,
    /// What it keeps in Redis: new or changed.
    cache: Vec<SubmittedKey>,
    /// Every file that is new, changes or goes.
    files: Vec<SubmittedFile>,
    /// How each criterion of the plan can be seen to hold.
    tests: Vec<SubmittedTest>,
}

/// One statement on the app's schema.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubmittedMigration {
    /// `0005_add_views_to_posts`: four digits that go on from the highest that was applied, then words of `[a-z0-9_]`.
    id: String,
    /// Exactly one statement, without a semicolon and without comments.
    sql: String,
}

/// One thing that the app answers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubmittedEndpoint {
    /// The method.
    method: Method,
    /// The path, with `{id}` for variables.
    path: String,
    /// What it does, takes and answers, precisely enough to test it without the code.
    purpose: String,
}

/// One family of keys.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubmittedKey {
    /// Below the app's prefix, with `*` for the variable part.
    key: String,
    /// Seconds until it expires; absent only for versions, which stay.
    #[serde(default)]
    ttl_seconds: Option<u32>,
    /// What it holds and what invalidates it.
    purpose: String,
}

/// One file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubmittedFile {
    /// Relative to the release.
    path: String,
    /// Its responsibility.
    purpose: String,
}

/// One row of the test matrix.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SubmittedTest {
    /// The criterion's id in the plan.
    criterion: String,
    /// What is done, and what must be seen.
    checks: String,
}

impl Submitted {
    /// # Errors
    /// Everything that does not hold together, a line each.
    pub(super) fn checked(self, plan: &Plan, applied: &[String]) -> Result<Self, String> {
        let mut wrong = Vec::new();
        if self.summary.trim().is_empty() {
            wrong.push("summary: it is empty.".to_owned());
        }
        wrong.extend(self.wrong_tests(plan));
        wrong.extend(self.wrong_migrations(applied));
        wrong.extend(self.wrong_parts());
        if wrong.is_empty() { Ok(self) } else { Err(wrong.join("\n")) }
    }

    fn wrong_tests(&self, plan: &Plan) -> Vec<String> {
        let known: BTreeSet<_> = plan.criteria.iter().map(|criterion| criterion.id.as_str()).collect();
        let tested: BTreeSet<_> = self.tests.iter().map(|test| test.criterion.as_str()).collect();
        let untested = known.difference(&tested).map(|id| format!("tests: nothing tests the criterion {id}."));
        let unknown = tested.difference(&known).map(|id| format!("tests: the plan has no criterion {id}."));
        let empty = self.tests.iter().filter(|test| test.checks.trim().is_empty());
        let empty = empty.map(|test| format!("tests: one for {} says nothing.", test.criterion));
        untested.chain(unknown).chain(empty).collect()
    }

    fn wrong_migrations(&self, applied: &[String]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut last = applied.iter().max().map(String::as_str);
        for SubmittedMigration { id, .. } in &self.migrations {
            let (digits, words) = id.split_once('_').unwrap_or((id, ""));
            let numbered = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !numbered || words.is_empty() {
                wrong.push(format!("migrations: {id} must be four digits, `_` and a few words."));
            }
            if let Some(before) = last.filter(|before| *before >= id.as_str()) {
                wrong.push(format!("migrations: {id} must come after {before}; take a higher number."));
            }
            last = Some(id);
        }
        match classify(&self.migrations()) {
            Err(problem) => wrong.push(format!("migrations: {}.", problem.detail)),
            Ok(classes) => {
                use environment::host::database::Class;
                for (migration, class) in self.migrations.iter().zip(classes) {
                    let meant = self.destructive.contains(&migration.id);
                    match class {
                        Class::Destructive { danger } if !meant => wrong.push(format!(
                            "migrations: {} is destructive: {danger} Do without if the goal allows; otherwise name it in \
                             `destructive`, and a person will be asked.",
                            migration.id
                        )),
                        Class::Additive if meant => {
                            wrong.push(format!("destructive: {} only adds; do not name it.", migration.id));
                        }
                        _ => {}
                    }
                }
            }
        }
        let ids: BTreeSet<_> = self.migrations.iter().map(|one| &one.id).collect();
        let unknown = self.destructive.iter().filter(|id| !ids.contains(id));
        wrong.extend(unknown.map(|id| format!("destructive: there is no migration {id}.")));
        wrong
    }

    fn wrong_parts(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.files.is_empty() && self.migrations.is_empty() {
            wrong.push("files: nothing would change.".to_owned());
        }
        let endpoints = self.endpoints.iter().filter(|one| !one.path.starts_with('/'));
        wrong.extend(endpoints.map(|one| format!("endpoints: the path {:?} must start with `/`.", one.path)));
        for key in &self.cache {
            if key.key.is_empty() || key.ttl_seconds == Some(0) {
                wrong.push(format!("cache: {:?} needs a name, and seconds above 0.", key.key));
            }
        }
        for file in &self.files {
            if let Err(error) = file.path.parse::<Path>() {
                wrong.push(format!("files: {:?} is not the path of a file of the app: {error}.", file.path));
            }
        }
        wrong
    }

    fn migrations(&self) -> Vec<Migration> {
        self.migrations.iter().map(|one| Migration { id: one.id.clone(), sql: one.sql.clone() }).collect()
    }

    /// As an artifact. The data model stays empty: it is in the migrations.
    pub(super) fn design(self, plan: Digest, base: Option<Digest>) -> Design {
        let migrations = self.migrations();
        let endpoint = |one: SubmittedEndpoint| Endpoint {
            method: one.method.as_str().to_owned(),
            path: one.path,
            purpose: one.purpose,
        };
        let key = |one: SubmittedKey| CacheKey { key: one.key, ttl_seconds: one.ttl_seconds, purpose: one.purpose };
        Design {
            plan,
            base,
            summary: self.summary,
            resources: Vec::new(),
            migrations,
            endpoints: self.endpoints.into_iter().map(endpoint).collect(),
            cache: self.cache.into_iter().map(key).collect(),
            files: self.files.into_iter().map(|one| FilePurpose { path: one.path, purpose: one.purpose }).collect(),
            tests: self
                .tests
                .into_iter()
                .map(|one| TestCase { criterion: one.criterion, checks: one.checks })
                .collect(),
            made_by: None,
        }
    }
}
