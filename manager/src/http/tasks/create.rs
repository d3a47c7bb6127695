//! Creating one task: the hot path. One query at most, usually none, then one commit.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::AppId;
use lp_protocol::manifest::{self, Strangers};
use lp_protocol::views::{CreateTask, Created};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::super::failure::Failure;
use super::super::input::{Json, check_object};
use super::super::names;
use super::super::state::State;
use crate::engine::{DraftKey, TaskDraft, TaskSource};

/// Creates a task. With a `key` that is known no task is made and the first one's id is answered with status 200.
#[utoipa::path(
    post,
    path = "/api/v1/tasks",
    tag = "tasks",
    request_body = CreateTask,
    responses((status = 201, body = Created), (status = 200, description = "The key was known.", body = Created))
)]
pub(crate) async fn create(state: web::Data<State>, body: Json<CreateTask>) -> Result<HttpResponse, Failure> {
    let CreateTask { app_id, task_name, input_data, priority, key } = body.0;
    let app = state.catalogue.load_app(&state.store, app_id).await?;
    let name = checked_name(task_name, &app.name)?;
    if let Some(input) = &input_data {
        check_object(input.get(), "input_data")?;
        check_targets(&app.source, input)?;
    }
    let key = key.map(|key| checked_key(key, app_id, &name, priority, input_data.as_deref())).transpose()?;
    let draft = TaskDraft { name, input: input_data, priority, key };
    let created = state.engine.create_tasks(app.source, vec![draft]).await?;
    let Some(created) = created.into_iter().next() else {
        return Err(Failure::unavailable("the task was not made"));
    };
    let mut answer = if created.created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.insert_header((header::LOCATION, format!("/api/v1/tasks/{}", created.task_id))).json(created))
}

/// Refuses a `target_env` that no node could ever meet, or that names no action.
pub(super) fn check_targets(source: &TaskSource, input: &RawValue) -> Result<(), Failure> {
    let Some(target_env) = manifest::find_target_env(input) else { return Ok(()) };
    match manifest::target_overrides(&source.plan, target_env, Strangers::Refuse) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::invalid(format!("input_data: {error}"))
            .hint("`target_env` in the input is {\"<action>\": {\"platform\": ..., \"labels\": {...}}}, laid over the manifest's.")),
    }
}

/// The name of a task, LitePipeline's unless one is given.
pub(super) fn checked_name(name: Option<String>, app_name: &str) -> Result<String, Failure> {
    match name {
        Some(name) => names::check_name("task_name", &name).map(|()| name),
        None => Ok(format!("run {app_name}")),
    }
}

pub(super) fn checked_key(
    key: String,
    app_id: AppId,
    name: &str,
    priority: i32,
    input: Option<&RawValue>,
) -> Result<DraftKey, Failure> {
    names::check_name("key", &key)?;
    let fingerprint = fingerprint(app_id, name, priority, input);
    Ok(DraftKey { key, fingerprint })
}

/// Digest of all that makes a request the same request; lengths keep the parts apart.
fn fingerprint(app_id: AppId, name: &str, priority: i32, input: Option<&RawValue>) -> String {
    let input = input.map_or("", RawValue::get);
    let mut hasher = Sha256::new();
    hasher.update(app_id.0.as_bytes());
    hasher.update(priority.to_le_bytes());
    hasher.update((name.len() as u64).to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update(input.as_bytes());
    lp_package::Digest::from(<[u8; 32]>::from(hasher.finalize())).to_string()
}
