//! Workspaces: what attempts left on their nodes.

use reqwest::Method;

use super::{AttemptRef, Download, Error, ManagerClient, PageQuery};
use crate::views::{Page, WorkspaceListing, WorkspaceView};

impl ManagerClient {
    /// `GET /tasks/{task}/workspaces`.
    pub async fn list_workspaces(&self, task: &str, query: &PageQuery) -> Result<Page<WorkspaceView>, Error> {
        self.json(self.request(Method::GET, &["tasks", task, "workspaces"])?.query(query)).await
    }

    /// `DELETE /tasks/{task}/workspaces`.
    pub async fn delete_workspaces(&self, task: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["tasks", task, "workspaces"])?).await
    }

    /// `GET .../workspace`: the files in it.
    pub async fn list_workspace_files(
        &self,
        task: &str,
        action: &str,
        attempt: AttemptRef,
    ) -> Result<WorkspaceListing, Error> {
        let path = ["tasks", task, "actions", action, "attempts", &attempt.to_string(), "workspace"];
        self.json(self.request(Method::GET, &path)?).await
    }

    /// `GET .../workspace/file`: one file, `/` between the parts of its path.
    pub async fn download_workspace_file(
        &self,
        task: &str,
        action: &str,
        attempt: AttemptRef,
        file: &str,
    ) -> Result<Download, Error> {
        let path = ["tasks", task, "actions", action, "attempts", &attempt.to_string(), "workspace", "file"];
        let response = self.send(self.request(Method::GET, &path)?.query(&[("path", file)])).await?;
        Ok(self.download(response))
    }

    /// `GET .../workspace/archive`: all of it as tar.gz.
    pub async fn download_workspace(
        &self,
        task: &str,
        action: &str,
        attempt: AttemptRef,
    ) -> Result<Download, Error> {
        let path =
            ["tasks", task, "actions", action, "attempts", &attempt.to_string(), "workspace", "archive"];
        let response = self.send(self.request(Method::GET, &path)?).await?;
        Ok(self.download(response))
    }
}
