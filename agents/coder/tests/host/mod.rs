//! A host that writes down what it is asked and answers what a test wants.

use protocol::{
    Code, Digest, Problem,
    tools::{
        Epoch, PreviewRef,
        coder::{InspectAppInput, InspectAppOutput, ReleaseOutput},
        host::{
            ACTIVATE_RELEASE, ActivateReleaseInput, CLOSE_PREVIEWS, ClosePreviewsInput, Done, INSPECT, OPEN_PREVIEW,
            OpenPreviewInput, ROLLBACK_RELEASE, RollbackReleaseInput, STAGE_RELEASE, StageReleaseInput, Staged,
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
}

/// How a call goes that does not simply succeed.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// It is refused with this code.
    Refuse(Code),
    /// It never answers.
    Hang,
}

impl FakeHost {
    pub(crate) async fn start() -> Self {
        let (script, key) = (Arc::new(Script::default()), Credential::random());
        let tools = Toolbox::new()
            .short(Inspect)
            .short(Open(Arc::clone(&script)))
            .short(Stage(Arc::clone(&script)))
            .short(Close(Arc::clone(&script)))
            .short(Activate(Arc::clone(&script)))
            .short(Back(Arc::clone(&script)));
        let running = Service::new("host", tools)
            .callers(Callers::nobody().and(&key, Principal::Service("coder".to_owned())))
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
            None => Ok(answer),
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

struct Inspect;

impl ShortTool for Inspect {
    const NAME: &'static str = INSPECT;
    type Input = InspectAppInput;
    type Output = InspectAppOutput;

    fn about(&self) -> About {
        ABOUT
    }

    async fn call(&self, _caller: &Principal, _input: InspectAppInput) -> Result<InspectAppOutput, Problem> {
        Ok(InspectAppOutput::default())
    }
}

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
                let answer: fn(&$input) -> $output = $answer;
                self.0.act($wire, input.epoch, answer(&input)).await
            }
        }
    };
}

tool!(Open, OPEN_PREVIEW, OpenPreviewInput, PreviewRef, |_| preview());
tool!(Stage, STAGE_RELEASE, StageReleaseInput, Staged, |input| Staged {
    preview: preview(),
    release: Digest::of(&input.change_set.files),
    destructive: vec![],
    caveats: vec![],
});
tool!(Close, CLOSE_PREVIEWS, ClosePreviewsInput, Done, |_| Done {});
tool!(Activate, ACTIVATE_RELEASE, ActivateReleaseInput, ReleaseOutput, |_| live());
tool!(Back, ROLLBACK_RELEASE, RollbackReleaseInput, ReleaseOutput, |_| live());

fn live() -> ReleaseOutput {
    ReleaseOutput { live: None, url: "http://shop.localhost/".to_owned() }
}
