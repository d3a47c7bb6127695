//! Builds of environments: `/builds`.

use reqwest::Method;

use super::{Error, ManagerClient};
use crate::views::{BuildView, ListBuilds, Page};

impl ManagerClient {
    /// `GET /builds`, newest first.
    pub async fn list_builds(&self, query: &ListBuilds) -> Result<Page<BuildView>, Error> {
        self.json(self.request(Method::GET, &["builds"])?.query(query)).await
    }

    /// `GET /builds/{key}`. `key` may be a unique beginning of one.
    pub async fn fetch_build(&self, key: &str) -> Result<BuildView, Error> {
        self.json(self.request(Method::GET, &["builds", key])?).await
    }

    /// `GET /builds/{key}/log`: what the tools have said.
    pub async fn fetch_build_log(&self, key: &str) -> Result<String, Error> {
        let response = self.send(self.request(Method::GET, &["builds", key, "log"])?).await?;
        let body = self.read_body(response).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// `POST /builds/{key}/retry`.
    pub async fn retry_build(&self, key: &str) -> Result<BuildView, Error> {
        self.json(self.request(Method::POST, &["builds", key, "retry"])?).await
    }

    /// `DELETE /builds/{key}`.
    pub async fn delete_build(&self, key: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["builds", key])?).await
    }
}
