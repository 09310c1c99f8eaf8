//! What people see of tasks, verdicts, apps and releases. Programs see the same as JSON.

use crate::table::Table;
use protocol::{
    artifact::{Outcome, Release, ReleaseState, Verdict},
    keys::{KeyRecord, KeySource},
    rest::App,
    task::{ModelUsage, Question, Task, Usage},
};

/// A task as it stands, a line for each thing there is to say.
pub(crate) fn task(task: &Task) -> String {
    let attempt = if task.attempt > 1 { format!(", attempt {}", task.attempt) } else { String::new() };
    let mut lines = vec![
        format!("task    {}", task.id),
        format!("app     {}", task.app),
        format!("goal    {}", task.goal),
        format!("status  {} ({}{attempt})", task.status.as_str(), task.stage.as_str()),
        format!("took    {:.2} s", f64::from(u32::try_from(task.usage.millis).unwrap_or(u32::MAX)) / 1_000.0),
    ];
    lines.extend(usage(&task.usage));
    lines.extend(task.labels.iter().map(|(name, value)| format!("label   {name}={value}")));
    if let Some(result) = &task.result {
        lines.push(format!("checks  {} passed", result.checks_passed));
        lines.extend(result.reservations.iter().map(|one| format!("note    {one}")));
        lines.push(format!("release {}", result.release));
        lines.push(format!("live    {}", result.url));
    }
    match &task.question {
        Some(Question::Approval { reason, statements, preview, reservations }) => {
            lines.push(format!("asks    {reason}"));
            lines.extend(statements.iter().map(|one| format!("        {} ({})", one.sql, one.danger)));
            lines.extend(reservations.iter().map(|one| format!("note    {one}")));
            lines.push(format!("preview {preview}"));
        }
        Some(Question::Clarify { questions }) => {
            lines.extend(questions.iter().map(|question| format!("asks    {question}")));
            lines.push(format!("        answer with `yonin answer {} TEXT`, or reject", task.id));
        }
        Some(Question::InDoubt { reason }) => {
            lines.push(format!("doubts  {reason}"));
            lines.push("        approve does it again, reject gives it up".to_owned());
        }
        None => {}
    }
    lines.join("\n") + "\n"
}

/// Keys, without the keys themselves.
pub(crate) fn keys(keys: &[KeyRecord]) -> String {
    let mut table = Table::new(["name", "role", "state", "id", "expires", "last used", "made by"]);
    for key in keys {
        let at = |moment: Option<protocol::Timestamp>, none: &str| {
            moment.map_or_else(|| none.to_owned(), |moment| moment.format("%Y-%m-%d %H:%M").to_string())
        };
        let (id, last_used, by) = match key.source {
            KeySource::Configuration => ("-".to_owned(), "-".to_owned(), "the configuration".to_owned()),
            KeySource::Store => (
                key.id.map_or_else(String::new, |id| id.to_string()),
                at(key.last_used_at, "never"),
                key.created_by.clone().unwrap_or_default(),
            ),
        };
        let state = key.state.as_str().to_owned();
        table.row([key.name.clone(), key.role.to_string(), state, id, at(key.expires_at, "never"), last_used, by]);
    }
    table.to_string()
}

/// A key that was just made.
pub(crate) fn new_key(key: &KeyRecord) -> String {
    let ends = key.expires_at.map_or_else(|| "does not expire".to_owned(), |at| format!("expires {at}"));
    let id = key.id.map_or_else(String::new, |id| format!(", id {id}"));
    format!("{} for {}{id}, {ends}. The key is shown this once:\n", key.role, key.name)
}

/// What language models were used for, and what that took; nothing when none was.
fn usage(usage: &Usage) -> Vec<String> {
    let dollars = |cost: Option<f64>| cost.map_or("price unknown".to_owned(), |cost| format!("{cost:.4} USD"));
    let tell = |one: &ModelUsage| {
        let ModelUsage { agent, model, calls, tokens_in, tokens_out, cost_usd } = one;
        let dollars = dollars(*cost_usd);
        format!("        {agent} {model}: {calls} calls, {tokens_in} tokens in, {tokens_out} out, {dollars}")
    };
    let mut lines = Vec::new();
    if !usage.models.is_empty() {
        lines.push(format!("used    {} tokens, {}", usage.tokens, dollars(usage.cost_usd)));
        lines.extend(usage.models.iter().map(tell));
    }
    lines
}

/// Every check with what came of it; for a red one, why.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    let mut table = Table::new(["", "check", "ms", "what it shows"]);
    for result in &verdict.results {
        let (mark, why) = match &result.outcome {
            Outcome::Passed => (console::style("✓").green(), String::new()),
            Outcome::Failed { why } => (console::style("✗").red(), format!(": {why}")),
            Outcome::Errored { why } => (console::style("?").red(), format!(": {why}")),
        };
        let title = format!("{}{why}", result.title);
        table.row([mark.to_string(), result.id.clone(), result.millis.to_string(), title]);
    }
    let notes: String = verdict.reservations().iter().map(|note| format!("note: {note}\n")).collect();
    table.to_string() + &notes
}

/// Tasks, a row each.
pub(crate) fn tasks(tasks: &[Task]) -> String {
    let mut table = Table::new(["task", "app", "status", "stage", "submitted", "goal"]);
    for task in tasks {
        table.row([
            task.id.to_string(),
            task.app.to_string(),
            task.status.as_str().to_owned(),
            task.stage.as_str().to_owned(),
            task.created_at.format("%F %T").to_string(),
            task.goal.chars().take(200).collect(),
        ]);
    }
    table.to_string()
}

/// Apps, a row each.
pub(crate) fn apps(apps: &[App]) -> String {
    let mut table = Table::new(["app", "live release", "url"]);
    for app in apps {
        let live = app.live.as_ref().map_or("-".to_owned(), |release| release.digest.short());
        table.row([app.name.to_string(), live, app.url.clone()]);
    }
    table.to_string()
}

/// An app's releases, a row each.
pub(crate) fn releases(releases: &[Release]) -> String {
    let mut table = Table::new(["release", "state", "live since", "task"]);
    for release in releases {
        let state = match release.state {
            ReleaseState::Live => "live",
            ReleaseState::Previous => "previous",
            ReleaseState::RolledBack => "rolled back",
        };
        let since = release.activated_at.format("%F %T").to_string();
        table.row([release.digest.to_string(), state.to_owned(), since, release.task.to_string()]);
    }
    table.to_string()
}
