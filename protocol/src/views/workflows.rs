//! Workflows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::WorkflowId;

/// Body of `POST /workflows`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkflow {
    /// Unique among the workflows.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// The definition: `{"applications": [{"name", "app" or "app_id", "version", "condition", "input", "priority"}],
    /// "event_applications": {"success", "fail"}, "fail_fast"}`.
    #[schema(value_type = Object)]
    pub configuration: Box<RawValue>,
    /// Whether works can be made of it.
    #[serde(default = "yes")]
    pub enable: bool,
    /// Refuse a definition with unknown keys instead of warning.
    #[serde(default)]
    pub strict: bool,
}

fn yes() -> bool {
    true
}

/// Body of `PATCH /workflows/{workflow}`; what is left out stays as it is. Works keep the copy they were made with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateWorkflow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub configuration: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    #[serde(default)]
    pub strict: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkflowView {
    pub workflow_id: WorkflowId,
    pub name: String,
    pub description: String,
    /// Whether works can be made of it.
    pub enable: bool,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
    /// The definition as it was given.
    #[schema(value_type = Object)]
    pub configuration: Box<RawValue>,
    /// What the definition's reader wondered about (unknown keys with "did you mean").
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
