//! Workflows: definitions of works.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::views::{CreateWorkflow, Page, UpdateWorkflow, WorkflowView};
use lp_protocol::workflow::{self, Definition};
use lp_protocol::{ApiError, ErrorCode, WorkflowId};
use serde_json::value::RawValue;

use super::failure::Failure;
use super::input::{Json, Query, check_object};
use super::names;
use super::packages::ListPackages;
use super::state::State;
use crate::core::work::WorkSource;
use crate::store::{NewWorkflow, SourceError, StoredDefinition, WorkflowUpdate};

/// Lists the workflows, newest first.
#[utoipa::path(get, path = "/api/v1/workflows", tag = "workflows", params(ListPackages), responses((status = 200, body = Page<WorkflowView>)))]
pub(crate) async fn list(
    state: web::Data<State>,
    query: Query<ListPackages>,
) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(state.store.list_workflows(&query.0.into()).await?))
}

/// Creates a workflow. A definition that could not be run now is refused: a rule is broken, or an application does not exist.
#[utoipa::path(post, path = "/api/v1/workflows", tag = "workflows", request_body = CreateWorkflow, responses((status = 201, body = WorkflowView)))]
pub(crate) async fn create(
    state: web::Data<State>,
    body: Json<CreateWorkflow>,
) -> Result<HttpResponse, Failure> {
    let CreateWorkflow { name, description, configuration, enable, strict } = body.0;
    names::check_package_name(&name)?;
    names::check_description(&description)?;
    let workflow_id = WorkflowId::random();
    let definition = checked(&state, workflow_id, configuration, strict).await?;
    let create_at = state.clock.now();
    let new = NewWorkflow { workflow_id, name, description, enable, definition, create_at };
    let workflow = state.store.create_workflow(state.engine.epoch()?, new).await?;
    let place = format!("/api/v1/workflows/{workflow_id}");
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(workflow))
}

/// Shows a workflow.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{workflow}",
    tag = "workflows",
    params(("workflow" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, body = WorkflowView))
)]
pub(crate) async fn show(
    state: web::Data<State>,
    workflow: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(find(&state, &workflow).await?))
}

/// Changes what is given and nothing else. Works that were made before keep their copies.
#[utoipa::path(
    patch,
    path = "/api/v1/workflows/{workflow}",
    tag = "workflows",
    params(("workflow" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    request_body = UpdateWorkflow,
    responses((status = 200, body = WorkflowView))
)]
pub(crate) async fn update(
    state: web::Data<State>,
    workflow: web::Path<String>,
    body: Json<UpdateWorkflow>,
) -> Result<HttpResponse, Failure> {
    let UpdateWorkflow { name, description, configuration, enable, strict } = body.0;
    let workflow_id = names::workflow(&state, &workflow).await?;
    name.as_deref().map(names::check_package_name).transpose()?;
    description.as_deref().map(names::check_description).transpose()?;
    let definition = match configuration {
        Some(configuration) => Some(checked(&state, workflow_id, configuration, strict).await?),
        None => None,
    };
    let update = WorkflowUpdate { name, description, enable, definition, update_at: state.clock.now() };
    let workflow = state.store.update_workflow(state.engine.epoch()?, workflow_id, update).await?;
    Ok(HttpResponse::Ok().json(workflow))
}

/// Deletes a workflow. Its works stay, and those that are not finished go on; schedules that name it skip their instants and say so.
#[utoipa::path(
    delete,
    path = "/api/v1/workflows/{workflow}",
    tag = "workflows",
    params(("workflow" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    workflow: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let workflow_id = names::workflow(&state, &workflow).await?;
    state.store.delete_workflow(state.engine.epoch()?, workflow_id, state.clock.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn find(state: &State, text: &str) -> Result<WorkflowView, Failure> {
    let workflow_id = names::workflow(state, text).await?;
    state.store.find_workflow(workflow_id).await?.ok_or_else(|| Failure::not_found("workflow", text))
}

/// What a work of this definition would be made of now.
pub(super) async fn source(
    state: &State,
    workflow_id: WorkflowId,
    configuration: Box<RawValue>,
) -> Result<WorkSource, Failure> {
    let (definition, _) = compile(&configuration, false)?;
    let source = state.store.load_work_source(workflow_id, configuration, &definition).await;
    source.map_err(|error| match error {
        SourceError::Store(error) => error.into(),
        SourceError::NoApp { .. } | SourceError::NoVersion { .. } => {
            Failure::new(ErrorCode::InvalidManifest, format!("the workflow cannot be used: {error}")).hint(
                "The applications are in `lp app list -o wide`, their versions in `lp app history list`.",
            )
        }
    })
}

async fn checked(
    state: &State,
    workflow_id: WorkflowId,
    configuration: Box<RawValue>,
    strict: bool,
) -> Result<StoredDefinition, Failure> {
    let (_, warnings) = compile(&configuration, strict)?;
    source(state, workflow_id, configuration.clone()).await?;
    Ok(StoredDefinition { configuration, warnings })
}

fn compile(configuration: &RawValue, strict: bool) -> Result<(Definition, Vec<String>), Failure> {
    let text = configuration.get();
    let refused = |error: workflow::Error| Failure::from(ApiError::from(error));
    if text.starts_with('{') {
        check_object(text, "configuration")?;
    }
    let value = workflow::read(text.as_bytes()).map_err(refused)?;
    let parsed = workflow::compile(&value, strict).map_err(refused)?;
    Ok((parsed.definition, parsed.warnings.iter().map(ToString::to_string).collect()))
}
