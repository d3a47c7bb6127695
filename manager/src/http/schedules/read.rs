//! Looking at schedules: lists, one with its latest instants, its history, what is to come.

use actix_web::{HttpResponse, web};
use lp_protocol::views::{
    InstantView, ListInstants, ListSchedules, NextInstant, NextInstants, Page, ScheduleInfo, ScheduleView,
};

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::state::State;
use super::view::{calendar, instant_view, schedule_view, wall};
use crate::core::schedule::{fire_at, next_after};
use crate::store::StoredSchedule;

/// Instants shown with a schedule.
const LATEST: u32 = 5;

const MOST_NEXT: u32 = 1000;

/// Lists schedules, newest first.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "schedules", params(ListSchedules), responses((status = 200, body = Page<ScheduleView>)))]
pub(crate) async fn list(
    state: web::Data<State>,
    query: Query<ListSchedules>,
) -> Result<HttpResponse, Failure> {
    let Page { items, next_cursor } = state.store.list_schedules(&query.0).await?;
    let items = items.into_iter().map(schedule_view).collect();
    Ok(HttpResponse::Ok().json(Page::<ScheduleView> { items, next_cursor }))
}

/// Shows a schedule with its input and its latest instants.
#[utoipa::path(
    get,
    path = "/api/v1/schedules/{schedule}",
    tag = "schedules",
    params(("schedule" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has")),
    responses((status = 200, body = ScheduleInfo))
)]
pub(crate) async fn show(
    state: web::Data<State>,
    schedule: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&state, &schedule).await?;
    let id = stored.record.schedule_id;
    let tz = calendar(&stored.record).map_or(chrono_tz::Tz::UTC, |(_, tz)| tz);
    let input = state.store.find_kept_input(id.0).await?;
    let latest = ListInstants { cursor: None, limit: Some(LATEST) };
    let instants = state.store.list_instants(id, &latest).await?.items;
    Ok(HttpResponse::Ok().json(ScheduleInfo {
        schedule: schedule_view(stored),
        input_data: input.unwrap_or_else(super::super::input::empty_object),
        instants: instants.into_iter().map(|record| instant_view(record, tz)).collect(),
    }))
}

/// Lists the instants of a schedule that have come, newest first: fired, waiting, or skipped and why. The newest 1,000 are kept.
#[utoipa::path(
    get,
    path = "/api/v1/schedules/{schedule}/instants",
    tag = "schedules",
    params(("schedule" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has"), ListInstants),
    responses((status = 200, body = Page<InstantView>))
)]
pub(crate) async fn instants(
    state: web::Data<State>,
    schedule: web::Path<String>,
    query: Query<ListInstants>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&state, &schedule).await?;
    let tz = calendar(&stored.record).map_or(chrono_tz::Tz::UTC, |(_, tz)| tz);
    let Page { items, next_cursor } = state.store.list_instants(stored.record.schedule_id, &query.0).await?;
    let items = items.into_iter().map(|record| instant_view(record, tz)).collect();
    Ok(HttpResponse::Ok().json(Page::<InstantView> { items, next_cursor }))
}

/// Previews the instants to come, whether the schedule is enabled or not.
#[utoipa::path(
    get,
    path = "/api/v1/schedules/{schedule}/next",
    tag = "schedules",
    params(("schedule" = String, Path, description = "Id, unique beginning of it (4 characters or more), or a name that only one has"), NextInstants),
    responses((status = 200, body = Vec<NextInstant>))
)]
pub(crate) async fn next(
    state: web::Data<State>,
    schedule: web::Path<String>,
    query: Query<NextInstants>,
) -> Result<HttpResponse, Failure> {
    let NextInstants { count, after } = query.0;
    let count = check_count(count)?;
    let record = find(&state, &schedule).await?.record;
    let Some((calendar, tz)) = calendar(&record) else {
        return Err(Failure::not_found("calendar of schedule", record.schedule_id));
    };
    // what is decided does not come again
    let mut last = after.unwrap_or_else(|| state.clock.now()).max(match after {
        Some(after) => after,
        None => record.decided_through,
    });
    let mut coming = Vec::new();
    while let Some(instant) = next_after(&record, &calendar, last).filter(|_| coming.len() < count) {
        let fire_at = fire_at(record.schedule_id, record.jitter, instant);
        coming.push(NextInstant { instant, wall: wall(instant, tz), fire_at });
        last = instant;
    }
    Ok(HttpResponse::Ok().json(coming))
}

/// How many instants are asked for.
pub(super) fn check_count(count: Option<u32>) -> Result<usize, Failure> {
    let count = count.unwrap_or(10);
    if !(1..=MOST_NEXT).contains(&count) {
        return Err(Failure::invalid(format!("`count` must be between 1 and {MOST_NEXT}")));
    }
    Ok(count as usize)
}

/// A schedule by what the path says.
pub(super) async fn find(state: &State, text: &str) -> Result<StoredSchedule, Failure> {
    let id = state.store.resolve_schedule(text).await?;
    state.store.find_schedule(id).await?.ok_or_else(|| Failure::not_found("schedule", text))
}
