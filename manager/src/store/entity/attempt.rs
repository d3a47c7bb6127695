//! The tables `attempts` and `attempt_payloads`.

use lp_protocol::frames::Usage;
use lp_protocol::{Exit, NodeId};
use sea_orm::{DbErr, QueryResult, Value};
use uuid::Uuid;

use super::columns::{json, time, time_opt, to_micros, to_signed, unsigned, word, word_opt};
use crate::core::record::{AttemptId, AttemptPayload, AttemptRecord};
use crate::store::Damage;
use crate::store::sql::{Insert, clean};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub task: i64,
    pub action: i64,
    pub number: i64,
    pub run: i64,
    pub counts_in: i64,
    pub name: Option<String>,
    pub node_id: Uuid,
    pub stage: String,
    pub status: Option<String>,
    pub exit: Option<String>,
    pub assign_at: i64,
    pub start_at: Option<i64>,
    pub end_at: Option<i64>,
    pub log_bytes: i64,
    pub cpu_seconds: f64,
    pub max_rss_bytes: i64,
    pub read_bytes: i64,
    pub written_bytes: i64,
    pub preparing: Option<String>,
}

/// What [`Row`] is read from, `a` being the table.
pub(crate) const SELECTED: &str = "a.task, a.action, a.number, a.run, a.counts_in, a.name, a.node_id, a.stage, a.status, a.exit, a.assign_at, \
     a.start_at, a.end_at, a.log_bytes, a.cpu_seconds, a.max_rss_bytes, a.read_bytes, a.written_bytes, a.preparing";

impl Row {
    /// Reads columns by where [`SELECTED`] has them: a task may have ten thousand attempts, and to look nineteen names up for each takes as
    /// long as the rest of it.
    pub(crate) fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            task: row.try_get_by_index(0)?,
            action: row.try_get_by_index(1)?,
            number: row.try_get_by_index(2)?,
            run: row.try_get_by_index(3)?,
            counts_in: row.try_get_by_index(4)?,
            name: row.try_get_by_index(5)?,
            node_id: row.try_get_by_index(6)?,
            stage: row.try_get_by_index(7)?,
            status: row.try_get_by_index(8)?,
            exit: row.try_get_by_index(9)?,
            assign_at: row.try_get_by_index(10)?,
            start_at: row.try_get_by_index(11)?,
            end_at: row.try_get_by_index(12)?,
            log_bytes: row.try_get_by_index(13)?,
            cpu_seconds: row.try_get_by_index(14)?,
            max_rss_bytes: row.try_get_by_index(15)?,
            read_bytes: row.try_get_by_index(16)?,
            written_bytes: row.try_get_by_index(17)?,
            preparing: row.try_get_by_index(18)?,
        })
    }
}

/// Inserts, or updates all that can change.
pub(crate) const UPSERT: Insert<19> = Insert {
    table: "attempts",
    columns: [
        "task",
        "action",
        "number",
        "run",
        "counts_in",
        "name",
        "node_id",
        "stage",
        "status",
        "exit",
        "assign_at",
        "start_at",
        "end_at",
        "log_bytes",
        "cpu_seconds",
        "max_rss_bytes",
        "read_bytes",
        "written_bytes",
        "preparing",
    ],
    tail: "ON CONFLICT (task, action, number) DO UPDATE SET run = excluded.run, counts_in = excluded.counts_in, name = excluded.name, \
           node_id = excluded.node_id, \
           stage = excluded.stage, status = excluded.status, exit = excluded.exit, \
           assign_at = excluded.assign_at, start_at = excluded.start_at, end_at = excluded.end_at, \
           log_bytes = excluded.log_bytes, cpu_seconds = excluded.cpu_seconds, max_rss_bytes = excluded.max_rss_bytes, \
           read_bytes = excluded.read_bytes, written_bytes = excluded.written_bytes, preparing = excluded.preparing",
};

pub(crate) const UPSERT_PAYLOAD: Insert<6> = Insert {
    table: "attempt_payloads",
    columns: ["task", "action", "number", "output", "log", "log_times"],
    tail: "ON CONFLICT (task, action, number) DO UPDATE SET output = excluded.output, log = excluded.log, \
           log_times = excluded.log_times",
};

impl From<&AttemptRecord> for Row {
    fn from(record: &AttemptRecord) -> Self {
        let AttemptRecord {
            id: AttemptId { task, action, number },
            run,
            counts_in,
            name,
            node_id,
            stage,
            status,
            exit,
            assign_at,
            start_at,
            end_at,
            log_bytes,
            usage: Usage { cpu_seconds, max_rss_bytes, read_bytes, written_bytes },
            preparing,
        } = record;
        Row {
            task: *task,
            action: i64::from(*action),
            number: i64::from(*number),
            run: i64::from(*run),
            counts_in: i64::from(*counts_in),
            name: name.as_deref().map(clean),
            node_id: node_id.0,
            stage: stage.as_str().to_owned(),
            status: status.map(|status| status.as_str().to_owned()),
            exit: exit.as_ref().map(|exit| serde_json::to_string(exit).expect("an exit is plain data")),
            assign_at: to_micros(*assign_at),
            start_at: start_at.map(to_micros),
            end_at: end_at.map(to_micros),
            log_bytes: to_signed(*log_bytes),
            // SQLite stores NaN as NULL, which would fail the commit
            cpu_seconds: if cpu_seconds.is_finite() { *cpu_seconds } else { 0.0 },
            max_rss_bytes: to_signed(*max_rss_bytes),
            read_bytes: to_signed(*read_bytes),
            written_bytes: to_signed(*written_bytes),
            preparing: (!preparing.is_empty())
                .then(|| serde_json::to_string(preparing).expect("steps are plain data")),
        }
    }
}

impl TryFrom<Row> for AttemptRecord {
    type Error = Damage;

    fn try_from(row: Row) -> Result<Self, Damage> {
        let Row {
            task,
            action,
            number,
            run,
            counts_in,
            name,
            node_id,
            stage,
            status,
            exit,
            assign_at,
            start_at,
            end_at,
            log_bytes,
            cpu_seconds,
            max_rss_bytes,
            read_bytes,
            written_bytes,
            preparing,
        } = row;
        Ok(AttemptRecord {
            id: AttemptId { task, action: unsigned("action", action)?, number: unsigned("number", number)? },
            run: unsigned("run", run)?,
            counts_in: unsigned("counts_in", counts_in)?,
            name: name.map(Into::into),
            node_id: NodeId(node_id),
            stage: word("stage", &stage)?,
            status: word_opt("status", status.as_deref())?,
            exit: exit.map(|exit| json::<Exit>("exit", &exit)).transpose()?,
            assign_at: time("assign_at", assign_at)?,
            start_at: time_opt("start_at", start_at)?,
            end_at: time_opt("end_at", end_at)?,
            log_bytes: unsigned("log_bytes", log_bytes)?,
            usage: Usage {
                cpu_seconds,
                max_rss_bytes: unsigned("max_rss_bytes", max_rss_bytes)?,
                read_bytes: unsigned("read_bytes", read_bytes)?,
                written_bytes: unsigned("written_bytes", written_bytes)?,
            },
            preparing: preparing.map(|steps| json("preparing", &steps)).transpose()?.unwrap_or_default(),
        })
    }
}

/// The row's values in the order of the upsert's columns.
pub(crate) fn values(record: &AttemptRecord) -> [Value; 19] {
    let Row {
        task,
        action,
        number,
        run,
        counts_in,
        name,
        node_id,
        stage,
        status,
        exit,
        assign_at,
        start_at,
        end_at,
        log_bytes,
        cpu_seconds,
        max_rss_bytes,
        read_bytes,
        written_bytes,
        preparing,
    } = Row::from(record);
    [
        task.into(),
        action.into(),
        number.into(),
        run.into(),
        counts_in.into(),
        name.into(),
        node_id.into(),
        stage.into(),
        status.into(),
        exit.into(),
        assign_at.into(),
        start_at.into(),
        end_at.into(),
        log_bytes.into(),
        cpu_seconds.into(),
        max_rss_bytes.into(),
        read_bytes.into(),
        written_bytes.into(),
        preparing.into(),
    ]
}

/// The key of an attempt in the order of the primary key.
pub(crate) fn key(id: AttemptId) -> [Value; 3] {
    let AttemptId { task, action, number } = id;
    [task.into(), i64::from(action).into(), i64::from(number).into()]
}

/// The payload's values; None where there is nothing to keep.
pub(crate) fn payload_values(id: AttemptId, payload: &AttemptPayload) -> Option<[Value; 6]> {
    let AttemptPayload { output, log, log_times } = payload;
    if output.is_none() && log.as_ref().is_none_or(Vec::is_empty) && log_times.is_none() {
        return None;
    }
    let [task, action, number] = key(id);
    let output = output.as_ref().map(|output| output.get().to_owned());
    Some([task, action, number, output.into(), log.clone().into(), log_times.clone().into()])
}
