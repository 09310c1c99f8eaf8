use crate::host::{Host, planner_only};
use protocol::{
    Problem,
    tools::{
        Epoch,
        coder::{DISCARD_PREVIEW, DiscardPreviewInput},
        host::{CLOSE_PREVIEWS, ClosePreviewsInput, Done},
    },
};
use runtime::{About, Principal, ShortTool};

/// The short tool `discard_preview`.
pub(crate) struct DiscardPreview {
    host: Host,
}

impl DiscardPreview {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }
}

impl ShortTool for DiscardPreview {
    const NAME: &'static str = DISCARD_PREVIEW;
    type Input = DiscardPreviewInput;
    type Output = Done;

    fn about(&self) -> About {
        About {
            title: "Close a task's previews",
            description: "Removes the private branches of a task that ended without a release. None left is no error. Only for the \
                          Planner.",
            read_only: false,
            destructive: true,
            idempotent: true,
        }
    }

    async fn call(&self, caller: &Principal, input: DiscardPreviewInput) -> Result<Done, Problem> {
        planner_only(caller)?;
        // No job runs this, so there is no fence; the turn alone puts it behind everything that the task did before.
        let epoch = Epoch { turn: input.turn, fence: 0 };
        self.host.call(CLOSE_PREVIEWS, &ClosePreviewsInput { app: input.app, task: input.task, epoch }).await
    }
}
