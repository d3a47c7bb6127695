//! Creating a work: the workflow's applications are resolved to versions now, and the work keeps that copy.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::views::{CreateWork, WorkView};
use lp_protocol::{ErrorCode, WorkId};

use super::super::failure::Failure;
use super::super::input::{Json, check_object};
use super::super::state::State;
use super::super::{names, workflows};
use crate::core::work::NewWorkRequest;

/// Creates a work of a workflow as it is now.
#[utoipa::path(post, path = "/api/v1/works", tag = "works", request_body = CreateWork, responses((status = 201, body = WorkView)))]
pub(crate) async fn create(state: web::Data<State>, body: Json<CreateWork>) -> Result<HttpResponse, Failure> {
    let CreateWork { workflow_id, name, input_data, priority } = body.0;
    let workflow = state.store.find_workflow(workflow_id).await?;
    let workflow = workflow.ok_or_else(|| Failure::not_found("workflow", workflow_id))?;
    if !workflow.enable {
        let message = format!("the workflow `{}` is disabled", workflow.name);
        return Err(Failure::new(ErrorCode::Conflict, message)
            .hint(format!("Enable it with `lp workflow enable {workflow_id}`.")));
    }
    let name = match name {
        Some(name) => names::check_name("name", &name).map(|()| name)?,
        None => format!("run {}", workflow.name),
    };
    if let Some(input) = &input_data {
        check_object(input.get(), "input_data")?;
    }
    let source = workflows::source(&state, workflow_id, workflow.configuration).await?;
    let work_id = WorkId::random();
    let request = NewWorkRequest {
        work_id,
        schedule_id: None,
        name,
        priority,
        source: Arc::new(source),
        input: input_data,
    };
    state.engine.create_work(request).await?;
    let view = super::view(&state, work_id).await?;
    let place = format!("/api/v1/works/{work_id}");
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(view))
}
