//! Tasks: `/tasks`, but for the batch, their logs and their workspaces.

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::connection::ANSWER_TIMEOUT;
use super::{Backoff, Error, ManagerClient};
use crate::views::{
    BulkTasks, BulkTasksDone, CreateTask, Created, DeleteTask, ExplainTask, ListTasks, Outlined, Page,
    RecoverTask, RerunTask, ShowOutline, StopTask, TaskInfo, TaskOutline, TaskView, WaitTask, Why,
};

/// One long poll; the manager's own limit is a minute, and proxies on the way often have one.
const POLL: Duration = Duration::from_secs(30);

/// Query of the lists that have no filter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PageQuery {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ManagerClient {
    /// `POST /tasks`.
    pub async fn create_task(&self, body: &CreateTask) -> Result<Created, Error> {
        self.json(self.request(Method::POST, &["tasks"])?.json(body)).await
    }

    /// `GET /tasks`, newest first.
    pub async fn list_tasks(&self, query: &ListTasks) -> Result<Page<TaskView>, Error> {
        self.json(self.request(Method::GET, &["tasks"])?.query(query)).await
    }

    /// `GET /tasks/{task}`. `task` is an id, a unique beginning of one, or `@last`.
    pub async fn fetch_task(&self, task: &str) -> Result<TaskInfo, Error> {
        self.json(self.request(Method::GET, &["tasks", task])?).await
    }

    /// `GET /tasks/{task}/outline`: the same in much less, for whoever shows it.
    pub async fn fetch_outline(&self, task: &str, query: &ShowOutline) -> Result<Outlined, Error> {
        let request = self.request(Method::GET, &["tasks", task, "outline"])?.query(query);
        Ok(self.json::<TaskOutline>(request).await?.into())
    }

    /// `GET /tasks/{task}/input`: what it was given.
    pub async fn fetch_task_input(&self, task: &str) -> Result<Box<RawValue>, Error> {
        self.json(self.request(Method::GET, &["tasks", task, "input"])?).await
    }

    /// `GET /tasks/{task}/actions/{action}/output`: what the action has left in the task's latest run.
    pub async fn fetch_output(&self, task: &str, action: &str) -> Result<Box<RawValue>, Error> {
        self.json(self.request(Method::GET, &["tasks", task, "actions", action, "output"])?).await
    }

    /// `GET /tasks/{task}/wait`: the task as soon as it is finished, or as it is after the timeout.
    pub async fn wait_task(&self, task: &str, query: &WaitTask) -> Result<TaskView, Error> {
        let patience = query.timeout.and_then(crate::units::duration_from_seconds).unwrap_or(POLL);
        let request = self.request(Method::GET, &["tasks", task, "wait"])?.query(query);
        let response = self.send(request.timeout(patience + ANSWER_TIMEOUT)).await?;
        self.read_json(response).await
    }

    /// Waits until the task is finished or `timeout` is over; the answer's stage tells which. A manager that is away
    /// for a while (a restart, a change of leader) is asked again, so call it with an id: what `@last` means may change meanwhile.
    ///
    /// # Errors
    /// At once those that will not pass; transient ones after a minute of them.
    pub async fn wait_until_finished(
        &self,
        task: &str,
        timeout: Option<Duration>,
    ) -> Result<TaskView, Error> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut backoff = Backoff::new();
        loop {
            let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
            let poll = WaitTask { timeout: Some(left.min(POLL).as_secs_f64()) };
            match self.wait_task(task, &poll).await {
                Ok(view) if !view.stage.is_open() || left.is_zero() => return Ok(view),
                Ok(_) => backoff.reset(),
                Err(error) if error.is_transient() && !left.is_zero() => match backoff.next_wait() {
                    Some(wait) => sleep(wait.min(left)).await,
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// `GET /tasks/{task}/why`.
    pub async fn explain_task(&self, task: &str) -> Result<Why, Error> {
        self.json(self.request(Method::GET, &["tasks", task, "why"])?).await
    }

    /// The same of an action and of the first few before it.
    pub async fn explain_action(&self, task: &str, query: &ExplainTask) -> Result<Why, Error> {
        self.json(self.request(Method::GET, &["tasks", task, "why"])?.query(query)).await
    }

    /// `POST /tasks/{task}/stop`.
    pub async fn stop_task(&self, task: &str, body: &StopTask) -> Result<TaskView, Error> {
        self.json(self.request(Method::POST, &["tasks", task, "stop"])?.json(body)).await
    }

    /// `POST /tasks/{task}/rerun`.
    pub async fn rerun_task(&self, task: &str, rerun: &RerunTask) -> Result<TaskView, Error> {
        self.json(self.request(Method::POST, &["tasks", task, "rerun"])?.json(rerun)).await
    }

    /// `POST /tasks/{task}/recover`.
    pub async fn recover_task(&self, task: &str, recover: &RecoverTask) -> Result<TaskView, Error> {
        self.json(self.request(Method::POST, &["tasks", task, "recover"])?.json(recover)).await
    }

    /// `DELETE /tasks/{task}`, with its workspaces and logs.
    pub async fn delete_task(&self, task: &str, delete: &DeleteTask) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["tasks", task])?.query(delete)).await
    }

    /// `POST /tasks/bulk`: one call's worth; go on with `next_cursor`.
    pub async fn bulk_tasks(&self, bulk: &BulkTasks) -> Result<BulkTasksDone, Error> {
        self.json(self.request(Method::POST, &["tasks", "bulk"])?.json(bulk)).await
    }
}
