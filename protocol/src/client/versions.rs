//! The versions of applications and venvs: `/apps/{app}/versions` and `/venvs/{venv}/versions`.

use reqwest::Method;

use super::{Download, Error, ManagerClient, PageQuery};
use crate::views::{Page, VersionDiff, VersionInfo, VersionRef, VersionView};

/// What has versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageKind {
    App,
    Venv,
}

impl PackageKind {
    /// `app` or `venv`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Venv => "venv",
        }
    }

    fn segment(self) -> &'static str {
        match self {
            Self::App => "apps",
            Self::Venv => "venvs",
        }
    }
}

impl ManagerClient {
    /// `GET .../versions`, newest first. `package` is an id, a unique beginning of one, or a name.
    pub async fn list_versions(
        &self,
        kind: PackageKind,
        package: &str,
        query: &PageQuery,
    ) -> Result<Page<VersionView>, Error> {
        self.json(self.request(Method::GET, &[kind.segment(), package, "versions"])?.query(query)).await
    }

    /// `GET .../versions/{version}`.
    pub async fn fetch_version(
        &self,
        kind: PackageKind,
        package: &str,
        version: VersionRef,
    ) -> Result<VersionInfo, Error> {
        let path = [kind.segment(), package, "versions", &version.to_string()];
        self.json(self.request(Method::GET, &path)?).await
    }

    /// `POST .../versions/{version}/activate`; may be repeated as long as the version is named by its number.
    pub async fn activate_version(
        &self,
        kind: PackageKind,
        package: &str,
        version: VersionRef,
    ) -> Result<VersionView, Error> {
        let path = [kind.segment(), package, "versions", &version.to_string(), "activate"];
        self.json(self.request(Method::POST, &path)?).await
    }

    /// `DELETE .../versions/{version}`.
    pub async fn delete_version(
        &self,
        kind: PackageKind,
        package: &str,
        version: VersionRef,
    ) -> Result<(), Error> {
        let path = [kind.segment(), package, "versions", &version.to_string()];
        self.empty(self.request(Method::DELETE, &path)?).await
    }

    /// `GET .../versions/{version}/package`: the archive as it was uploaded.
    pub async fn download_version(
        &self,
        kind: PackageKind,
        package: &str,
        version: VersionRef,
    ) -> Result<Download, Error> {
        let path = [kind.segment(), package, "versions", &version.to_string(), "package"];
        let response = self.send(self.request(Method::GET, &path)?).await?;
        Ok(self.download(response))
    }

    /// `GET .../diff`. Reading two large archives takes a while, so this waits as long as it takes.
    pub async fn diff_versions(
        &self,
        kind: PackageKind,
        package: &str,
        from: VersionRef,
        to: VersionRef,
    ) -> Result<VersionDiff, Error> {
        let query = [("from", from.to_string()), ("to", to.to_string())];
        let request = self.request(Method::GET, &[kind.segment(), package, "diff"])?.query(&query);
        let response = self.send(request).await?;
        self.read_json(response).await
    }
}
