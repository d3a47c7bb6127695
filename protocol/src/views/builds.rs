//! Builds of environments.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::env::EnvRecipe;
use crate::{AppId, DigestHex, NodeId};

/// An environment that is built from a lock, once for all nodes of a platform and a Python.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BuildView {
    pub key: DigestHex,
    pub recipe: EnvRecipe,
    /// Machine, system and C library, `x86_64-linux-gnu`.
    pub platform: String,
    /// `3.12`.
    pub python: String,
    /// The application that asked first, and its name (empty where it is gone).
    pub app_id: AppId,
    pub app: String,
    /// `building`, `later` (it failed and is tried again), `failed` (given up for ten minutes), `ready`.
    pub state: String,
    /// Since when it is so; of `later` when it may be tried again.
    pub at: DateTime<Utc>,
    /// The node that builds it, or was the last to.
    pub node_id: NodeId,
    pub node_name: String,
    /// How often it was begun.
    pub number: u32,
    /// Since it last succeeded or was given another chance.
    pub failures: u32,
    pub losses: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Of its pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestHex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// How long the build took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    pub create_at: DateTime<Utc>,
    /// When it was last asked for or assigned, to the hour.
    pub used_at: DateTime<Utc>,
}

/// Query of `GET /api/v1/builds`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListBuilds {
    /// `building`, `later`, `failed` or `ready`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Largest number of items, at most 1000; default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
