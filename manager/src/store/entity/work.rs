//! The table `works`.

use lp_protocol::views::WorkView;
use lp_protocol::{ScheduleId, WorkId, WorkflowId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::columns::{duration_opt, duration_to_micros, time, time_opt, to_micros, unsigned, word, word_opt};
use super::task::state;
use crate::core::record::StopRequest;
use crate::core::work::WorkRecord;
use crate::store::Damage;
use crate::store::sql::{Insert, clean};

#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct Row {
    pub work_id: Uuid,
    pub workflow_id: Uuid,
    pub schedule_id: Option<Uuid>,
    pub name: String,
    pub priority: i32,
    pub run: i64,
    pub since: i64,
    pub event_since: i64,
    pub stage: String,
    pub status: Option<String>,
    pub reason: Option<String>,
    pub create_at: i64,
    pub start_at: Option<i64>,
    pub end_at: Option<i64>,
    pub stop_signal: Option<i32>,
    pub stop_grace_us: Option<i64>,
}

/// What [`Row`] is read from, `w` being the table.
pub(crate) const SELECTED: &str = "w.work_id, w.workflow_id, w.schedule_id, w.name, w.priority, w.run, w.since, w.event_since, \
     w.stage, w.status, w.reason, w.create_at, w.start_at, w.end_at, w.stop_signal, w.stop_grace_us";

const COLUMNS: [&str; 17] = [
    "work_id",
    "workflow_id",
    "schedule_id",
    "name",
    "priority",
    "run",
    "since",
    "event_since",
    "state",
    "stage",
    "status",
    "reason",
    "create_at",
    "start_at",
    "end_at",
    "stop_signal",
    "stop_grace_us",
];

pub(crate) const INSERT: Insert<17> = Insert { table: "works", columns: COLUMNS, tail: "" };

/// Updates all that can change. The other columns stay out of the list, so that their indexes are not touched.
pub(crate) const UPDATE: Insert<17> = Insert {
    table: "works",
    columns: COLUMNS,
    tail: "ON CONFLICT (work_id) DO UPDATE SET run = excluded.run, since = excluded.since, \
           event_since = excluded.event_since, state = excluded.state, stage = excluded.stage, status = excluded.status, \
           reason = excluded.reason, start_at = excluded.start_at, end_at = excluded.end_at, \
           stop_signal = excluded.stop_signal, stop_grace_us = excluded.stop_grace_us",
};

impl From<&WorkRecord> for Row {
    fn from(record: &WorkRecord) -> Self {
        let WorkRecord {
            work_id,
            workflow_id,
            schedule_id,
            name,
            priority,
            run,
            since,
            event_since,
            stage,
            status,
            reason,
            create_at,
            start_at,
            end_at,
            stop,
        } = record;
        let (stop_signal, stop_grace) = match stop {
            Some(StopRequest { signal, grace }) => (Some(*signal), *grace),
            None => (None, None),
        };
        Row {
            work_id: work_id.0,
            workflow_id: workflow_id.0,
            schedule_id: schedule_id.map(|id| id.0),
            name: clean(name),
            priority: *priority,
            run: i64::from(*run),
            since: *since,
            event_since: *event_since,
            stage: stage.as_str().to_owned(),
            status: status.map(|status| status.as_str().to_owned()),
            reason: reason.as_deref().map(clean),
            create_at: to_micros(*create_at),
            start_at: start_at.map(to_micros),
            end_at: end_at.map(to_micros),
            stop_signal,
            stop_grace_us: stop_grace.map(duration_to_micros),
        }
    }
}

impl TryFrom<Row> for WorkRecord {
    type Error = Damage;

    fn try_from(row: Row) -> Result<Self, Damage> {
        let Row {
            work_id,
            workflow_id,
            schedule_id,
            name,
            priority,
            run,
            since,
            event_since,
            stage,
            status,
            reason,
            create_at,
            start_at,
            end_at,
            stop_signal,
            stop_grace_us,
        } = row;
        let grace = duration_opt("stop_grace_us", stop_grace_us)?;
        Ok(WorkRecord {
            work_id: WorkId(work_id),
            workflow_id: WorkflowId(workflow_id),
            schedule_id: schedule_id.map(ScheduleId),
            name: name.into(),
            priority,
            run: unsigned("run", run)?,
            since,
            event_since,
            stage: word("stage", &stage)?,
            status: word_opt("status", status.as_deref())?,
            reason: reason.map(Into::into),
            create_at: time("create_at", create_at)?,
            start_at: time_opt("start_at", start_at)?,
            end_at: time_opt("end_at", end_at)?,
            stop: stop_signal.map(|signal| StopRequest { signal, grace }),
        })
    }
}

/// The row's values in the order of the inserts' columns.
pub(crate) fn values(record: &WorkRecord) -> [Value; 17] {
    let state = state(record.stage, record.status);
    let Row {
        work_id,
        workflow_id,
        schedule_id,
        name,
        priority,
        run,
        since,
        event_since,
        stage,
        status,
        reason,
        create_at,
        start_at,
        end_at,
        stop_signal,
        stop_grace_us,
    } = Row::from(record);
    [
        work_id.into(),
        workflow_id.into(),
        schedule_id.into(),
        name.into(),
        priority.into(),
        run.into(),
        since.into(),
        event_since.into(),
        state.into(),
        stage.into(),
        status.into(),
        reason.into(),
        create_at.into(),
        start_at.into(),
        end_at.into(),
        stop_signal.into(),
        stop_grace_us.into(),
    ]
}

/// A work as it stands in a list; the name of its workflow lies in another table.
pub(crate) fn view(record: WorkRecord, workflow_name: String) -> WorkView {
    let WorkRecord {
        work_id,
        workflow_id,
        schedule_id,
        name,
        priority,
        run,
        since: _,
        event_since: _,
        stage,
        status,
        reason,
        create_at,
        start_at,
        end_at,
        stop: _,
    } = record;
    WorkView {
        work_id,
        name: name.into(),
        workflow_id,
        workflow_name,
        schedule_id,
        run,
        stage,
        status,
        priority,
        create_at,
        start_at,
        end_at,
        reason: reason.map(Into::into),
    }
}
