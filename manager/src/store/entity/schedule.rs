//! The tables `schedules` and `schedule_instants`.

use lp_protocol::views::Catchup;
use lp_protocol::{ScheduleId, TaskId, WorkId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::columns::{duration_to_micros, time, time_opt, to_micros, unsigned, word};
use crate::core::schedule::record::{Daily, InstantRecord, ScheduleRecord, Target, Times};
use crate::store::Damage;
use crate::store::sql::{Insert, clean};

#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct Row {
    pub schedule_id: Uuid,
    pub name: String,
    pub source: String,
    pub source_id: Uuid,
    pub cron: Option<String>,
    pub minute: i32,
    pub hour: i32,
    pub day_of_month: i32,
    pub day_of_week: i32,
    pub tz: String,
    pub start_at: Option<i64>,
    pub end_at: Option<i64>,
    pub catchup: String,
    pub catchup_most: i64,
    pub overlap: String,
    pub jitter_us: i64,
    pub enable: i16,
    pub decided_through: i64,
    pub fired_through: Option<i64>,
    pub triggered_through: Option<i64>,
    pub create_at: i64,
    pub update_at: i64,
}

/// What [`Row`] is read from, `s` being the table.
pub(crate) const SELECTED: &str = "s.schedule_id, s.name, s.source, s.source_id, s.cron, s.minute, s.hour, s.day_of_month, s.day_of_week, \
     s.tz, s.start_at, s.end_at, s.catchup, s.catchup_most, s.overlap, s.jitter_us, s.enable, s.decided_through, s.fired_through, s.triggered_through, \
     s.create_at, s.update_at";

pub(crate) const UPSERT: Insert<22> = Insert {
    table: "schedules",
    columns: [
        "schedule_id",
        "name",
        "source",
        "source_id",
        "cron",
        "minute",
        "hour",
        "day_of_month",
        "day_of_week",
        "tz",
        "start_at",
        "end_at",
        "catchup",
        "catchup_most",
        "overlap",
        "jitter_us",
        "enable",
        "decided_through",
        "fired_through",
        "triggered_through",
        "create_at",
        "update_at",
    ],
    tail: "ON CONFLICT (schedule_id) DO UPDATE SET name = excluded.name, source = excluded.source, source_id = excluded.source_id, \
           cron = excluded.cron, minute = excluded.minute, hour = excluded.hour, day_of_month = excluded.day_of_month, \
           day_of_week = excluded.day_of_week, tz = excluded.tz, start_at = excluded.start_at, end_at = excluded.end_at, \
           catchup = excluded.catchup, catchup_most = excluded.catchup_most, overlap = excluded.overlap, \
           jitter_us = excluded.jitter_us, enable = excluded.enable, decided_through = excluded.decided_through, \
           fired_through = excluded.fired_through, triggered_through = excluded.triggered_through, update_at = excluded.update_at",
};

/// An instant that has fired is never written again.
pub(crate) const UPSERT_INSTANT: Insert<8> = Insert {
    table: "schedule_instants",
    columns: ["schedule_id", "instant", "manual", "state", "decide_at", "reason", "task_id", "work_id"],
    tail: "ON CONFLICT (schedule_id, instant) DO UPDATE SET state = excluded.state, decide_at = excluded.decide_at, \
           reason = excluded.reason, task_id = excluded.task_id, work_id = excluded.work_id WHERE schedule_instants.state <> 'fired'",
};

/// -1 where LitePipeline has it.
fn number(part: Option<u8>) -> i32 {
    part.map_or(-1, i32::from)
}

fn part(column: &'static str, number: i32) -> Result<Option<u8>, Damage> {
    match number {
        -1 => Ok(None),
        _ => unsigned(column, i64::from(number)).map(Some),
    }
}

/// The row's values in the order of the insert's columns.
pub(crate) fn values(record: &ScheduleRecord) -> [Value; 22] {
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
        decided_through,
        fired_through,
        triggered_through,
        create_at,
        update_at,
    } = record;
    let (source, source_id) = target.parts();
    let (cron, daily) = match times {
        Times::Cron(cron) => (Some(clean(cron)), Daily::default()),
        Times::Daily(daily) => (None, *daily),
    };
    let Daily { hour, minute, day_of_month, day_of_week } = daily;
    let (catchup, most) = match catchup {
        Catchup::None => ("none", 0),
        Catchup::Last => ("last", 1),
        Catchup::All(most) => ("all", i64::from(*most)),
    };
    [
        schedule_id.0.into(),
        clean(name).into(),
        source.as_str().to_owned().into(),
        source_id.into(),
        cron.into(),
        number(minute).into(),
        number(hour).into(),
        number(day_of_month).into(),
        number(day_of_week).into(),
        clean(tz).into(),
        start_at.map(to_micros).into(),
        end_at.map(to_micros).into(),
        catchup.to_owned().into(),
        most.into(),
        overlap.as_str().to_owned().into(),
        duration_to_micros(*jitter).into(),
        i16::from(*enable).into(),
        to_micros(*decided_through).into(),
        fired_through.map(to_micros).into(),
        triggered_through.map(to_micros).into(),
        to_micros(*create_at).into(),
        to_micros(*update_at).into(),
    ]
}

impl TryFrom<Row> for ScheduleRecord {
    type Error = Damage;

    fn try_from(row: Row) -> Result<Self, Damage> {
        let Row {
            schedule_id,
            name,
            source,
            source_id,
            cron,
            minute,
            hour,
            day_of_month,
            day_of_week,
            tz,
            start_at,
            end_at,
            catchup,
            catchup_most,
            overlap,
            jitter_us,
            enable,
            decided_through,
            fired_through,
            triggered_through,
            create_at,
            update_at,
        } = row;
        let times = match cron {
            Some(cron) => Times::Cron(cron.into()),
            None => Times::Daily(Daily {
                hour: part("hour", hour)?,
                minute: part("minute", minute)?,
                day_of_month: part("day_of_month", day_of_month)?,
                day_of_week: part("day_of_week", day_of_week)?,
            }),
        };
        let catchup = match catchup.as_str() {
            "none" => Catchup::None,
            "last" => Catchup::Last,
            "all" => Catchup::All(unsigned("catchup_most", catchup_most)?),
            other => return Err(Damage::value("catchup", other)),
        };
        Ok(ScheduleRecord {
            schedule_id: ScheduleId(schedule_id),
            name: name.into(),
            target: Target::from_parts(word("source", &source)?, source_id),
            times,
            tz: tz.into(),
            start_at: time_opt("start_at", start_at)?,
            end_at: time_opt("end_at", end_at)?,
            catchup,
            overlap: word("overlap", &overlap)?,
            jitter: std::time::Duration::from_micros(unsigned("jitter_us", jitter_us)?),
            enable: enable != 0,
            decided_through: time("decided_through", decided_through)?,
            fired_through: time_opt("fired_through", fired_through)?,
            triggered_through: time_opt("triggered_through", triggered_through)?,
            create_at: time("create_at", create_at)?,
            update_at: time("update_at", update_at)?,
        })
    }
}

#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct InstantRow {
    pub schedule_id: Uuid,
    pub instant: i64,
    pub manual: i16,
    pub state: String,
    pub decide_at: Option<i64>,
    pub reason: Option<String>,
    pub task_id: Option<Uuid>,
    pub work_id: Option<Uuid>,
}

/// What [`InstantRow`] is read from.
pub(crate) const SELECTED_INSTANT: &str =
    "schedule_id, instant, manual, state, decide_at, reason, task_id, work_id";

/// The row's values in the order of the insert's columns.
pub(crate) fn instant_values(record: &InstantRecord) -> [Value; 8] {
    let InstantRecord { schedule_id, instant, manual, state, decide_at, reason, task_id, work_id } = record;
    [
        schedule_id.0.into(),
        to_micros(*instant).into(),
        i16::from(*manual).into(),
        state.as_str().to_owned().into(),
        decide_at.map(to_micros).into(),
        reason.as_deref().map(clean).into(),
        task_id.map(|id| id.0).into(),
        work_id.map(|id| id.0).into(),
    ]
}

impl TryFrom<InstantRow> for InstantRecord {
    type Error = Damage;

    fn try_from(row: InstantRow) -> Result<Self, Damage> {
        let InstantRow { schedule_id, instant, manual, state, decide_at, reason, task_id, work_id } = row;
        Ok(InstantRecord {
            schedule_id: ScheduleId(schedule_id),
            instant: time("instant", instant)?,
            manual: manual != 0,
            state: word("state", &state)?,
            decide_at: time_opt("decide_at", decide_at)?,
            reason: reason.map(Into::into),
            task_id: task_id.map(TaskId),
            work_id: work_id.map(WorkId),
        })
    }
}
