//! Applications, venvs and their versions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::{AppId, DigestHex, VenvId, VersionId};

/// Answer to a blob upload, `PUT /blobs/{digest}` or `POST /blobs`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BlobView {
    pub digest: DigestHex,
    pub sha1: String,
    pub size_bytes: u64,
}

/// Body of `POST /apps`: the package must have been uploaded as a blob before.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApp {
    /// Unique among the applications.
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub digest: DigestHex,
    /// Refuse a manifest with unknown keys instead of warning.
    #[serde(default)]
    pub strict: bool,
}

/// Body of `PATCH /apps/{app_id}`; a digest adds a version and makes it the active one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateApp {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestHex>,
    #[serde(default)]
    pub strict: bool,
}

/// Query of `GET /apps/{app}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ShowApp {
    /// With `false`, the plan and the manifest are left out: they may be large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AppView {
    pub app_id: AppId,
    pub name: String,
    pub description: String,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
    /// The active version.
    pub version: VersionView,
    /// The active version's plan; only in the answer for a single application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The manifest as it was uploaded; only in the answer for a single application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Nodes that hold the active version; only in the leader's answer for a single application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<super::HolderView>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VersionView {
    /// Unique over all packages.
    pub version_id: VersionId,
    /// 1, 2, 3, ... within its package in the order of upload, and never given twice: what people call it by.
    #[serde(default)]
    pub number: u32,
    pub digest: DigestHex,
    pub sha1: String,
    pub size_bytes: u64,
    /// `tar.gz`, `tar`, `tar.zst` or `zip`: the ending of a download's name.
    pub format: String,
    pub description: String,
    pub create_at: DateTime<Utc>,
    /// Who uploaded it: the name of the token.
    #[serde(default)]
    pub create_by: String,
    /// New tasks run this one.
    #[serde(default)]
    pub active: bool,
    /// When it last became the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate_at: Option<DateTime<Utc>>,
    /// What the manifest parser wondered about (unknown keys with "did you mean").
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Body of `POST /venvs`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVenv {
    /// Unique among the venvs.
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub digest: DigestHex,
}

/// Body of `PATCH /venvs/{venv_id}`; a digest adds a version and makes it the active one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateVenv {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestHex>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VenvView {
    pub venv_id: VenvId,
    pub name: String,
    pub description: String,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
    /// The active version.
    pub version: VersionView,
    #[serde(default)]
    pub users: super::VenvUsers,
    /// Nodes that hold the active version, or failed to; left out by a manager that stands by, which nodes tell nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<super::HolderView>>,
}
