//! Tasks: `/tasks`, but for the batch, their logs and their workspaces.

use reqwest::Method;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Error, ManagerClient};
use crate::views::{
    BulkTasks, BulkTasksDone, CreateTask, Created, DeleteTask, ExplainTask, ListTasks, Outlined, Page,
    RecoverTask, RerunTask, ShowOutline, StopTask, TaskInfo, TaskOutline, TaskView, Why,
};

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
