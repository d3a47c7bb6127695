//! Workflows and works: `/workflows` and `/works`.

use reqwest::Method;

use super::{Error, ListPackages, ManagerClient};
use crate::views::{
    CreateWork, CreateWorkflow, DeleteWork, ListWorks, Page, StopTask, UpdateWorkflow, WhyWork, WorkInfo,
    WorkView, WorkflowView,
};

impl ManagerClient {
    /// `GET /workflows`, newest first.
    pub async fn list_workflows(&self, query: &ListPackages) -> Result<Page<WorkflowView>, Error> {
        self.json(self.request(Method::GET, &["workflows"])?.query(query)).await
    }

    /// `POST /workflows`.
    pub async fn create_workflow(&self, body: &CreateWorkflow) -> Result<WorkflowView, Error> {
        self.json(self.request(Method::POST, &["workflows"])?.json(body)).await
    }

    /// `GET /workflows/{workflow}`. `workflow` is an id, a unique beginning of one, or a name.
    pub async fn fetch_workflow(&self, workflow: &str) -> Result<WorkflowView, Error> {
        self.json(self.request(Method::GET, &["workflows", workflow])?).await
    }

    /// `PATCH /workflows/{workflow}`.
    pub async fn update_workflow(
        &self,
        workflow: &str,
        body: &UpdateWorkflow,
    ) -> Result<WorkflowView, Error> {
        self.json(self.request(Method::PATCH, &["workflows", workflow])?.json(body)).await
    }

    /// `DELETE /workflows/{workflow}`.
    pub async fn delete_workflow(&self, workflow: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["workflows", workflow])?).await
    }

    /// `GET /works`, newest first.
    pub async fn list_works(&self, query: &ListWorks) -> Result<Page<WorkView>, Error> {
        self.json(self.request(Method::GET, &["works"])?.query(query)).await
    }

    /// `POST /works`.
    pub async fn create_work(&self, body: &CreateWork) -> Result<WorkView, Error> {
        self.json(self.request(Method::POST, &["works"])?.json(body)).await
    }

    /// `GET /works/{work}`. `work` is an id, a unique beginning of one, or `@last`.
    pub async fn fetch_work(&self, work: &str) -> Result<WorkInfo, Error> {
        self.json(self.request(Method::GET, &["works", work])?).await
    }

    /// `GET /works/{work}/why`.
    pub async fn explain_work(&self, work: &str) -> Result<WhyWork, Error> {
        self.json(self.request(Method::GET, &["works", work, "why"])?).await
    }

    /// `POST /works/{work}/stop`.
    pub async fn stop_work(&self, work: &str, body: &StopTask) -> Result<WorkView, Error> {
        self.json(self.request(Method::POST, &["works", work, "stop"])?.json(body)).await
    }

    /// `POST /works/{work}/rerun`.
    pub async fn rerun_work(&self, work: &str) -> Result<WorkView, Error> {
        self.json(self.request(Method::POST, &["works", work, "rerun"])?).await
    }

    /// `POST /works/{work}/recover`.
    pub async fn recover_work(&self, work: &str) -> Result<WorkView, Error> {
        self.json(self.request(Method::POST, &["works", work, "recover"])?).await
    }

    /// `DELETE /works/{work}`, with its tasks, their workspaces and logs.
    pub async fn delete_work(&self, work: &str, query: &DeleteWork) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["works", work])?.query(query)).await
    }
}
