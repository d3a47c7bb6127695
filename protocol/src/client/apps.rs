//! Applications: `/apps`.

use reqwest::Method;
use serde::Serialize;

use super::{Download, Error, ManagerClient};
use crate::views::{AppView, CreateApp, Page, ShowApp, UpdateApp};

/// Query of `GET /apps` and `GET /venvs`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListPackages {
    /// A glob over the name: `*` and `?`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl ManagerClient {
    /// `GET /apps`, newest first.
    pub async fn list_apps(&self, query: &ListPackages) -> Result<Page<AppView>, Error> {
        self.json(self.request(Method::GET, &["apps"])?.query(query)).await
    }

    /// `POST /apps`; the package must have been uploaded before.
    pub async fn create_app(&self, body: &CreateApp) -> Result<AppView, Error> {
        self.json(self.request(Method::POST, &["apps"])?.json(body)).await
    }

    /// `GET /apps/{app}`, with plan and manifest. `app` is an id, a unique beginning of one, or a name.
    pub async fn fetch_app(&self, app: &str) -> Result<AppView, Error> {
        self.json(self.request(Method::GET, &["apps", app])?).await
    }

    /// The same without its plan and its manifest, which may be large.
    pub async fn fetch_app_head(&self, app: &str) -> Result<AppView, Error> {
        let query = ShowApp { plan: Some(false) };
        self.json(self.request(Method::GET, &["apps", app])?.query(&query)).await
    }

    /// `PATCH /apps/{app}`.
    pub async fn update_app(&self, app: &str, body: &UpdateApp) -> Result<AppView, Error> {
        self.json(self.request(Method::PATCH, &["apps", app])?.json(body)).await
    }

    /// `DELETE /apps/{app}`.
    pub async fn delete_app(&self, app: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["apps", app])?).await
    }

    /// `GET /apps/{app}/package`: the archive as it was uploaded.
    pub async fn download_app(&self, app: &str) -> Result<Download, Error> {
        let response = self.send(self.request(Method::GET, &["apps", app, "package"])?).await?;
        Ok(self.download(response))
    }
}
