//! The store: one job's row and its ledger. Each function is one transaction, after the statements in `src/store`.

use crate::job::Flaw;

/// Lost leases, and failures in a row, after which a job fails.
const MOST_LOST: u8 = 2;
const MOST_FAILURES: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) state: State,
    pub(crate) fence: u8,
    /// May be claimed: its lease has ended, or nobody has it.
    pub(crate) due: bool,
    pub(crate) cancelling: bool,
    pub(crate) committed: bool,
    lost_leases: u8,
    failures: u8,
    /// For each effect, what the ledger says.
    ledger: [Entry; 2],
    /// What no store keeps, and the rules are about.
    pub(crate) seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Queued,
    Running,
    Waiting,
    Done,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Nothing,
    Intended,
    Ended,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    /// Claims made, counted apart from the fence.
    pub(crate) claims: u8,
    /// Ends written.
    pub(crate) ends: u8,
    /// A write of a claim that was not the last one was taken.
    pub(crate) old_write: bool,
}

/// What a worker holds: its fence, and which claim it really was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Claim {
    pub(crate) fence: u8,
    pub(crate) number: u8,
}

/// The two acts of the modelled tool: one before its point of no return, which cancelling takes back, and one after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Effect {
    Stage,
    Activate,
}

/// A write of a claimed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Write {
    Intend(Effect),
    Outcome(Effect),
    /// The point of no return.
    Commit,
    Retry,
    RetryCleanup,
    HandBack,
    End(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum End {
    Done,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Fenced,
    Cancelling,
}

/// How a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Work,
    CleanUp,
    Fail,
}

impl Row {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Queued,
            fence: 0,
            due: true,
            cancelling: false,
            committed: false,
            lost_leases: 0,
            failures: 0,
            ledger: [Entry::Nothing; 2],
            seen: Seen::default(),
        }
    }

    pub(crate) fn ended(&self) -> bool {
        matches!(self.state, State::Done | State::Failed | State::Cancelled)
    }

    pub(crate) fn claim(&mut self, flaw: Option<Flaw>) -> Option<(Claim, Begin)> {
        let lapsed = self.state == State::Running;
        if !self.due || (lapsed && flaw == Some(Flaw::LapsedLeasesStay)) {
            return None;
        }
        self.lost_leases += u8::from(lapsed);
        self.seen.claims += 1;
        if flaw != Some(Flaw::ClaimsKeepTheFence) || self.fence == 0 {
            self.fence += 1;
        }
        (self.state, self.due) = (State::Running, false);
        let begin = match () {
            () if self.cancelling => Begin::CleanUp,
            () if self.lost_leases >= MOST_LOST => Begin::Fail,
            () => Begin::Work,
        };
        Some((Claim { fence: self.fence, number: self.seen.claims }, begin))
    }

    /// Whether the ledger already knows how the effect ended, where the write is an intent; else of no meaning.
    pub(crate) fn write(&mut self, claim: Claim, write: Write, flaw: Option<Flaw>) -> Result<bool, Refused> {
        self.held(claim, flaw)?;
        let commits = write == Write::Commit && flaw == Some(Flaw::CommitsThoughCancelled);
        if self.cancelling && goes_on(write) && !commits {
            return Err(Refused::Cancelling);
        }
        if claim.number < self.seen.claims {
            self.seen.old_write = true;
        }
        match write {
            Write::Intend(effect) => {
                let entry = &mut self.ledger[effect as usize];
                if *entry == Entry::Ended {
                    return Ok(true);
                }
                *entry = Entry::Intended;
            }
            Write::Outcome(effect) => self.ledger[effect as usize] = Entry::Ended,
            Write::Commit => self.committed = true,
            Write::Retry | Write::RetryCleanup => {
                self.failures = (self.failures + 1).min(MOST_FAILURES);
                self.let_go();
            }
            Write::HandBack => self.let_go(),
            Write::End(end) => self.end(end),
        }
        Ok(false)
    }

    /// Whether a renewal makes a difference: one may be late, as long as nobody else has taken the job.
    pub(crate) fn can_be_renewed(&self, claim: Claim) -> bool {
        self.due && self.held(claim, None).is_ok()
    }

    /// As a worker asks when a hint comes, with its renewals, and when it was refused.
    pub(crate) fn is_cancelling(&self, claim: Claim) -> Result<bool, Refused> {
        self.held(claim, None).map(|()| self.cancelling)
    }

    /// One more failure is one too many.
    pub(crate) fn fails_next(&self) -> bool {
        self.failures + 1 >= MOST_FAILURES
    }

    pub(crate) fn can_be_cancelled(&self, flaw: Option<Flaw>) -> bool {
        !self.ended() && !self.cancelling && (!self.committed || flaw == Some(Flaw::CancelsWhatIsCommitted))
    }

    pub(crate) fn cancel(&mut self) {
        self.cancelling = true;
        self.due |= self.state != State::Running;
    }

    fn held(&self, claim: Claim, flaw: Option<Flaw>) -> Result<(), Refused> {
        let highest = self.fence == claim.fence || flaw == Some(Flaw::WritesWithoutFence);
        let running = self.state == State::Running || flaw == Some(Flaw::WritesAfterLettingGo);
        if highest && running { Ok(()) } else { Err(Refused::Fenced) }
    }

    fn let_go(&mut self) {
        (self.state, self.due) = (State::Waiting, true);
    }

    fn end(&mut self, end: End) {
        self.seen.ends += 1;
        self.due = false;
        self.state = match end {
            End::Done => State::Done,
            End::Failed => State::Failed,
            End::Cancelled => State::Cancelled,
        };
    }
}

/// Whether a write takes the job somewhere that a job which is being cancelled must not come to.
fn goes_on(write: Write) -> bool {
    match write {
        Write::Commit | Write::Retry | Write::End(End::Done | End::Failed) => true,
        Write::Intend(_) | Write::Outcome(_) | Write::RetryCleanup | Write::HandBack | Write::End(End::Cancelled) => {
            false
        }
    }
}
