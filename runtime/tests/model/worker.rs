//! A worker with at most one job in hand: `src/job/run.rs` and `effect.rs`, running a tool that stages, commits, activates.

use crate::{
    host::{Ask, Epoch, Request},
    job::Flaw,
    store::{Begin, Claim, Effect, End, Refused, Row, Write},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    Busy(Claim, At),
}

/// What it is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum At {
    /// A write in the middle of a run.
    Write(Write),
    /// A request to the host.
    Send(Ask),
    /// To wait for its answer.
    Await(Ask),
    /// The write that ends the run.
    Settle(Write),
}

use At::{Await, Send, Settle};

/// What a worker learns of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Answer(Result<bool, Refused>),
    /// The connection broke: it may have been written, or not.
    Nothing,
}

impl Worker {
    pub(crate) fn begin(claim: Claim, begin: Begin) -> Self {
        let at = match begin {
            Begin::Work => At::Write(Write::Intend(Effect::Stage)),
            Begin::CleanUp => Send(Ask::Discard),
            Begin::Fail => Settle(Write::End(End::Failed)),
        };
        Self::Busy(claim, at)
    }

    pub(crate) fn claim(self) -> Option<Claim> {
        match self {
            Self::Idle => None,
            Self::Busy(claim, _) => Some(claim),
        }
    }

    /// Goes on after a write.
    pub(crate) fn hear(claim: Claim, at: At, heard: Heard, row: &Row) -> Self {
        match (at, heard) {
            // A run's last write is tried again until the store says something.
            (Settle(_), Heard::Nothing) => Self::Busy(claim, at),
            (Settle(_), Heard::Answer(Ok(_))) => Self::Idle,
            (_, Heard::Nothing) => Self::stumble(claim, at, row),
            (_, Heard::Answer(Err(_))) => Self::refused(claim, row),
            (At::Write(write), Heard::Answer(Ok(known))) => Self::Busy(claim, after(write, known)),
            (Send(_) | Await(_), Heard::Answer(Ok(_))) => Self::Busy(claim, at),
        }
    }

    /// Goes on after the host has done what it was asked for.
    pub(crate) fn answered(claim: Claim, ask: Ask) -> Self {
        let at = match ask {
            Ask::Do(effect) => At::Write(Write::Outcome(effect)),
            Ask::Discard => Settle(Write::End(End::Cancelled)),
        };
        Self::Busy(claim, at)
    }

    /// Something failed that may pass.
    pub(crate) fn stumble(claim: Claim, at: At, row: &Row) -> Self {
        let write = match at {
            Send(Ask::Discard) | Await(Ask::Discard) => Write::RetryCleanup,
            _ if row.fails_next() => Write::End(End::Failed),
            _ => Write::Retry,
        };
        Self::Busy(claim, Settle(write))
    }

    /// Learns that the job is being cancelled: the run is dropped where it is.
    pub(crate) fn notice(claim: Claim, at: At, row: &Row) -> Option<Self> {
        let working = !matches!(at, Settle(_) | Send(Ask::Discard) | Await(Ask::Discard));
        (working && row.is_cancelling(claim) == Ok(true)).then_some(Self::Busy(claim, Send(Ask::Discard)))
    }

    fn refused(claim: Claim, row: &Row) -> Self {
        if row.is_cancelling(claim) == Ok(true) { Self::Busy(claim, Send(Ask::Discard)) } else { Self::Idle }
    }
}

/// The tool: what comes after a write that was taken.
fn after(write: Write, known: bool) -> At {
    match write {
        // The host answers from memory when it has done it before: asking again is the probe.
        Write::Intend(effect) if !known => Send(Ask::Do(effect)),
        Write::Intend(Effect::Stage) | Write::Outcome(Effect::Stage) => At::Write(Write::Commit),
        Write::Intend(Effect::Activate) | Write::Outcome(Effect::Activate) => Settle(Write::End(End::Done)),
        Write::Commit => At::Write(Write::Intend(Effect::Activate)),
        Write::Retry | Write::RetryCleanup | Write::HandBack | Write::End(_) => Settle(write),
    }
}

pub(crate) fn request(claim: Claim, ask: Ask, flaw: Option<Flaw>) -> Request {
    let cleaning = ask == Ask::Discard && flaw != Some(Flaw::CleansUpInTheOldTurn);
    Request { epoch: Epoch { turn: u8::from(cleaning), fence: claim.fence }, ask }
}
