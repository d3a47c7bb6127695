//! When a schedule that is not made yet would fire: what a form shows while somebody types.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use lp_protocol::views::{NextInstant, PreviewSchedule, SchedulePreview};

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::state::State;
use super::read::check_count;
use super::times::{Given, zone};
use super::view::wall;
use crate::core::schedule::record::{Daily, Times};
use crate::core::schedule::{Calendar, ScheduleRefusal, parse_zone, words};

/// Previews the instants of times and a zone, which are checked as in a creation; says them in words.
#[utoipa::path(
    get,
    path = "/api/v1/schedule-preview",
    tag = "schedules",
    params(PreviewSchedule),
    responses((status = 200, body = SchedulePreview))
)]
pub(crate) async fn preview(
    state: web::Data<State>,
    query: Query<PreviewSchedule>,
) -> Result<HttpResponse, Failure> {
    let PreviewSchedule { minute, hour, day_of_month, day_of_week, cron, tz, start_at, end_at, count } =
        query.0;
    let count = check_count(count)?;
    let given = Given { minute, hour, day_of_month, day_of_week, cron };
    let cron = given.times(Daily::default())?.unwrap_or(Times::Daily(Daily::default())).cron();
    let tz = parse_zone(&zone(tz)?).map_err(refuse)?;
    let now = state.clock.now();
    if start_at.zip(end_at).is_some_and(|(start, end)| end < start) {
        return Err(refuse(ScheduleRefusal::EndsBeforeStart));
    }
    let calendar = Calendar::new(&cron, tz, now).map_err(|error| refuse(error.into()))?;
    let mut last = start_at.map_or(now, |start| now.max(start - TimeDelta::microseconds(1)));
    let mut instants = Vec::new();
    while instants.len() < count
        && let Some(instant) = calendar.next_after(last)
        && end_at.is_none_or(|end| instant <= end)
    {
        instants.push(NextInstant { instant, wall: wall(instant, tz), fire_at: instant });
        last = instant;
    }
    let words = words(&cron).unwrap_or_default();
    Ok(HttpResponse::Ok().json(SchedulePreview { cron, words, tz: tz.name().to_owned(), instants }))
}

fn refuse(refusal: ScheduleRefusal) -> Failure {
    Failure::invalid(refusal.to_string())
}
