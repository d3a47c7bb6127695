//! Separately uploaded environments: `/venvs`.

use reqwest::Method;

use super::{Download, Error, ListPackages, ManagerClient};
use crate::views::{CreateVenv, Page, UpdateVenv, VenvReport, VenvView, VersionRef};

impl ManagerClient {
    /// `GET /venvs`, newest first.
    pub async fn list_venvs(&self, query: &ListPackages) -> Result<Page<VenvView>, Error> {
        self.json(self.request(Method::GET, &["venvs"])?.query(query)).await
    }

    /// `POST /venvs`; the package must have been uploaded before.
    pub async fn create_venv(&self, body: &CreateVenv) -> Result<VenvView, Error> {
        self.json(self.request(Method::POST, &["venvs"])?.json(body)).await
    }

    /// `GET /venvs/{venv}`. `venv` is an id, a unique beginning of one, or a name.
    pub async fn fetch_venv(&self, venv: &str) -> Result<VenvView, Error> {
        self.json(self.request(Method::GET, &["venvs", venv])?).await
    }

    /// `PATCH /venvs/{venv}`.
    pub async fn update_venv(&self, venv: &str, body: &UpdateVenv) -> Result<VenvView, Error> {
        self.json(self.request(Method::PATCH, &["venvs", venv])?.json(body)).await
    }

    /// `DELETE /venvs/{venv}`.
    pub async fn delete_venv(&self, venv: &str) -> Result<(), Error> {
        self.empty(self.request(Method::DELETE, &["venvs", venv])?).await
    }

    /// `GET /venvs/{venv}/doctor`: what is wrong with a version, the active one by default.
    pub async fn check_venv(&self, venv: &str, version: Option<VersionRef>) -> Result<VenvReport, Error> {
        let version = version.map(|version| [("version", version.to_string())]);
        let request =
            self.request(Method::GET, &["venvs", venv, "doctor"])?.query(version.as_slice().as_flattened());
        self.json(request).await
    }

    /// `GET /venvs/{venv}/package`: the archive as it was uploaded.
    pub async fn download_venv(&self, venv: &str) -> Result<Download, Error> {
        let response = self.send(self.request(Method::GET, &["venvs", venv, "package"])?).await?;
        Ok(self.download(response))
    }
}
