use crate::host::Host;
use protocol::{
    Problem,
    tools::{
        coder::{INSPECT_APP, InspectAppInput, InspectAppOutput},
        host::INSPECT,
    },
};
use runtime::{About, Principal, ShortTool};

/// The short tool `inspect_app`: the host's view of an app, for those who may not ask the host.
pub(crate) struct InspectApp {
    host: Host,
}

impl InspectApp {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }
}

impl ShortTool for InspectApp {
    const NAME: &'static str = INSPECT_APP;
    type Input = InspectAppInput;
    type Output = InspectAppOutput;

    fn about(&self) -> About {
        About {
            title: "Look at an app",
            description: "Tells an app's live release, its files, tables, migrations and earlier releases, and the text of the files \
                          asked for (1 MiB at most together); without a name, every app with its live release.",
            read_only: true,
            destructive: false,
            idempotent: true,
        }
    }

    async fn call(&self, _caller: &Principal, input: InspectAppInput) -> Result<InspectAppOutput, Problem> {
        self.host.call(INSPECT, &input).await
    }
}
