//! `yonin replay`: a recorded run once more, from what was heard then; and what is the same about it.

use crate::{
    Failure,
    answer::Asked,
    arguments::{Replay, StageName},
    client::Client,
    commands::interrupted,
    demo::stopped_early,
    failure::explained,
    output::out,
    progress,
    table::Table,
    up::{AgentModels, Options, Up},
};
use protocol::{
    Code, Digest, TaskId,
    rest::SubmitTask,
    task::{Budget, Status},
};
use runtime::{
    config::Reader,
    model::{Models, Tape},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

/// The agents in the order of their stages, and the artifacts of each that a tape knows.
const AGENTS: [(StageName, &str, &str); 4] = [
    (StageName::Plan, "planner", "plan"),
    (StageName::Design, "architect", "design"),
    (StageName::Build, "coder", "changes"),
    (StageName::Verify, "tester", "checks"),
];

/// Plays tapes in a directory that is gone afterwards. Succeeds when their artifacts come out the same; those before the stage from
/// which on a model is asked, and then the task must succeed, too.
pub(crate) async fn replay(engine: Arc<dyn coder::Engine>, replay: Replay) -> Result<ExitCode, Failure> {
    let dir = tempfile::Builder::new().prefix("yonin-replay-").tempdir()?;
    let tapes = read_all(&replay.files, &dir.path().join("tapes"))?;
    let models = models(&replay, &tapes, &dir.path().join("tapes"))?;
    let mut interrupt = std::pin::pin!(interrupted());
    eprintln!("starting Nginx, PHP-FPM, MariaDB, Redis and four agents");
    let options = Options { coder: engine, models, ..Options::new(dir.path().join("data")) };
    let up = Up::start_until(options, interrupt.as_mut()).await?.ok_or_else(stopped_early)?;
    let outcome = tokio::select! {
        outcome = play_all(&up, &tapes, replay.from) => outcome,
        () = interrupt => Err(stopped_early()),
    };
    up.stop().await;
    outcome
}

/// The tapes, each with a copy in this directory, from where agents play them.
fn read_all(files: &[PathBuf], dir: &Path) -> Result<Vec<Tape>, Failure> {
    fs::create_dir(dir)?;
    let read = |(place, file): (usize, &PathBuf)| -> Result<Tape, Failure> {
        let tape = Tape::read(file)?;
        fs::copy(file, dir.join(format!("{place}.json")))?;
        Ok(tape)
    };
    files.iter().enumerate().map(read).collect()
}

/// One after the other, since each starts from what the one before left; all must be good.
async fn play_all(up: &Up, tapes: &[Tape], from: Option<StageName>) -> Result<ExitCode, Failure> {
    for tape in tapes {
        if !play(up, tape, from).await? {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn play(up: &Up, tape: &Tape, from: Option<StageName>) -> Result<bool, Failure> {
    let client = Client::new(&up.addresses().api, &up.addresses().key)?;
    eprintln!("the goal: {}", tape.goal);
    let rounds = tape.parts.iter().map(|part| part.round).max().unwrap_or(0);
    let usual = Budget::default();
    let submit = SubmitTask {
        goal: tape.goal.clone(),
        app: tape.app.clone(),
        approval: tape.approval,
        budget: Budget { attempts: usual.attempts.max(rounds), ..usual },
        labels: [].into(),
    };
    let task = client.submit(&submit, &TaskId::fresh().to_string()).await?;
    let task = progress::follow(&client, task.id, Asked::Known(tape.answer.as_deref())).await?;
    if let Some(problem) = &task.error {
        eprintln!("{}", explained(problem));
    }
    let same = compare(&recorded(tape, from), &client.tape(task.id).await?.artifacts)?;
    Ok(same && (from.is_none() || task.status == Status::Succeeded))
}

/// The artifacts that are to come out the same.
fn recorded(tape: &Tape, from: Option<StageName>) -> BTreeMap<&str, Digest> {
    let before = |kind: &str| {
        let stage = AGENTS.iter().find(|(.., known)| *known == kind).map(|(stage, ..)| *stage);
        from.is_none_or(|from| stage.is_some_and(|stage| stage < from))
    };
    tape.artifacts.iter().map(|(kind, digest)| (kind.as_str(), *digest)).filter(|(kind, _)| before(kind)).collect()
}

/// Shows what came out the same. Something must have been recorded for that.
fn compare(recorded: &BTreeMap<&str, Digest>, now: &BTreeMap<String, Digest>) -> Result<bool, Failure> {
    let mut table = Table::new(["artifact", "on the tape", "now", ""]);
    let mut same = true;
    for (kind, digest) in recorded {
        let found = now.get(*kind);
        let equal = found == Some(digest);
        same &= equal;
        let found = found.map_or("-".to_owned(), Digest::short);
        table.row([(*kind).to_owned(), digest.short(), found, if equal { "the same" } else { "differs" }.to_owned()]);
    }
    out(table)?;
    Ok(same)
}

/// Who thinks: the tape for the agents that are on it, the model for those from its stage on, and the offline engine for the rest.
fn models(replay: &Replay, tapes: &[Tape], dir: &Path) -> Result<AgentModels, Failure> {
    let of = |agent: &str| {
        let stage = AGENTS.iter().find(|(_, known, _)| *known == agent).map(|(stage, ..)| *stage);
        match (&replay.from, &replay.model) {
            (Some(from), Some(model)) if stage >= Some(*from) => asked(agent, model),
            _ if tapes.iter().flat_map(|tape| &tape.parts).any(|part| part.agent == agent) => played(agent, dir),
            _ => Ok(None),
        }
    };
    Ok(AgentModels { planner: of("planner")?, architect: of("architect")?, coder: of("coder")?, tester: of("tester")? })
}

fn played(agent: &str, dir: &Path) -> Result<Option<Models>, Failure> {
    let setting = ("YONIN_MODEL".to_owned(), format!("tape:{}", dir.display()));
    read(Reader::of([setting]), agent)
}

/// The keys and limits of this process's environment, and this model.
fn asked(agent: &str, model: &str) -> Result<Option<Models>, Failure> {
    let chooses = |name: &str| name.trim_end_matches("_FILE").ends_with("_MODEL");
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let others = variables.filter(|(name, _)| !chooses(name));
    read(Reader::of(others.chain([("YONIN_MODEL".to_owned(), model.to_owned())])), agent)
}

fn read(mut reader: Reader, agent: &str) -> Result<Option<Models>, Failure> {
    let models = Models::read(&mut reader, agent);
    match reader.finish() {
        Ok(()) => Ok(models),
        Err(mistakes) => Err(Code::BadConfiguration.problem(mistakes.join("; ")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::task::Approval;

    fn tape() -> Tape {
        let digest = Digest::of_bytes(b"x");
        let artifacts = ["plan", "design", "changes", "checks"].map(|kind| (kind.to_owned(), digest)).into();
        Tape { artifacts, ..Tape::of("a goal".into(), "shop".parse().expect("a name"), Approval::Auto) }
    }

    #[test]
    fn what_comes_before_the_other_model_must_be_the_same() {
        let tape = tape();
        let kinds = |from| recorded(&tape, from).into_keys().collect::<Vec<_>>();
        assert_eq!(kinds(None), ["changes", "checks", "design", "plan"]);
        assert_eq!(kinds(Some(StageName::Verify)), ["changes", "design", "plan"]);
        assert_eq!(kinds(Some(StageName::Design)), ["plan"]);
        assert!(kinds(Some(StageName::Plan)).is_empty());
    }

    #[test]
    fn an_artifact_that_differs_or_is_missing_is_seen() {
        let tape = tape();
        let mut now = tape.artifacts.clone();
        let same = |now: &BTreeMap<String, Digest>| compare(&recorded(&tape, None), now).expect("written");
        assert!(same(&now));
        now.insert("changes".into(), Digest::of_bytes(b"y"));
        assert!(!same(&now));
        now.remove("changes");
        assert!(!same(&now));
    }
}
