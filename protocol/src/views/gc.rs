//! Retention: what is kept of the past, and what of it goes.

use serde::{Deserialize, Serialize};

/// Body of `POST /gc`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectGarbage {
    /// Only tell what would go.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Garbage {
    pub dry_run: bool,
    /// False where there is more to do than fits into one request; ask again.
    pub complete: bool,
    pub kinds: Vec<GarbageKind>,
}

/// What went of one kind, or would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GarbageKind {
    pub kind: GarbageName,
    pub count: u64,
    /// Null where only nodes know.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// What is kept, in words.
    #[serde(default)]
    pub rule: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GarbageName {
    /// Finished tasks, with their logs and workspaces.
    Tasks,
    /// Logs of tasks that stay.
    Logs,
    /// Workspaces of tasks that stay.
    Workspaces,
    /// Archives that no version refers to.
    Packages,
    /// Versions of applications and venvs, with their archives.
    Versions,
    /// Environments built from locks.
    Builds,
}

impl GarbageName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Logs => "logs",
            Self::Workspaces => "workspaces",
            Self::Packages => "packages",
            Self::Versions => "versions",
            Self::Builds => "builds",
        }
    }
}
