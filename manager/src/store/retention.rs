//! What of the past is old enough to go: found a few at a time, oldest first, and logs and archives removed.
//!
//! Nothing here looks at what is not finished. A task of a work goes with the work; its logs and workspaces go like all others. Tasks are walked by the end of their run (or by their
//! numbers, where these count) with an index, from a cursor that the caller hands back, so that a step costs what it returns.

use chrono::{DateTime, Utc};
use lp_protocol::views::{VersionRef, VersionView};
use lp_protocol::{AppId, DigestHex, VenvId, VersionId};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use super::catalogue::PackageId;
use super::entity::columns::{to_micros, unsigned};
use super::entity::task;
use super::load::read_task;
use super::sql::{execute_by_keys, placeholders, select_by_keys};
use super::{Damage, Epoch, Error, Result, Store};
use crate::core::record::{TaskRecord, TaskSeq};

/// Which finished tasks go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Those that ended before.
    pub ended_before: Option<DateTime<Utc>>,
    /// Those that were created before the one with this number.
    pub below: Option<TaskSeq>,
}

/// Of what ended before such a moment all is gone already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Logs,
    Workspaces,
}

impl Through {
    fn counter(self) -> &'static str {
        match self {
            Self::Logs => "logs_through",
            Self::Workspaces => "workspaces_through",
        }
    }
}

/// Where a walk has got to; the default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// End in microseconds, or number.
    at: i64,
    seq: TaskSeq,
}

/// A finished task and what is kept of its logs.
#[derive(Clone, Debug)]
pub struct Ended {
    pub record: TaskRecord,
    /// Where a walk goes on after it.
    pub place: Place,
    /// Logs kept in rows or in the blob store.
    pub logs: u64,
    pub log_bytes: u64,
    /// Of these, bytes in the blob store.
    pub archived_bytes: u64,
}

/// A version that need not be kept.
#[derive(Clone, Debug)]
pub struct Surplus {
    pub package: PackageId,
    /// Of the package.
    pub name: String,
    pub version: VersionView,
}

/// A finished task that goes by itself: one of a work goes with it.
const FREE: &str = "(t.origin IS NULL OR t.origin <> 'work')";

/// The logs of a task. A log in segments begins with one at 0.
const LOGS: &str = "(SELECT COUNT(*) FROM attempt_payloads l WHERE l.task = t.seq AND l.log IS NOT NULL) AS inline_logs, \
     (SELECT CAST(COALESCE(SUM(LENGTH(l.log)), 0) AS BIGINT) FROM attempt_payloads l WHERE l.task = t.seq AND l.log IS NOT NULL) AS inline_bytes, \
     (SELECT COUNT(*) FROM log_segments s WHERE s.task = t.seq AND s.start_offset = 0) AS archived_logs, \
     (SELECT CAST(COALESCE(SUM(s.size_bytes), 0) AS BIGINT) FROM log_segments s WHERE s.task = t.seq) AS archived_bytes";

impl Store {
    /// The oldest of the latest `count` tasks; None where there are not so many.
    pub async fn find_oldest_of_latest(&self, count: u64) -> Result<Option<TaskSeq>> {
        let offset = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
        // tasks are created in the order of their numbers; the index by creation is much smaller than the table
        let sql = format!("SELECT seq FROM tasks ORDER BY create_at DESC, seq DESC LIMIT 1 OFFSET {offset}");
        let row = self.read.query_one_raw(self.statement(sql, [])).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Finished tasks that ended before, by their end.
    pub async fn list_ended_before(
        &self,
        before: DateTime<Utc>,
        after: Place,
        limit: u32,
    ) -> Result<Vec<Ended>> {
        let condition = format!("t.end_at < ? AND {FREE}");
        self.select_ended("t.end_at", after, &condition, vec![to_micros(before).into()], limit).await
    }

    /// Finished tasks that expire by their number and not by their end, by their number.
    pub async fn list_below(&self, expiry: Expiry, after: Place, limit: u32) -> Result<Vec<Ended>> {
        let Expiry { ended_before, below: Some(below) } = expiry else { return Ok(Vec::new()) };
        let ended_before = ended_before.map_or(i64::MIN, to_micros);
        let condition = format!("t.seq < ? AND t.end_at >= ? AND {FREE}");
        let values = vec![below.into(), ended_before.into()];
        self.select_ended("t.seq", after, &condition, values, limit).await
    }

    /// Finished tasks that do not expire, those of works among them, by their end.
    pub async fn list_ended(&self, expiry: Expiry, after: Place, limit: u32) -> Result<Vec<Ended>> {
        let Expiry { ended_before, below } = expiry;
        let condition = format!("((t.end_at >= ? AND t.seq >= ?) OR NOT {FREE})");
        let values = vec![ended_before.map_or(i64::MIN, to_micros).into(), below.unwrap_or(i64::MIN).into()];
        self.select_ended("t.end_at", after, &condition, values, limit).await
    }

    /// Where a walk over what is left begins.
    pub async fn load_through(&self, through: Through) -> Result<Place> {
        let sql = format!("SELECT value FROM counters WHERE name = '{}'", through.counter());
        let row = self.read.query_one_raw(self.statement(sql, [])).await?;
        let at: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        // many tasks may have ended in that very microsecond
        Ok(Place { at: at.unwrap_or(0), seq: i64::MIN })
    }

    /// Notes how far all is gone.
    pub async fn note_through(&self, epoch: Epoch, through: Through, place: Place) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let sql = format!("UPDATE counters SET value = ? WHERE name = '{}' AND value < ?", through.counter());
        let values = [place.at.into(), place.at.into()];
        transaction.execute_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Bytes of logs in the blob store that rows refer to.
    pub async fn sum_archived_logs(&self) -> Result<u64> {
        // PostgreSQL sums to a number of any size
        let sql = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM log_segments";
        let row = self.read.query_one_raw(self.statement(sql, [])).await?;
        let sum: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(sum.unwrap_or(0).unsigned_abs())
    }

    /// Forgets the logs of those of the tasks that are finished; their blobs are then to be removed.
    pub async fn remove_logs(&self, epoch: Epoch, tasks: &[TaskSeq]) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let keys: Vec<[Value; 1]> = tasks.iter().map(|task| [(*task).into()]).collect();
        let finished = "SELECT seq FROM tasks WHERE seq IN ({keys}) AND state >= 10";
        for sql in [
            format!(
                "INSERT INTO dead_blobs (blob_key) SELECT blob_key FROM log_segments WHERE task IN ({finished}) ON CONFLICT DO NOTHING"
            ),
            format!("DELETE FROM log_segments WHERE task IN ({finished})"),
            format!(
                "UPDATE attempt_payloads SET log = NULL, log_times = NULL \
                 WHERE task IN ({finished}) AND (log IS NOT NULL OR log_times IS NOT NULL)"
            ),
        ] {
            execute_by_keys(&transaction, &sql, &keys).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Versions beyond the latest `keep` of their package, oldest first from after `after`, of those that are neither active nor were active
    /// before the active one nor are used by anything unfinished. Returns with them where the list goes on.
    pub async fn list_surplus_versions(
        &self,
        keep: u32,
        after: VersionId,
        limit: u32,
    ) -> Result<(Vec<Surplus>, Option<VersionId>)> {
        let sql = format!(
            "SELECT version_id, kind, package_id, name, number FROM (\
             SELECT v.version_id, p.kind, p.package_id, p.name, v.number, p.version_id AS active_id, \
             ROW_NUMBER() OVER (PARTITION BY v.package_id ORDER BY v.version_id DESC) AS place \
             FROM versions v JOIN packages p ON p.package_id = v.package_id \
             WHERE p.delete_at IS NULL AND v.delete_at IS NULL) AS ranked \
             WHERE place > ? AND version_id <> active_id AND number > 0 AND version_id > ? ORDER BY version_id LIMIT {limit}"
        );
        let values = [i64::from(keep).into(), after.into()];
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let next = match rows.last() {
            Some(last) if rows.len() == limit as usize => Some(last.try_get_by_index(0)?),
            _ => None,
        };
        let mut surplus = Vec::new();
        for row in &rows {
            let (package, name, number) = read_ranked(row).map_err(|damage| damage.of("versions", "?"))?;
            if let Some(version) = self.find_unneeded(package, &name, number).await? {
                surplus.push(Surplus { package, name, version });
            }
        }
        Ok((surplus, next))
    }

    async fn find_unneeded(
        &self,
        package: PackageId,
        name: &str,
        number: u32,
    ) -> Result<Option<VersionView>> {
        let found = self.find_version_in(&self.read, package, name, VersionRef::Number(number)).await;
        let version = match found {
            Ok(version) => version,
            // deleted in this moment
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match self.find_version_in(&self.read, package, name, VersionRef::Previous).await {
            Ok(previous) if previous.number == number => return Ok(None),
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let used = self.find_use_of(&self.read, package, name, &version).await?;
        Ok(used.is_none().then_some(version))
    }

    /// The versions of living packages, not deleted themselves, that have one of these archives.
    pub async fn list_versions_with(&self, digests: &[DigestHex]) -> Result<Vec<(DigestHex, VersionId)>> {
        let keys: Vec<[Value; 1]> = digests.iter().map(|digest| [digest.as_str().into()]).collect();
        let sql = "SELECT v.digest, v.version_id FROM versions v JOIN packages p ON p.package_id = v.package_id \
                   WHERE v.digest IN ({keys}) AND p.delete_at IS NULL AND v.delete_at IS NULL";
        let mut found = Vec::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
        Ok(found)
    }

    async fn select_ended(
        &self,
        order: &str,
        after: Place,
        condition: &str,
        values: Vec<Value>,
        limit: u32,
    ) -> Result<Vec<Ended>> {
        let sql = ended_sql(order, condition, limit);
        let values: Vec<Value> =
            [after.at.into(), after.at.into(), after.seq.into()].into_iter().chain(values).collect();
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let mut ended = Vec::with_capacity(rows.len());
        for row in &rows {
            let seq: TaskSeq = row.try_get("", "seq")?;
            match read_ended(row, seq) {
                Ok(task) => ended.push(task),
                // it stays until a human has looked at it
                Err(damage) => {
                    tracing::error!(table = "tasks", row = seq, error = %damage, "a stored row is damaged")
                }
            }
        }
        Ok(ended)
    }
}

/// The first comparison is for the index, the second for what has the same moment.
fn ended_sql(order: &str, condition: &str, limit: u32) -> String {
    format!(
        "SELECT {}, {order} AS place_at, {LOGS} FROM tasks t WHERE {order} >= ? AND ({order} > ? OR t.seq > ?) AND t.state >= 10 \
         AND t.end_at IS NOT NULL AND {condition} ORDER BY {order}, t.seq LIMIT {limit}",
        task::SELECTED
    )
}

fn read_ended(row: &QueryResult, seq: TaskSeq) -> Result<Ended, Damage> {
    let number = |column: &'static str| -> Result<u64, Damage> {
        let number = row.try_get::<i64>("", column).map_err(Damage::Column)?;
        unsigned(column, number)
    };
    let archived_bytes = number("archived_bytes")?;
    Ok(Ended {
        record: read_task(row)?,
        place: Place { at: row.try_get("", "place_at").map_err(Damage::Column)?, seq },
        logs: number("inline_logs")? + number("archived_logs")?,
        log_bytes: number("inline_bytes")? + archived_bytes,
        archived_bytes,
    })
}

fn read_ranked(row: &QueryResult) -> Result<(PackageId, String, u32), Damage> {
    let kind: String = row.try_get("", "kind").map_err(Damage::Column)?;
    let id: Uuid = row.try_get("", "package_id").map_err(Damage::Column)?;
    let package = match kind.as_str() {
        "app" => PackageId::App(AppId(id)),
        "venv" => PackageId::Venv(VenvId(id)),
        _ => return Err(Damage::value("kind", kind)),
    };
    let number = row.try_get("", "number").map_err(Damage::Column)?;
    Ok((package, row.try_get("", "name").map_err(Damage::Column)?, unsigned("number", number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_of_a_walk_reads_an_index_and_sorts_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("lp.db").display().to_string()).await.unwrap();

        for (order, condition, by) in [
            ("t.end_at", "t.end_at < ?", "USING INDEX tasks_end_at (end_at>"),
            (
                "t.end_at",
                "((t.end_at >= ? AND t.seq >= ?) OR NOT (t.origin IS NULL))",
                "USING INDEX tasks_end_at (end_at>",
            ),
            ("t.seq", "t.seq < ? AND t.end_at >= ?", "USING INTEGER PRIMARY KEY (rowid>"),
        ] {
            let sql = ended_sql(order, condition, 100);
            let values = vec![Value::from(0i64); sql.matches('?').count()];
            let statement = store.statement(format!("EXPLAIN QUERY PLAN {sql}"), values);
            let rows = store.read.query_all_raw(statement).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
            assert!(plan.iter().any(|line| line.contains(by)), "{sql}\n{plan:#?}");
            assert!(
                !plan.iter().any(|line| line.contains("ORDER BY") || line.starts_with("SCAN t")),
                "{plan:#?}"
            );
        }
    }
}
