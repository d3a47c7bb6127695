//! Workflows and works: `/workflows` and `/works`.

use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::connection::ANSWER_TIMEOUT;
use super::{Backoff, Error, ListPackages, ManagerClient};
use crate::views::{
    CreateWork, CreateWorkflow, DeleteWork, ListWorks, Page, StopTask, UpdateWorkflow, WaitTask, WhyWork,
    WorkInfo, WorkView, WorkflowView,
};

/// One long poll, as for tasks.
const POLL: Duration = Duration::from_secs(30);

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

    /// `GET /works/{work}/wait`: the work as soon as it is finished, or as it is after the timeout.
    pub async fn wait_work(&self, work: &str, query: &WaitTask) -> Result<WorkView, Error> {
        let patience = query.timeout.and_then(crate::units::duration_from_seconds).unwrap_or(POLL);
        let request = self.request(Method::GET, &["works", work, "wait"])?.query(query);
        let response = self.send(request.timeout(patience + ANSWER_TIMEOUT)).await?;
        self.read_json(response).await
    }

    /// Waits until the work is finished or `timeout` is over; as [`ManagerClient::wait_until_finished`].
    ///
    /// # Errors
    /// At once those that will not pass; transient ones after a minute of them.
    pub async fn wait_until_work_finished(
        &self,
        work: &str,
        timeout: Option<Duration>,
    ) -> Result<WorkView, Error> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut backoff = Backoff::new();
        loop {
            let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
            let poll = WaitTask { timeout: Some(left.min(POLL).as_secs_f64()) };
            match self.wait_work(work, &poll).await {
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
