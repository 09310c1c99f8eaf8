//! The short MCP tools: the REST API once more, for clients that speak MCP.

use crate::{apps::Apps, tasks::Tasks, view};
use protocol::{
    JobId, Problem,
    rest::{AnswerTask, AppList, TaskList},
    task::Task,
    tools::planner::{
        ANSWER_TASK, APPROVE_TASK, AnswerTaskInput, CANCEL_TASK, GET_TASK, LIST_APPS, LIST_TASKS, ListAppsInput,
        ListTasksInput, REJECT_TASK, RejectTaskInput, TaskInput, WAIT_TASK, WaitTaskInput,
    },
};
use runtime::{About, Principal, ShortTool, Toolbox, WaitingTool, job::JobRecord};

/// The tools that look at tasks and apps.
pub(crate) fn toolbox(tasks: &Tasks, apps: &Apps) -> Toolbox {
    Toolbox::new()
        .short(GetTask(tasks.clone()))
        .waiting(WaitTask)
        .short(ListTasks(tasks.clone()))
        .short(CancelTask(tasks.clone()))
        .short(ApproveTask(tasks.clone()))
        .short(RejectTask(tasks.clone()))
        .short(Answer(tasks.clone()))
        .short(ListApps(apps.clone()))
}

/// A tool that changes nothing.
const fn reads(title: &'static str, description: &'static str) -> About {
    About { title, description, read_only: true, destructive: false, idempotent: true }
}

/// A tool that decides something.
const fn decides(title: &'static str, description: &'static str) -> About {
    About { title, description, read_only: false, destructive: true, idempotent: true }
}

struct GetTask(Tasks);

impl ShortTool for GetTask {
    const NAME: &'static str = GET_TASK;
    type Input = TaskInput;
    type Output = Task;

    fn about(&self) -> About {
        reads("Look at a task", "Where a task stands: status, stage, question, result or error.")
    }

    async fn call(&self, caller: &Principal, input: TaskInput) -> Result<Task, Problem> {
        self.0.get(caller, input.id).await
    }
}

struct WaitTask;

impl WaitingTool for WaitTask {
    const NAME: &'static str = WAIT_TASK;
    type Input = WaitTaskInput;
    type Output = Task;

    fn about(&self) -> About {
        reads(
            "Wait for a task",
            "Waits until a task has ended or asks a person something, at most 45 seconds, and says where it stands. Call it \
             again while the status is queued or running. A client that can show forms is asked in a form; others are told how \
             to answer.",
        )
    }

    fn waits(&self, input: &WaitTaskInput) -> (JobId, Option<u32>) {
        (input.id, input.seconds)
    }

    fn output(&self, record: &JobRecord) -> Result<Task, Problem> {
        view::task(record)
    }
}

struct ListTasks(Tasks);

impl ShortTool for ListTasks {
    const NAME: &'static str = LIST_TASKS;
    type Input = ListTasksInput;
    type Output = TaskList;

    fn about(&self) -> About {
        reads("List tasks", "Tasks, newest first, of one app or one status if wanted; next_cursor leads to older ones.")
    }

    async fn call(&self, caller: &Principal, input: ListTasksInput) -> Result<TaskList, Problem> {
        self.0.list(caller, input).await
    }
}

struct CancelTask(Tasks);

impl ShortTool for CancelTask {
    const NAME: &'static str = CANCEL_TASK;
    type Input = TaskInput;
    type Output = Task;

    fn about(&self) -> About {
        decides("Cancel a task", "Ends a task and discards its preview. Refused once the release is under way.")
    }

    async fn call(&self, caller: &Principal, input: TaskInput) -> Result<Task, Problem> {
        self.0.cancel(caller, input.id).await
    }
}

struct ApproveTask(Tasks);

impl ShortTool for ApproveTask {
    const NAME: &'static str = APPROVE_TASK;
    type Input = TaskInput;
    type Output = Task;

    fn about(&self) -> About {
        decides(
            "Approve a change",
            "Lets a tested change that waits for approval go live. Only on behalf of a person who has seen the question.",
        )
    }

    async fn call(&self, caller: &Principal, input: TaskInput) -> Result<Task, Problem> {
        self.0.approve(caller, input.id).await
    }
}

struct RejectTask(Tasks);

impl ShortTool for RejectTask {
    const NAME: &'static str = REJECT_TASK;
    type Input = RejectTaskInput;
    type Output = Task;

    fn about(&self) -> About {
        decides(
            "Reject a change",
            "Refuses a change that waits for approval, or gives up a task that asks about its goal; the task fails and its preview is \
             discarded.",
        )
    }

    async fn call(&self, caller: &Principal, input: RejectTaskInput) -> Result<Task, Problem> {
        self.0.reject(caller, input.id, input.reason).await
    }
}

struct Answer(Tasks);

impl ShortTool for Answer {
    const NAME: &'static str = ANSWER_TASK;
    type Input = AnswerTaskInput;
    type Output = Task;

    fn about(&self) -> About {
        decides(
            "Answer a task",
            "Answers the questions of a task whose question is `clarify`, all at once and in words; the task goes on. Only with what \
             the person said.",
        )
    }

    async fn call(&self, caller: &Principal, input: AnswerTaskInput) -> Result<Task, Problem> {
        self.0.clarify(caller, input.id, AnswerTask { text: input.text }).await
    }
}

struct ListApps(Apps);

impl ShortTool for ListApps {
    const NAME: &'static str = LIST_APPS;
    type Input = ListAppsInput;
    type Output = AppList;

    fn about(&self) -> About {
        reads("List apps", "Every app with its address and its live release.")
    }

    async fn call(&self, _caller: &Principal, _input: ListAppsInput) -> Result<AppList, Problem> {
        self.0.list().await
    }
}
