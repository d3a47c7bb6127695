//! What changes schedules: create, update, delete, trigger.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::views::{Catchup, CreateSchedule, InstantView, ScheduleView, UpdateSchedule};
use lp_protocol::{AppId, Overlap, ScheduleId, Source, WorkflowId};
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::input::{Json, check_object};
use super::super::names;
use super::super::state::State;
use super::read::find;
use super::times::{Given, jitter, zone};
use super::view::{calendar, instant_view, schedule_view};
use crate::core::schedule::ScheduleEdit;
use crate::core::schedule::record::{Daily, ScheduleRecord, Target, Times};

/// Creates a schedule. Nothing of the time before fires.
#[utoipa::path(post, path = "/api/v1/schedules", tag = "schedules", request_body = CreateSchedule, responses((status = 201, body = ScheduleView)))]
pub(crate) async fn create(
    state: web::Data<State>,
    body: Json<CreateSchedule>,
) -> Result<HttpResponse, Failure> {
    let body = body.0;
    names::check_name("schedule_name", &body.schedule_name)?;
    if let Some(input) = &body.input_data {
        check_object(input.get(), "input_data")?;
    }
    let given = Given {
        minute: body.minute,
        hour: body.hour,
        day_of_month: body.day_of_month,
        day_of_week: body.day_of_week,
        cron: body.cron,
    };
    let now = state.clock.now();
    let schedule_id = ScheduleId::random();
    let record = ScheduleRecord {
        schedule_id,
        name: body.schedule_name.into(),
        times: given.times(Daily::default())?.unwrap_or(Times::Daily(Daily::default())),
        tz: zone(body.tz)?,
        target: target(&state, body.source, body.source_id).await?,
        start_at: body.start_at,
        end_at: body.end_at,
        catchup: body.catchup.unwrap_or(Catchup::None),
        overlap: body.overlap.unwrap_or(Overlap::Allow),
        jitter: jitter(body.jitter.unwrap_or(0.0))?,
        enable: body.enable,
        decided_through: now,
        fired_through: None,
        triggered_through: None,
        create_at: now,
        update_at: now,
    };
    state.engine.create_schedule(record, body.input_data).await?;
    let place = format!("/api/v1/schedules/{schedule_id}");
    let view = shown(&state, schedule_id).await?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(view))
}

/// Changes a schedule. With other times, or enabled, it begins anew now; what came meanwhile is not caught up on.
#[utoipa::path(
    patch,
    path = "/api/v1/schedules/{schedule}",
    tag = "schedules",
    params(("schedule" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    request_body = UpdateSchedule,
    responses((status = 200, body = ScheduleView))
)]
pub(crate) async fn update(
    state: web::Data<State>,
    schedule: web::Path<String>,
    body: Json<UpdateSchedule>,
) -> Result<HttpResponse, Failure> {
    let body = body.0;
    let before = find(&state, &schedule).await?.record;
    body.schedule_name.as_deref().map(|name| names::check_name("schedule_name", name)).transpose()?;
    if let Some(input) = &body.input_data {
        check_object(input.get(), "input_data")?;
    }
    let given = Given {
        minute: body.minute,
        hour: body.hour,
        day_of_month: body.day_of_month,
        day_of_week: body.day_of_week,
        cron: body.cron,
    };
    let daily = match &before.times {
        Times::Cron(_) => Daily::default(),
        Times::Daily(daily) => *daily,
    };
    let target = match (body.source, body.source_id) {
        (None, None) => None,
        (source, Some(id)) => Some(target(&state, source.unwrap_or(before.target.parts().0), id).await?),
        (Some(_), None) => return Err(Failure::invalid("`source` needs `source_id` beside it")),
    };
    let edit = ScheduleEdit {
        name: body.schedule_name.map(Into::into),
        target,
        times: given.times(daily)?,
        tz: body.tz.map(|tz| zone(Some(tz))).transpose()?,
        start_at: body.start_at,
        end_at: body.end_at,
        catchup: body.catchup,
        overlap: body.overlap,
        jitter: body.jitter.map(jitter).transpose()?,
        enable: body.enable,
        input: body.input_data.map(Some),
    };
    state.engine.update_schedule(before.schedule_id, edit).await?;
    Ok(HttpResponse::Ok().json(shown(&state, before.schedule_id).await?))
}

/// Deletes a schedule with its history. The tasks and works it has made stay.
#[utoipa::path(
    delete,
    path = "/api/v1/schedules/{schedule}",
    tag = "schedules",
    params(("schedule" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    schedule: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = state.store.resolve_schedule(&schedule).await?;
    state.engine.delete_schedule(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Fires a schedule now, beside its calendar and whether it is enabled or not, but by its rule of overlap: the answer tells whether it
/// fired, waits, or was skipped.
#[utoipa::path(
    post,
    path = "/api/v1/schedules/{schedule}/trigger",
    tag = "schedules",
    params(("schedule" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    responses((status = 200, body = InstantView))
)]
pub(crate) async fn trigger(
    state: web::Data<State>,
    schedule: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let record = find(&state, &schedule).await?.record;
    let tz = calendar(&record).map_or(chrono_tz::Tz::UTC, |(_, tz)| tz);
    let instant = state.engine.trigger_schedule(&record).await?;
    Ok(HttpResponse::Ok().json(instant_view(instant, tz)))
}

/// What a schedule is to run, which must be there.
async fn target(state: &State, source: Source, id: Uuid) -> Result<Target, Failure> {
    match source {
        Source::Application => {
            state.catalogue.load_app(&state.store, AppId(id)).await?;
        }
        Source::Workflow => {
            let found = state.store.find_workflow(WorkflowId(id)).await?;
            found.ok_or_else(|| Failure::not_found("workflow", id))?;
        }
    }
    Ok(Target::from_parts(source, id))
}

async fn shown(state: &State, id: ScheduleId) -> Result<ScheduleView, Failure> {
    let stored = state.store.find_schedule(id).await?;
    stored.map(schedule_view).ok_or_else(|| Failure::not_found("schedule", id))
}
