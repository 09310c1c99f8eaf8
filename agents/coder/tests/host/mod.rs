//! A host that writes down what it is asked and answers what a test wants.

use protocol::{
    Code, Digest, Problem,
    artifact::{ChangeSet, Content},
    tools::{
        Epoch, PreviewRef,
        coder::{AppSnapshot, InspectAppInput, InspectAppOutput, ReleaseOutput},
        host::{
            ACCESS, ACTIVATE_RELEASE, Access, AccessInput, ActivateReleaseInput, CLOSE_PREVIEWS, ClosePreviewsInput,
            Done, INSPECT, LINT_PHP, LintPhpInput, LintPhpOutput, OPEN_PREVIEW, OpenPreviewInput, READ_FILES,
            ROLLBACK_RELEASE, ReadFilesInput, ReadFilesOutput, RollbackReleaseInput, STAGE_RELEASE, StageReleaseInput,
            Staged, TAIL_LOG, TailLogInput, TailLogOutput,
        },
    },
};
use runtime::{About, Callers, Credential, Principal, Running, Service, ShortTool, Toolbox};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;

/// The host, at work on a port of its own.
pub(crate) struct FakeHost {
    pub(crate) script: Arc<Script>,
    pub(crate) key: Credential,
    pub(crate) running: Running,
}

/// What it was asked, and how it is to answer.
#[derive(Default)]
pub(crate) struct Script {
    calls: Mutex<Vec<(&'static str, Epoch)>>,
    next: Mutex<Vec<(&'static str, Then)>>,
    pub(crate) asked: Notify,
    /// The live app, if there is one, with the texts of its files.
    pub(crate) app: Mutex<Option<AppSnapshot>>,
    /// What was staged, in order.
    pub(crate) staged: Mutex<Vec<ChangeSet>>,
    /// PHP's log of the preview: a byte for each line is as good as any.
    pub(crate) log: Mutex<Vec<String>>,
    /// Where the preview answers.
    pub(crate) web: Mutex<String>,
}

/// How a call goes that does not simply succeed.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// It is refused with this code.
    Refuse(Code),
    /// It never answers.
    Hang,
    /// As usual.
    Go,
}

impl FakeHost {
    pub(crate) async fn start() -> Self {
        let (script, key) = (Arc::new(Script::default()), Credential::random());
        let tools = Toolbox::new()
            .short(Inspect(Arc::clone(&script)))
            .short(Files(Arc::clone(&script)))
            .short(Lint(Arc::clone(&script)))
            .short(Log(Arc::clone(&script)))
            .short(Accounts(Arc::clone(&script)))
            .short(Open(Arc::clone(&script)))
            .short(Stage(Arc::clone(&script)))
            .short(Close(Arc::clone(&script)))
            .short(Activate(Arc::clone(&script)))
            .short(Back(Arc::clone(&script)));
        let running = Service::new("host", tools)
            .callers(Callers::nobody().and(&key, Principal::service("coder")))
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a port")
            .start();
        Self { script, key, running }
    }
}

impl Script {
    /// The next call of this tool goes so.
    pub(crate) fn next(&self, tool: &'static str, then: Then) {
        self.next.lock().expect("a script").push((tool, then));
    }

    /// The epochs that this tool was called with, in order.
    pub(crate) fn epochs(&self, tool: &str) -> Vec<Epoch> {
        let calls = self.calls.lock().expect("calls");
        calls.iter().filter(|(name, _)| *name == tool).map(|(_, epoch)| *epoch).collect()
    }

    /// How often this tool was called.
    pub(crate) fn count(&self, tool: &str) -> usize {
        self.epochs(tool).len()
    }

    /// Returns once this tool was called so often.
    pub(crate) async fn called(&self, tool: &str, times: usize) {
        loop {
            let asked = self.asked.notified();
            if self.epochs(tool).len() >= times {
                return;
            }
            asked.await;
        }
    }

    async fn act<T>(&self, tool: &'static str, epoch: Epoch, answer: T) -> Result<T, Problem> {
        self.calls.lock().expect("calls").push((tool, epoch));
        self.asked.notify_waiters();
        let then = {
            let mut next = self.next.lock().expect("a script");
            next.iter().position(|(name, _)| *name == tool).map(|index| next.remove(index).1)
        };
        match then {
            Some(Then::Refuse(code)) => Err(code.problem("as the test wants it")),
            Some(Then::Hang) => std::future::pending().await,
            Some(Then::Go) | None => Ok(answer),
        }
    }
}

fn preview() -> PreviewRef {
    PreviewRef {
        name: "p".repeat(26).parse().expect("a preview's name"),
        url: "http://preview.localhost/".to_owned(),
        expires_at: "2030-01-01T00:00:00Z".parse().expect("a moment"),
    }
}

const ABOUT: About = About { title: "", description: "", read_only: false, destructive: false, idempotent: true };

macro_rules! look {
    ($name:ident, $wire:ident, $input:ty, $output:ty, $answer:expr) => {
        struct $name(Arc<Script>);

        impl ShortTool for $name {
            const NAME: &'static str = $wire;
            type Input = $input;
            type Output = $output;

            fn about(&self) -> About {
                ABOUT
            }

            async fn call(&self, _caller: &Principal, input: $input) -> Result<$output, Problem> {
                let answer: fn(&Script, $input) -> $output = $answer;
                self.0.act($wire, Epoch { turn: 0, fence: 0 }, ()).await?;
                Ok(answer(&self.0, input))
            }
        }
    };
}

look!(Inspect, INSPECT, InspectAppInput, InspectAppOutput, |script, _| InspectAppOutput {
    apps: script
        .app
        .lock()
        .expect("an app")
        .clone()
        .into_iter()
        .map(|app| AppSnapshot { files: vec![], ..app })
        .collect()
});
look!(Files, READ_FILES, ReadFilesInput, ReadFilesOutput, |script, input| {
    let files = script.app.lock().expect("an app").clone().map_or_else(Vec::new, |app| app.files);
    let wanted = files.into_iter().filter(|file| input.paths.is_empty() || input.paths.contains(&file.path));
    let change = |file: protocol::tools::coder::FileText| protocol::artifact::FileChange {
        path: file.path,
        content: Some(Content::Text(file.text)),
    };
    ReadFilesOutput { files: wanted.map(change).collect() }
});
// What has these words in it does not parse.
look!(Lint, LINT_PHP, LintPhpInput, LintPhpOutput, |script, _| {
    let staged = script.staged.lock().expect("what is staged");
    let files = staged.last().map_or(&[][..], |last| &last.files);
    let broken =
        files.iter().filter(|file| matches!(&file.content, Some(Content::Text(text)) if text.contains("syntax error")));
    let errors = broken.map(|file| format!("{}: unexpected error on line 1", file.path)).collect();
    LintPhpOutput { files: u32::try_from(files.len()).expect("few"), errors }
});
look!(Log, TAIL_LOG, TailLogInput, TailLogOutput, |script, input| {
    let log = script.log.lock().expect("a log");
    let from = input.from.map_or(log.len(), |from| usize::try_from(from).expect("short"));
    TailLogOutput { lines: log[from..].to_vec(), end: log.len() as u64 }
});
// Nobody listens at the ports of the databases.
look!(Accounts, ACCESS, AccessInput, Access, |script, _| Access {
    web: script.web.lock().expect("an address").clone(),
    host_header: "preview.localhost".to_owned(),
    mysql: "mysql://reader:p4ssw0rd@127.0.0.1:1/app".to_owned(),
    redis: "redis://reader:p4ssw0rd@127.0.0.1:1/0".to_owned(),
    redis_prefix: "app:shop:".to_owned(),
    secrets: Vec::new(),
});

macro_rules! tool {
    ($name:ident, $wire:ident, $input:ty, $output:ty, $answer:expr) => {
        struct $name(Arc<Script>);

        impl ShortTool for $name {
            const NAME: &'static str = $wire;
            type Input = $input;
            type Output = $output;

            fn about(&self) -> About {
                ABOUT
            }

            async fn call(&self, _caller: &Principal, input: $input) -> Result<$output, Problem> {
                let answer: fn(&Script, &$input) -> $output = $answer;
                let answer = answer(&self.0, &input);
                self.0.act($wire, input.epoch, answer).await
            }
        }
    };
}

tool!(Open, OPEN_PREVIEW, OpenPreviewInput, PreviewRef, |_, _| preview());
tool!(Stage, STAGE_RELEASE, StageReleaseInput, Staged, |script, input| {
    script.staged.lock().expect("what is staged").push(input.change_set.clone());
    Staged { preview: preview(), release: Digest::of(&input.change_set.files), destructive: vec![], caveats: vec![] }
});
tool!(Close, CLOSE_PREVIEWS, ClosePreviewsInput, Done, |_, _| Done {});
tool!(Activate, ACTIVATE_RELEASE, ActivateReleaseInput, ReleaseOutput, |_, _| live());
tool!(Back, ROLLBACK_RELEASE, RollbackReleaseInput, ReleaseOutput, |_, _| live());

fn live() -> ReleaseOutput {
    ReleaseOutput { live: None, url: "http://shop.localhost/".to_owned() }
}
