//! Schedules and instants as they are shown.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use lp_protocol::views::{InstantView, ScheduleView};

use crate::core::schedule::record::{Daily, InstantRecord, ScheduleRecord, Times};
use crate::core::schedule::{Calendar, next_instant, words};
use crate::store::StoredSchedule;

/// The calendar and the zone of a stored schedule, which was checked before it was stored.
pub(super) fn calendar(record: &ScheduleRecord) -> Option<(Calendar, Tz)> {
    let tz: Tz = record.tz.parse().ok()?;
    Some((Calendar::restore(&record.times.cron(), tz).ok()?, tz))
}

pub(super) fn schedule_view(stored: StoredSchedule) -> ScheduleView {
    let StoredSchedule { record, source_name } = stored;
    let next_at = calendar(&record)
        .filter(|_| record.enable)
        .and_then(|(calendar, _)| next_instant(&record, &calendar));
    let cron = record.times.cron();
    let words = words(&cron).unwrap_or_default();
    let ScheduleRecord {
        schedule_id,
        name,
        target,
        times,
        tz,
        start_at,
        end_at,
        catchup,
        overlap,
        jitter,
        enable,
        decided_through: _,
        fired_through: _,
        triggered_through: _,
        create_at,
        update_at,
    } = record;
    let (source, source_id) = target.parts();
    let Daily { hour, minute, day_of_month, day_of_week } = match times {
        Times::Cron(_) => Daily::default(),
        Times::Daily(daily) => daily,
    };
    let number = |part: Option<u8>| part.map_or(-1, i32::from);
    ScheduleView {
        schedule_id,
        schedule_name: name.into(),
        source,
        source_id,
        source_name,
        minute: number(minute),
        hour: number(hour),
        day_of_month: number(day_of_month),
        day_of_week: number(day_of_week),
        cron,
        words,
        tz: tz.into(),
        start_at,
        end_at,
        catchup,
        overlap,
        jitter: jitter.as_secs_f64(),
        enable,
        next_at,
        create_at,
        update_at,
    }
}

pub(super) fn instant_view(record: InstantRecord, tz: Tz) -> InstantView {
    let InstantRecord { schedule_id: _, instant, manual, state, decide_at, reason, task_id, work_id } =
        record;
    InstantView {
        instant,
        wall: wall(instant, tz),
        manual,
        state,
        decide_at,
        reason: reason.map(Into::into),
        task_id,
        work_id,
    }
}

/// By the zone's clock, with its offset then.
pub(super) fn wall(instant: DateTime<Utc>, tz: Tz) -> String {
    instant.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::Secs, false)
}
