//! Waiting by long polls: for tasks and for works.

use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::connection::ANSWER_TIMEOUT;
use super::{Backoff, Error, ManagerClient};
use crate::Stage;
use crate::units::duration_from_seconds;
use crate::views::{TaskView, WaitTask, WorkView};

/// One long poll; the manager's own limit is a minute, and proxies on the way often have one.
const POLL: Duration = Duration::from_secs(30);

impl ManagerClient {
    /// `GET /tasks/{task}/wait`: the task as soon as it is finished, or as it is after the timeout.
    pub async fn wait_task(&self, task: &str, query: &WaitTask) -> Result<TaskView, Error> {
        self.poll(&["tasks", task, "wait"], query).await
    }

    /// `GET /works/{work}/wait`: the work as soon as it is finished, or as it is after the timeout.
    pub async fn wait_work(&self, work: &str, query: &WaitTask) -> Result<WorkView, Error> {
        self.poll(&["works", work, "wait"], query).await
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
        self.poll_until_finished(&["tasks", task, "wait"], timeout, |view: &TaskView| view.stage).await
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
        self.poll_until_finished(&["works", work, "wait"], timeout, |view: &WorkView| view.stage).await
    }

    async fn poll<T: DeserializeOwned>(&self, path: &[&str], query: &WaitTask) -> Result<T, Error> {
        let patience = query.timeout.and_then(duration_from_seconds).unwrap_or(POLL);
        let request = self.request(Method::GET, path)?.query(query);
        let response = self.send(request.timeout(patience + ANSWER_TIMEOUT)).await?;
        self.read_json(response).await
    }

    async fn poll_until_finished<T: DeserializeOwned>(
        &self,
        path: &[&str],
        timeout: Option<Duration>,
        stage: fn(&T) -> Stage,
    ) -> Result<T, Error> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut backoff = Backoff::new();
        loop {
            let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
            let query = WaitTask { timeout: Some(left.min(POLL).as_secs_f64()) };
            match self.poll(path, &query).await {
                Ok(view) if !stage(&view).is_open() || left.is_zero() => return Ok(view),
                Ok(_) => backoff.reset(),
                Err(error) if error.is_transient() && !left.is_zero() => match backoff.next_wait() {
                    Some(wait) => sleep(wait.min(left)).await,
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }
}
