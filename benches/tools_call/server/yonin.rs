//! A service of ours: host check, key, limits, metrics and log line around the same tool.

use super::{KEY, Serving};
use protocol::Problem;
use runtime::{About, Callers, Credential, Principal, Service, ShortTool, Toolbox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) async fn start() -> anyhow::Result<Serving> {
    runtime::telemetry::start();
    let callers = Callers::nobody().and(&Credential::new(KEY), Principal::service("planner"));
    let service = Service::new("echo", Toolbox::new().short(Echo)).callers(callers);
    let running = service.bind(([127, 0, 0, 1], 0).into()).await?.start();
    Ok(Serving { origin: running.origin().to_owned(), _running: Some(running) })
}

struct Echo;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Said {
    text: String,
    number: u32,
}

impl ShortTool for Echo {
    const NAME: &'static str = "echo";
    type Input = Said;
    type Output = Said;

    fn about(&self) -> About {
        About { title: "Echo", description: "Says it again.", read_only: true, destructive: false, idempotent: true }
    }

    async fn call(&self, _caller: &Principal, said: Said) -> Result<Said, Problem> {
        Ok(said)
    }
}
