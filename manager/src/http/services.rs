//! Services.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::health::Health;
use lp_protocol::units::duration_from_seconds;
use lp_protocol::views::{
    CreateService, ListServices, Page, ServiceInfo, ServiceView, StopTask, UpdateService,
};
use lp_protocol::{ServiceId, manifest};

use super::failure::Failure;
use super::input::{Json, Query, check_object};
use super::names;
use super::state::State;
use super::tasks::stop_request;
use crate::core::service::ServiceEdit;
use crate::core::service::record::{Backoff, ServiceRecord};
use crate::store::StoredService;

/// Shortest first wait: a program that fails at once is then started ten times a second at most.
const MIN_DELAY: Duration = Duration::from_millis(100);

/// Lists services, newest first.
#[utoipa::path(get, path = "/api/v1/services", tag = "services", params(ListServices), responses((status = 200, body = Page<ServiceView>)))]
pub(crate) async fn list(
    state: web::Data<State>,
    query: Query<ListServices>,
) -> Result<HttpResponse, Failure> {
    let Page { items, next_cursor } = state.store.list_services(&query.0).await?;
    let items = items.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(Page::<ServiceView> { items, next_cursor }))
}

/// Shows a service with its input.
#[utoipa::path(
    get,
    path = "/api/v1/services/{service}",
    tag = "services",
    params(("service" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    responses((status = 200, body = ServiceInfo))
)]
pub(crate) async fn show(
    state: web::Data<State>,
    service: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = state.store.resolve_service(&service).await?;
    let input = state.store.find_kept_input(id.0).await?;
    Ok(HttpResponse::Ok().json(ServiceInfo {
        service: shown(&state, id).await?,
        input_data: input.unwrap_or_else(super::input::empty_object),
    }))
}

/// Creates a service, pinned to the application's active version unless it follows it.
#[utoipa::path(post, path = "/api/v1/services", tag = "services", request_body = CreateService, responses((status = 201, body = ServiceView)))]
pub(crate) async fn create(
    state: web::Data<State>,
    body: Json<CreateService>,
) -> Result<HttpResponse, Failure> {
    let body = body.0;
    names::check_name("name", &body.name)?;
    let description = body.description.unwrap_or_default();
    names::check_description(&description)?;
    if let Some(input) = &body.input_data {
        check_object(input.get(), "input_data")?;
    }
    let stop = stop_request(&StopTask { signal: body.signal, grace: body.grace })?;
    let standard = Backoff::default();
    let backoff = checked(Backoff {
        delay: wait("delay", body.delay)?.unwrap_or(standard.delay),
        max_delay: wait("max_delay", body.max_delay)?.unwrap_or(standard.max_delay),
        reset_after: wait("reset_after", body.reset_after)?.unwrap_or(standard.reset_after),
        max_restarts: body.max_restarts,
    })?;
    let source = state.catalogue.load_app(&state.store, body.app_id).await?.source;
    let now = state.clock.now();
    let service_id = ServiceId::random();
    let record = ServiceRecord {
        service_id,
        name: body.name.into(),
        description: description.into(),
        app_id: body.app_id,
        version_id: source.version_id,
        follow_active: body.follow_active,
        signal: stop.signal,
        grace: stop.grace,
        backoff,
        health: body.health.as_ref().map(|given| health(given, None)).transpose()?,
        enable: body.enable,
        tasks: 0,
        restarts: 0,
        failures: 0,
        replacing: false,
        given_up: false,
        retry_at: None,
        task_id: None,
        reason: None,
        create_at: now,
        update_at: now,
    };
    state.engine.create_service(record, source.plan, body.input_data).await?;
    let place = format!("/api/v1/services/{service_id}");
    let view = shown(&state, service_id).await?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(view))
}

/// Changes a service. It takes the application's active version; where its task would run something else than it does, or with other input, it is
/// stopped and followed by another.
#[utoipa::path(
    patch,
    path = "/api/v1/services/{service}",
    tag = "services",
    params(("service" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    request_body = UpdateService,
    responses((status = 200, body = ServiceView))
)]
pub(crate) async fn update(
    state: web::Data<State>,
    service: web::Path<String>,
    body: Json<UpdateService>,
) -> Result<HttpResponse, Failure> {
    let body = body.0;
    let id = state.store.resolve_service(&service).await?;
    let stored = state.store.find_service(id).await?.ok_or_else(|| Failure::not_found("service", id))?;
    body.name.as_deref().map(|name| names::check_name("name", name)).transpose()?;
    body.description.as_deref().map(names::check_description).transpose()?;
    if let Some(input) = &body.input_data {
        check_object(input.get(), "input_data")?;
    }
    let stop = stop_request(&StopTask { signal: body.signal, grace: body.grace.flatten() })?;
    let before = stored.record.backoff;
    let backoff = checked(Backoff {
        delay: wait("delay", body.delay)?.unwrap_or(before.delay),
        max_delay: wait("max_delay", body.max_delay)?.unwrap_or(before.max_delay),
        reset_after: wait("reset_after", body.reset_after)?.unwrap_or(before.reset_after),
        max_restarts: body.max_restarts.unwrap_or(before.max_restarts),
    })?;
    let health = match &body.health {
        Some(Some(given)) => Some(Some(health(given, stored.record.health.as_ref())?)),
        Some(None) => Some(None),
        None => None,
    };
    let app_id = body.app_id.unwrap_or(stored.record.app_id);
    // a service of a deleted application can still be renamed or disabled
    let program = match state.catalogue.load_app(&state.store, app_id).await {
        Ok(app) => Some((app_id, app.source.version_id, app.source.plan)),
        Err(_) if body.app_id.is_none() && stored.app_name.is_empty() => None,
        Err(failure) => return Err(failure),
    };
    let edit = ServiceEdit {
        name: body.name.map(Into::into),
        description: body.description.map(Into::into),
        program,
        follow_active: body.follow_active,
        signal: body.signal.map(|_| stop.signal),
        grace: body.grace.map(|_| stop.grace),
        backoff: Some(backoff),
        health,
        enable: body.enable,
        input: body.input_data.map(Some),
    };
    state.engine.update_service(id, edit).await?;
    Ok(HttpResponse::Ok().json(shown(&state, id).await?))
}

/// Stops a service's task and starts it anew, with its failures forgotten.
#[utoipa::path(
    post,
    path = "/api/v1/services/{service}/restart",
    tag = "services",
    params(("service" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    responses((status = 202, description = "Its task is stopping; another follows.", body = ServiceView))
)]
pub(crate) async fn restart(
    state: web::Data<State>,
    service: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = state.store.resolve_service(&service).await?;
    state.engine.restart_service(id).await?;
    Ok(HttpResponse::Accepted().json(shown(&state, id).await?))
}

/// Deletes a service and stops its task. The tasks it has made stay.
#[utoipa::path(
    delete,
    path = "/api/v1/services/{service}",
    tag = "services",
    params(("service" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    service: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = state.store.resolve_service(&service).await?;
    state.engine.delete_service(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn wait(name: &str, seconds: Option<f64>) -> Result<Option<Duration>, Failure> {
    let Some(seconds) = seconds else { return Ok(None) };
    let wrong = || Failure::invalid(format!("`{name}` is {seconds}, which is not a number of seconds"));
    duration_from_seconds(seconds).map(Some).ok_or_else(wrong)
}

fn health(given: &serde_json::Value, before: Option<&Health>) -> Result<Health, Failure> {
    manifest::parse_health(given, before).map_err(|error| {
        Failure::invalid(error.to_string()).hint(
            "`health` is {\"command\": \"./check.sh\", \"interval\": 10, \"timeout\": 5, \"failures\": 3, \"grace\": 10}; all but the command may be left out.",
        )
    })
}

fn checked(backoff: Backoff) -> Result<Backoff, Failure> {
    if backoff.delay < MIN_DELAY {
        return Err(Failure::invalid(format!(
            "`delay` must be at least {} seconds",
            MIN_DELAY.as_secs_f64()
        )));
    }
    if backoff.max_delay < backoff.delay {
        return Err(Failure::invalid("`max_delay` is shorter than `delay`")
            .hint("The wait before a restart grows from `delay` to `max_delay`; give both."));
    }
    Ok(backoff)
}

async fn shown(state: &State, id: ServiceId) -> Result<ServiceView, Failure> {
    state.store.find_service(id).await?.map(view).ok_or_else(|| Failure::not_found("service", id))
}

fn view(stored: StoredService) -> ServiceView {
    let StoredService { record, app_name, version, stage, status } = stored;
    let ServiceRecord {
        service_id,
        name,
        description,
        app_id,
        version_id,
        follow_active,
        signal,
        grace,
        backoff: Backoff { delay, max_delay, reset_after, max_restarts },
        health,
        enable,
        tasks: _,
        restarts,
        failures,
        replacing: _,
        given_up,
        retry_at,
        task_id,
        reason,
        create_at,
        update_at,
    } = record;
    ServiceView {
        service_id,
        name: name.into(),
        app_id,
        app_name,
        version_id,
        version,
        follow_active,
        task_id,
        stage,
        status,
        description: description.into(),
        signal,
        grace: grace.map(|grace| grace.as_secs_f64()),
        delay: delay.as_secs_f64(),
        max_delay: max_delay.as_secs_f64(),
        reset_after: reset_after.as_secs_f64(),
        max_restarts,
        health,
        enable,
        restarts,
        failures,
        given_up,
        retry_at,
        reason: reason.map(Into::into),
        create_at,
        update_at,
    }
}
