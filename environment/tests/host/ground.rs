//! A fresh environment with a host, and few words to drive it with.

use ed25519_dalek::{Signer as _, SigningKey};
use environment::{
    host::Host,
    local::{Durability, LocalConfig, Services},
};
use protocol::{
    AppName, Digest, Problem, TaskId,
    artifact::{ChangeSet, CheckResult, Content, Evidence, FileChange, Migration, Outcome, Verdict, VerdictKind},
    tools::{
        Epoch,
        coder::{ReleaseOutput, RollbackTo},
        host::{ActivateReleaseInput, OpenPreviewInput, RollbackReleaseInput, StageReleaseInput, Staged},
    },
};
use std::{
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

pub(crate) struct Ground {
    pub(crate) host: Host,
    pub(crate) services: Services,
    pub(crate) key: SigningKey,
    dir: TempDir,
    turn: AtomicU64,
    web: reqwest::Client,
}

/// A change-set on its way.
pub(crate) struct Change {
    pub(crate) task: TaskId,
    pub(crate) change_set: ChangeSet,
    pub(crate) staged: Staged,
}

impl Ground {
    pub(crate) async fn start() -> Self {
        let dir = TempDir::new().expect("a directory");
        let key = SigningKey::from_bytes(&rand::random());
        let services = services(dir.path().join("environment")).await;
        let host = Host::start(services.host_config(key.verifying_key())).await.expect("the host starts");
        let web = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { host, services, key, dir, turn: AtomicU64::new(1), web }
    }

    /// Everything stops and starts again on the same directory.
    pub(crate) async fn restart(self) -> Self {
        let Self { host, services, key, dir, turn, web } = self;
        drop(host);
        services.stop().await;
        let services = services_again(&dir).await;
        let host = Host::start(services.host_config(key.verifying_key())).await.expect("the host starts");
        Self { host, services, key, dir, turn, web }
    }

    /// Where the environment is kept.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("environment")
    }

    /// A place in the order of writers that is later than all before.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch { turn: self.turn.fetch_add(1, Ordering::Relaxed), fence: 1 }
    }

    /// Status and body of a page of an app or preview: `shop`, `<name>.preview`.
    pub(crate) async fn get(&self, place: &str, path: &str) -> (u16, String) {
        let request =
            self.web.get(format!("{}{path}", self.services.web())).header("Host", format!("{place}.localhost"));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    pub(crate) async fn stage(&self, change_set: ChangeSet) -> Result<Change, Problem> {
        let (task, epoch) = (TaskId::fresh(), self.epoch());
        let open = OpenPreviewInput { app: change_set.app.clone(), task, base: change_set.base, epoch };
        let preview = self.host.open_preview(open).await?.name;
        let input = StageReleaseInput { preview, change_set: change_set.clone(), epoch };
        let staged = self.host.stage_release(input).await?;
        Ok(Change { task, change_set, staged })
    }

    pub(crate) async fn activate(&self, change: &Change) -> Result<ReleaseOutput, Problem> {
        self.host.activate_release(self.activation(change)).await
    }

    /// What makes a change live, with a good verdict.
    pub(crate) fn activation(&self, change: &Change) -> ActivateReleaseInput {
        let ChangeSet { app, base, .. } = change.change_set.clone();
        ActivateReleaseInput {
            app,
            task: change.task,
            preview: change.staged.preview.name.clone(),
            change_set: change.change_set.digest(),
            base,
            verdict: self.verdict(change),
            approved: vec![],
            epoch: self.epoch(),
        }
    }

    pub(crate) fn verdict(&self, change: &Change) -> Verdict {
        let now = chrono::Utc::now();
        let result = |id: &str| CheckResult {
            before: None,
            id: id.to_owned(),
            title: id.to_owned(),
            criterion: None,
            outcome: Outcome::Passed,
            millis: 1,
            evidence: Evidence::default(),
        };
        self.signed(Verdict {
            task: change.task,
            app: change.change_set.app.clone(),
            kind: VerdictKind::Preview,
            base: change.change_set.base,
            change_set: change.change_set.digest(),
            checks: Digest::of_bytes(b"checks"),
            passed: true,
            mandatory: Verdict::MANDATORY.map(str::to_owned).to_vec(),
            results: Verdict::MANDATORY.map(result).to_vec(),
            caveats: vec![],
            unproven: vec![],
            started_at: now,
            finished_at: now,
            expires_at: now + chrono::TimeDelta::minutes(5),
            signature: String::new(),
        })
    }

    pub(crate) fn signed(&self, verdict: Verdict) -> Verdict {
        sign(verdict, &self.key)
    }

    /// Straight to live: staged, found good, activated.
    pub(crate) async fn release(&self, change_set: ChangeSet) -> Digest {
        let change = self.stage(change_set).await.expect("staged");
        self.activate(&change).await.expect("activated").live.expect("live").digest
    }

    pub(crate) async fn roll_back(
        &self,
        app: &AppName,
        from: Digest,
        to: RollbackTo,
    ) -> Result<ReleaseOutput, Problem> {
        let (app, task, epoch) = (app.clone(), TaskId::fresh(), self.epoch());
        self.host.rollback_release(RollbackReleaseInput { app, task, from, to, epoch }).await
    }
}

pub(crate) fn sign(verdict: Verdict, key: &SigningKey) -> Verdict {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let signature = BASE64_STANDARD.encode(key.sign(&verdict.signed_bytes()).to_bytes());
    Verdict { signature, ..verdict }
}

pub(crate) async fn services(dir: PathBuf) -> Services {
    // A temporary directory is for its owner alone; the servers' users must be able to enter.
    let above = dir.parent().expect("it lies in a directory");
    std::fs::set_permissions(above, std::fs::Permissions::from_mode(0o711)).expect("its mode can be changed");
    let config = LocalConfig { durability: Durability::Fast, ..LocalConfig::new(dir) };
    Services::start(config).await.expect("the servers start")
}

async fn services_again(dir: &TempDir) -> Services {
    services(dir.path().join("environment")).await
}

pub(crate) fn app(name: &str) -> AppName {
    name.parse().expect("a name")
}

/// A change-set of files alone.
pub(crate) fn change(app: &AppName, base: Option<Digest>, files: &[(&str, &str)]) -> ChangeSet {
    let file = |(path, text): &(&str, &str)| FileChange {
        path: path.parse().expect("a path"),
        content: Some(Content::Text((*text).to_owned())),
    };
    let files = files.iter().map(file).collect();
    ChangeSet { app: app.clone(), base, files, migrations: vec![], invalidations: vec![] }
}

pub(crate) fn migration(id: &str, sql: &str) -> Migration {
    Migration { id: id.to_owned(), sql: sql.to_owned() }
}
