use crate::{Failure, answer::Asked, client::Client};
use console::style;
use futures::{StreamExt, pin_mut};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::{
    TaskId, Timestamp,
    artifact::Outcome,
    event::{Event, What},
    task::{Question, Stage, Status, Task},
};
use std::time::Duration;

/// Follows a task until it has ended, showing on standard error what happens, and gives the task as it ended; or as it waits,
/// when it asks what nobody will answer.
///
/// # Errors
/// What the API says. When interrupted, the task goes on.
pub(crate) async fn follow(client: &Client, id: TaskId, asked: Asked<'_>) -> Result<Task, Failure> {
    let mut progress = Progress::start(id);
    let events = client.events(id);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let event = event?;
        progress.show(&event);
        if let What::Asked { question } = &event.what
            // Who comes late reads of questions that were answered long ago.
            && client.task(id).await?.question.as_ref() == Some(question)
        {
            progress.make_room(asked.may_prompt());
            if !asked.answer(client, id, question).await? {
                break;
            }
            progress.make_room(false);
        }
    }
    progress.clear();
    client.task(id).await
}

/// A line at the bottom of a terminal that tells where a task is, with what is over above it. Plain lines elsewhere. Times are
/// those of the events: who comes late sees how long each stage took, not how fast its story was read.
struct Progress {
    id: TaskId,
    bar: ProgressBar,
    plain: bool,
    began: Option<Timestamp>,
    now: Timestamp,
    stage: Option<(Stage, Timestamp)>,
    passed: usize,
    red: usize,
    message: String,
}

impl Progress {
    fn start(id: TaskId) -> Self {
        let plain = !console::Term::stderr().is_term();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}").expect("a valid template"));
        bar.enable_steady_tick(Duration::from_millis(120));
        let now = Timestamp::UNIX_EPOCH;
        Self { id, bar, plain, began: None, now, stage: None, passed: 0, red: 0, message: String::new() }
    }

    fn show(&mut self, event: &Event) {
        self.now = event.at;
        if self.began.is_none() {
            self.began = Some(event.at);
            // The clocks of two machines may differ; then the count starts when somebody looks.
            let since = (chrono::Utc::now() - event.at).to_std().unwrap_or_default();
            self.bar.set_elapsed(since);
        }
        match &event.what {
            What::Submitted => self.line(&format!("submitted {}", self.id)),
            What::Moved { stage, status, attempt } => self.moved(*stage, *status, *attempt),
            What::Progress { message } => {
                self.message.clone_from(message);
                if self.plain {
                    self.line(message);
                }
            }
            What::Checked { title, outcome, .. } => self.checked(title, outcome),
            What::Asked { question } => self.asked(question),
            What::Ended { status, .. } => {
                self.stage_over();
                self.line(&ended(*status));
            }
        }
        self.bar.set_message(self.now());
    }

    fn moved(&mut self, stage: Stage, status: Status, attempt: u32) {
        if self.stage.is_none_or(|(before, _)| before != stage) {
            self.stage_over();
            (self.passed, self.red) = (0, 0);
            self.stage = Some((stage, self.now));
            self.message = if attempt > 1 { format!("attempt {attempt}") } else { String::new() };
        }
        if self.plain && !status.is_final() {
            self.line(&format!("{}: {}", stage.as_str(), status.as_str()));
        }
    }

    fn checked(&mut self, title: &str, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed { why } | Outcome::Errored { why } => {
                self.red += 1;
                self.line(&format!("{} {title}: {why}", style("✗").for_stderr().red()));
            }
        }
    }

    fn asked(&self, question: &Question) {
        match question {
            Question::Approval { reason, statements, preview, reservations } => {
                self.line(&format!("waits for your approval: {reason}"));
                for reservation in reservations {
                    self.line(&format!("  {reservation}"));
                }
                for statement in statements {
                    self.line(&format!("  {}: {} ({})", statement.id, statement.sql, statement.danger));
                }
                self.line(&format!("  look at it at {preview}, then `yonin approve {}`, or `reject`", self.id));
            }
            Question::Clarify { questions } => {
                self.line("asks about the goal:");
                questions.iter().for_each(|question| self.line(&format!("  {question}")));
                self.line(&format!("  to be answered with `yonin answer {} TEXT`, or `reject`", self.id));
            }
            Question::InDoubt { reason } => {
                self.line(&format!("is in doubt: {reason}"));
                self.line(&format!(
                    "  look at the app, then `yonin approve {}` to do it again, or `reject` to give up",
                    self.id
                ));
            }
        }
    }

    /// A terminal keeps one line for each stage that is over.
    fn stage_over(&mut self) {
        let Some((stage, began)) = self.stage.take() else { return };
        if self.plain || stage == Stage::Done {
            return;
        }
        let mark = if self.red == 0 { style("✓").for_stderr().green() } else { style("✗").for_stderr().red() };
        let name = console::pad_str(stage.as_str(), 8, console::Alignment::Left, None);
        let checks = self.checks();
        self.bar.println(format!("{mark} {name} {:>6.2} s{checks}", seconds(began, self.now)));
    }

    fn now(&self) -> String {
        let stage = self.stage.map_or("queued", |(stage, _)| stage.as_str());
        let dot = if self.message.is_empty() { "" } else { " · " };
        format!("{stage}{}{dot}{}", self.checks(), self.message)
    }

    fn checks(&self) -> String {
        match (self.passed, self.red) {
            (0, 0) => String::new(),
            (passed, 0) => format!(" · {passed} checks passed"),
            (passed, red) => format!(" · {passed} checks passed, {red} red"),
        }
    }

    fn line(&self, text: &str) {
        if self.plain {
            eprintln!("[{:7.2} s] {text}", seconds(self.began.unwrap_or(self.now), self.now));
        } else {
            self.bar.println(text);
        }
    }

    /// Keeps still while somebody types.
    fn make_room(&self, quiet: bool) {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        self.bar.set_draw_target(target);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (to - from).to_std().unwrap_or_default().as_secs_f64()
}

fn ended(status: Status) -> String {
    let word = status.as_str();
    match status {
        Status::Succeeded => style(word).for_stderr().green().bold().to_string(),
        _ => style(word).for_stderr().red().bold().to_string(),
    }
}
