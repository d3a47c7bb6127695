//! The table `tasks`.

use lp_protocol::views::TaskView;
use lp_protocol::{AppId, ScheduleId, ServiceId, Stage, Status, TaskId, WorkId};
use sea_orm::{FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::columns::{duration_opt, duration_to_micros, time, time_opt, to_micros, unsigned, word, word_opt};
use crate::core::record::{Origin, StopRequest, TaskRecord};
use crate::store::Damage;
use crate::store::sql::{Insert, clean};

#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct Row {
    pub seq: i64,
    pub task_id: Uuid,
    pub name: String,
    pub app_id: Uuid,
    pub version_id: i64,
    pub origin: Option<String>,
    pub origin_id: Option<Uuid>,
    pub priority: i32,
    pub run: i64,
    pub stage: String,
    pub status: Option<String>,
    pub reason: Option<String>,
    pub create_at: i64,
    pub start_at: Option<i64>,
    pub end_at: Option<i64>,
    pub stop_signal: Option<i32>,
    pub stop_grace_us: Option<i64>,
}

/// What [`Row`] is read from, `t` being the table.
pub(crate) const SELECTED: &str = "t.seq, t.task_id, t.name, t.app_id, t.version_id, t.origin, t.origin_id, t.priority, t.run, t.stage, t.status, \
     t.reason, t.create_at, t.start_at, t.end_at, t.stop_signal, t.stop_grace_us";

const COLUMNS: [&str; 18] = [
    "seq",
    "task_id",
    "name",
    "app_id",
    "version_id",
    "origin",
    "origin_id",
    "priority",
    "run",
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

pub(crate) const INSERT: Insert<18> = Insert { table: "tasks", columns: COLUMNS, tail: "" };

/// Updates all that can change. The other columns stay out of the list, so that their indexes are not touched.
pub(crate) const UPDATE: Insert<18> = Insert {
    table: "tasks",
    columns: COLUMNS,
    tail: "ON CONFLICT (seq) DO UPDATE SET version_id = excluded.version_id, priority = excluded.priority, \
           run = excluded.run, state = excluded.state, stage = excluded.stage, status = excluded.status, \
           reason = excluded.reason, start_at = excluded.start_at, end_at = excluded.end_at, \
           stop_signal = excluded.stop_signal, stop_grace_us = excluded.stop_grace_us",
};

/// Values of the column `state` of a task that is not finished; each is below [`FINISHED_STATE`].
pub(crate) const OPEN_STATES: [i16; 3] = [1, 2, 3];

/// A finished task without a status; the statuses follow.
const FINISHED_STATE: i16 = 10;

/// Stage and status as one number; the status of what is not finished does not count.
pub(crate) fn state(stage: Stage, status: Option<Status>) -> i16 {
    match stage {
        Stage::Pending => 1,
        Stage::Running => 2,
        Stage::Stopping => 3,
        Stage::Finished => status.map_or(FINISHED_STATE, finished_state),
    }
}

fn finished_state(status: Status) -> i16 {
    match status {
        Status::Success => 11,
        Status::Fail => 12,
        Status::Kill => 13,
        Status::Cancel => 14,
        Status::Terminate => 15,
        Status::Error => 16,
        Status::Skipped => 17,
    }
}

/// The states that pass both filters.
pub(crate) fn states_of(stage: Option<Stage>, status: Option<Status>) -> Vec<i16> {
    let statuses = || Status::ALL.iter().copied().map(Some).chain([None]);
    let finished = statuses().map(|status| (Stage::Finished, status));
    let open = Stage::OPEN.iter().map(|stage| (*stage, None));
    open.chain(finished)
        .filter(|(of_stage, of_status)| {
            stage.is_none_or(|wanted| wanted == *of_stage) && (status.is_none() || status == *of_status)
        })
        .map(|(stage, status)| state(stage, status))
        .collect()
}

impl From<&TaskRecord> for Row {
    fn from(record: &TaskRecord) -> Self {
        let TaskRecord {
            seq,
            task_id,
            name,
            app_id,
            version_id,
            origin,
            priority,
            run,
            stage,
            status,
            reason,
            create_at,
            start_at,
            end_at,
            stop,
        } = record;
        let (origin_word, origin_id) = origin.map(to_columns).unzip();
        let (stop_signal, stop_grace) = match stop {
            Some(StopRequest { signal, grace }) => (Some(*signal), *grace),
            None => (None, None),
        };
        Row {
            seq: *seq,
            task_id: task_id.0,
            name: clean(name),
            app_id: app_id.0,
            version_id: *version_id,
            origin: origin_word,
            origin_id,
            priority: *priority,
            run: i64::from(*run),
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

impl TryFrom<Row> for TaskRecord {
    type Error = Damage;

    fn try_from(row: Row) -> Result<Self, Damage> {
        let Row {
            seq,
            task_id,
            name,
            app_id,
            version_id,
            origin,
            origin_id,
            priority,
            run,
            stage,
            status,
            reason,
            create_at,
            start_at,
            end_at,
            stop_signal,
            stop_grace_us,
        } = row;
        let origin = from_columns(origin.as_deref(), origin_id)?;
        let grace = duration_opt("stop_grace_us", stop_grace_us)?;
        Ok(TaskRecord {
            seq,
            task_id: TaskId(task_id),
            name: name.into(),
            app_id: AppId(app_id),
            version_id,
            origin,
            priority,
            run: unsigned("run", run)?,
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

fn to_columns(origin: Origin) -> (String, Uuid) {
    let (word, id) = match origin {
        Origin::Work(id) => ("work", id.0),
        Origin::Schedule(id) => ("schedule", id.0),
        Origin::Service(id) => ("service", id.0),
    };
    (word.to_owned(), id)
}

fn from_columns(word: Option<&str>, id: Option<Uuid>) -> Result<Option<Origin>, Damage> {
    let (Some(word), Some(id)) = (word, id) else { return Ok(None) };
    Ok(Some(match word {
        "work" => Origin::Work(WorkId(id)),
        "schedule" => Origin::Schedule(ScheduleId(id)),
        "service" => Origin::Service(ServiceId(id)),
        other => return Err(Damage::value("origin", other)),
    }))
}

/// The row's values in the order of the inserts' columns.
pub(crate) fn values(record: &TaskRecord) -> [Value; 18] {
    let state = state(record.stage, record.status);
    let Row {
        seq,
        task_id,
        name,
        app_id,
        version_id,
        origin,
        origin_id,
        priority,
        run,
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
        seq.into(),
        task_id.into(),
        name.into(),
        app_id.into(),
        version_id.into(),
        origin.into(),
        origin_id.into(),
        priority.into(),
        run.into(),
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

/// What a list shows of the tables beside this one, `p` being the packages and `v` the versions.
pub(crate) const BESIDE: &str = "COALESCE(p.name, '') AS app_name, COALESCE(v.number, 0) AS version_number";

/// The number of the version, of a row with [`BESIDE`].
pub(crate) fn version_number(row: &QueryResult) -> Result<u32, Damage> {
    unsigned("number", row.try_get("", "version_number").map_err(Damage::Column)?)
}

/// A task as it stands in a list; the name of its application and the number of its version lie in other tables.
pub(crate) fn view(record: TaskRecord, app_name: String) -> TaskView {
    let TaskRecord {
        seq: _,
        task_id,
        name,
        app_id,
        version_id,
        origin,
        priority,
        run: _,
        stage,
        status,
        reason,
        create_at,
        start_at,
        end_at,
        stop: _,
    } = record;
    let (mut work_id, mut schedule_id, mut service_id) = (None, None, None);
    match origin {
        Some(Origin::Work(id)) => work_id = Some(id),
        Some(Origin::Schedule(id)) => schedule_id = Some(id),
        Some(Origin::Service(id)) => service_id = Some(id),
        None => {}
    }
    TaskView {
        task_id,
        task_name: name.into(),
        app_id,
        app_name,
        version_id,
        version: 0,
        work_id,
        schedule_id,
        service_id,
        stage,
        status,
        priority,
        create_at,
        start_at,
        end_at,
        reason: reason.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_belongs_to_one_stage_and_one_status() {
        let mut all = states_of(None, None);
        all.sort_unstable();
        all.dedup();

        assert_eq!(all.len(), 3 + 8);
        assert_eq!(states_of(Some(Stage::Running), None), [2]);
        assert_eq!(states_of(None, Some(Status::Fail)), [12]);
        assert_eq!(states_of(Some(Stage::Finished), None).len(), 8);
        assert!(states_of(Some(Stage::Pending), Some(Status::Fail)).is_empty());
    }

    #[test]
    fn the_open_states_are_those_of_the_open_stages() {
        assert_eq!(Stage::OPEN.iter().map(|stage| state(*stage, None)).collect::<Vec<_>>(), OPEN_STATES);
    }
}
