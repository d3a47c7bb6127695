//! Services: applications that are kept running.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::schedules::given;
use crate::health::Health;
use crate::{AppId, ServiceId, Stage, Status, TaskId, VersionId};

/// Body of `POST /services`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateService {
    /// Also the name of its tasks.
    pub name: String,
    pub app_id: AppId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON object; default `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub input_data: Option<Box<RawValue>>,
    /// What its task is stopped with: 15 or 9 (also -15, -9 as in LitePipeline); default 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Seconds until SIGKILL; default each action's own grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<f64>,
    /// Take each version of the application as it becomes active.
    #[serde(default)]
    pub follow_active: bool,
    /// Seconds before the first restart, doubled with each further one; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    /// Longest wait in seconds; default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<f64>,
    /// A task that ran so many seconds makes the earlier ends forgotten; default 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_after: Option<f64>,
    /// Restarts without such a task after which it is given up; default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_restarts: Option<u32>,
    /// Run beside its program; what is left out is as by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Health>)]
    pub health: Option<serde_json::Value>,
    #[serde(default)]
    pub enable: bool,
}

/// Body of `PATCH /services/{service}`: what is left out stays; `null` takes `grace`, `max_restarts` and `health` away. Whatever it changes, the
/// active version of the application is taken.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateService {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<AppId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub input_data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    pub grace: Option<Option<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_active: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_after: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub max_restarts: Option<Option<u32>>,
    /// What it leaves out stays as it was.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Health>)]
    pub health: Option<Option<serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
}

/// Query of `GET /services`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListServices {
    /// Beginning of a service's id, at least 4 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<AppId>,
    /// A glob over the name: `*` and `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServiceView {
    pub service_id: ServiceId,
    pub name: String,
    pub app_id: AppId,
    /// Empty where it was deleted.
    pub app_name: String,
    /// What its task runs, or the next one will.
    pub version_id: VersionId,
    /// Its number within the application; 0 where it is not known any more.
    #[serde(default)]
    pub version: u32,
    pub follow_active: bool,
    /// Its latest task, with the stage and status of that.
    pub task_id: Option<TaskId>,
    pub stage: Option<Stage>,
    pub status: Option<Status>,
    pub description: String,
    pub signal: i32,
    pub grace: Option<f64>,
    pub delay: f64,
    pub max_delay: f64,
    pub reset_after: f64,
    pub max_restarts: Option<u32>,
    /// What is run beside its program to see whether it still does its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    pub enable: bool,
    /// Times its task has ended by itself and was followed by another.
    pub restarts: u64,
    /// Ends since it last ran for long enough.
    pub failures: u32,
    /// It has ended too often; `restart` or `enable` starts it again.
    pub given_up: bool,
    /// When its next task is due, while it waits for that.
    pub retry_at: Option<DateTime<Utc>>,
    /// How its task ended the last time, or why it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServiceInfo {
    #[serde(flatten)]
    pub service: ServiceView,
    #[schema(value_type = Object)]
    pub input_data: Box<RawValue>,
}
