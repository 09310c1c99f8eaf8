use crate::{Failure, client::Client};
use protocol::{TaskId, task::Question};
use std::io::{self, BufRead, IsTerminal, Write};

/// Who answers what a task asks while it is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Somebody else, in their own time.
    Elsewhere,
    /// Whoever sits at this terminal, as far as the goal goes; somebody else approves.
    Here,
    /// Whoever sits at this terminal: nobody else knows of the task.
    Alone,
    /// Nobody: this was answered before, and everything may go live.
    Known(Option<&'a str>),
}

/// What comes of a question.
enum Reply {
    /// Somebody else will answer.
    Later,
    /// Nobody will.
    Never,
    Words(String),
    Approve,
    Reject,
}

impl Asked<'_> {
    /// Answers if there is somebody to answer. Says whether it is worth following the task any further.
    ///
    /// # Errors
    /// The terminal cannot be read; what the API says to the answer.
    pub(crate) async fn answer(self, client: &Client, id: TaskId, question: &Question) -> Result<bool, Failure> {
        let reply = match (self, question) {
            (Self::Elsewhere, _) | (Self::Here, Question::Approval { .. } | Question::InDoubt { .. }) => Reply::Later,
            (Self::Known(Some(words)), Question::Clarify { .. }) => Reply::Words(words.to_owned()),
            (Self::Known(_), Question::Approval { .. }) => Reply::Approve,
            (Self::Known(_), Question::Clarify { .. } | Question::InDoubt { .. }) => Reply::Never,
            (Self::Here | Self::Alone, Question::Clarify { .. }) => {
                line("your answer").await?.map_or(Reply::Never, Reply::Words)
            }
            (Self::Alone, Question::Approval { .. }) => yes_or_no("may it go live? [yes/no]").await?,
            (Self::Alone, Question::InDoubt { .. }) => yes_or_no("shall it be done again? [yes/no]").await?,
        };
        match reply {
            Reply::Later => return Ok(true),
            Reply::Never => return Ok(false),
            Reply::Words(words) => client.answer(id, words).await?,
            Reply::Approve => client.approve(id).await?,
            Reply::Reject => client.reject(id, None).await?,
        };
        Ok(true)
    }

    /// Whether a question may be answered at this terminal, which must be free for it then.
    pub(crate) fn may_prompt(self) -> bool {
        matches!(self, Self::Here | Self::Alone) && is_terminal()
    }
}

async fn yes_or_no(prompt: &'static str) -> io::Result<Reply> {
    Ok(match line(prompt).await? {
        None => Reply::Never,
        Some(line) if line.eq_ignore_ascii_case("yes") || line.eq_ignore_ascii_case("y") => Reply::Approve,
        Some(_) => Reply::Reject,
    })
}

/// A line that somebody writes; nothing when nobody is there, or has closed the input.
async fn line(prompt: &'static str) -> io::Result<Option<String>> {
    if !is_terminal() {
        return Ok(None);
    }
    let read = tokio::task::spawn_blocking(move || -> io::Result<Option<String>> {
        loop {
            let mut stderr = io::stderr().lock();
            write!(stderr, "{prompt}: ")?;
            stderr.flush()?;
            drop(stderr);
            let mut line = String::new();
            if io::stdin().lock().read_line(&mut line)? == 0 {
                return Ok(None);
            }
            if !line.trim().is_empty() {
                return Ok(Some(line.trim().to_owned()));
            }
        }
    });
    read.await.map_err(io::Error::other)?
}

fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
