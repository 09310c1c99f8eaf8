//! The short tools: the REST API once more, for clients that speak MCP.

use crate::{apps::Apps, tasks::Tasks, view};
use protocol::{
    JobId, Problem, TaskId,
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
        reads(
            "Look at a task",
            "Where a task stands now: status, stage, message, question, result or error, and what it has used. Links lead to what \
             the agents handed on so far. To follow a task, call wait_task instead.",
        )
    }

    async fn call(&self, caller: &Principal, input: TaskInput) -> Result<Task, Problem> {
        self.0.get(caller, input.id).await
    }

    fn job(&self, task: &Task) -> Option<TaskId> {
        Some(task.id)
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
             again while status is queued or running; nothing is lost in between. A client that can show forms is asked in a \
             form; others are told how to answer.",
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
        reads(
            "List tasks",
            "Tasks, newest first, 20 at a time unless limit says otherwise; of one app or one status if wanted. next_cursor leads to \
             older ones.",
        )
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
        decides(
            "Cancel a task",
            "Ends a task that is not wanted any more and discards its preview; the live app stays as it is. Refused with `releasing` once \
             the release is under way (roll back afterwards), and with `already-finished` when the task is over.",
        )
    }

    async fn call(&self, caller: &Principal, input: TaskInput) -> Result<Task, Problem> {
        self.0.cancel(caller, input.id).await
    }

    fn job(&self, task: &Task) -> Option<TaskId> {
        Some(task.id)
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
            "Lets a tested change that waits for approval go live, or, for a question of the kind in_doubt, has the act done again. Only \
             on behalf of a person who has seen the question, its statements and the preview. Refused with `not-waiting` when the task \
             does not ask.",
        )
    }

    async fn call(&self, caller: &Principal, input: TaskInput) -> Result<Task, Problem> {
        self.0.approve(caller, input.id).await
    }

    fn job(&self, task: &Task) -> Option<TaskId> {
        Some(task.id)
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
            "Refuses a change that waits for approval, or gives up a task that asks something else; the task fails with `rejected`, its \
             preview is discarded, and the live app stays as it is. Refused with `not-waiting` when the task does not ask.",
        )
    }

    async fn call(&self, caller: &Principal, input: RejectTaskInput) -> Result<Task, Problem> {
        self.0.reject(caller, input.id, input.reason).await
    }

    fn job(&self, task: &Task) -> Option<TaskId> {
        Some(task.id)
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
            "Answers a task whose question is of the kind clarify: all its questions at once, in words, in any language. The task goes on, \
             and asks no second time. Only with what the person said. Refused with `not-waiting` when the task does not ask that.",
        )
    }

    async fn call(&self, caller: &Principal, input: AnswerTaskInput) -> Result<Task, Problem> {
        self.0.clarify(caller, input.id, AnswerTask { text: input.text }).await
    }

    fn job(&self, task: &Task) -> Option<TaskId> {
        Some(task.id)
    }
}

struct ListApps(Apps);

impl ShortTool for ListApps {
    const NAME: &'static str = LIST_APPS;
    type Input = ListAppsInput;
    type Output = AppList;

    fn about(&self) -> About {
        reads("List apps", "Every app by name, with its address and its live release. Takes no arguments.")
    }

    async fn call(&self, _caller: &Principal, _input: ListAppsInput) -> Result<AppList, Problem> {
        self.0.list().await
    }
}
