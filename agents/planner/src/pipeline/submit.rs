use super::{order::Order, tool::Begins};
use protocol::{Problem, event::What, rest::SubmitTask, tools::planner::SUBMIT_TASK};
use runtime::{About, tool::Admission};

/// `submit_task`: a goal becomes a tested, live, reversible release.
pub(crate) struct Submit;

impl Begins for Submit {
    const NAME: &'static str = SUBMIT_TASK;
    type Input = SubmitTask;

    fn about() -> About {
        About {
            title: "Submit a task",
            description: "Have the team plan, design, build, test and release a goal for one PHP app. Answers at once with the id of \
                          a task: give it to wait_task as `id`. Tasks of one app run one after the other. Every call is a new task, \
                          unless it carries the idempotency key of an earlier one (`_meta` dev.yonin/idempotencyKey, or the header \
                          Idempotency-Key).",
            read_only: false,
            destructive: false,
            idempotent: false,
        }
    }

    fn admit(input: &SubmitTask) -> Result<Admission, Problem> {
        input.validate()?;
        Ok(Admission { lane: Some(input.app.to_string()), events: vec![What::Submitted], ..Admission::default() })
    }

    fn order(input: &SubmitTask) -> Order {
        Order::from(input)
    }
}
