//! The list of works, newest first, a page at a time.

use chrono::{DateTime, Utc};
use lp_protocol::WorkId;
use lp_protocol::views::{ListWorks, Page, WorkView};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::super::entity::columns::to_micros;
use super::super::entity::{task, work};
use super::super::page::Wanted;
use super::super::resolve::known_range;
use super::super::sql::placeholders;
use super::super::{Result, Store};
use super::load::{name_of, read_record};

impl Store {
    /// # Errors
    /// `Invalid` for a cursor that no page gave, a pattern that is too long, or too short a prefix of an id.
    pub async fn list_works(&self, wanted: &ListWorks) -> Result<Page<WorkView>> {
        let Some(wanted) = self.works_wanted(wanted)? else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        let sql = format!(
            "SELECT w.seq, {}, COALESCE(f.name, '') AS workflow_name FROM works w \
             LEFT JOIN workflows f ON f.workflow_id = w.workflow_id WHERE {}",
            work::SELECTED,
            wanted.tail()
        );
        let statement = self.statement(placeholders(self.backend, &sql), wanted.values());
        let mut found = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let view = match read_record(&row) {
                Ok(record) => Some(work::view(record, row.try_get("", "workflow_name")?)),
                // the others can still be shown
                Err(damage) => {
                    tracing::error!(table = "works", row = name_of(&row), error = %damage, "a stored row is damaged");
                    None
                }
            };
            found.push((row.try_get("", "seq")?, view));
        }
        let Page { items, next_cursor } = wanted.page(found);
        Ok(Page { items: items.into_iter().flatten().collect(), next_cursor })
    }

    /// Finished works that ended before this time, the oldest first, at most so many.
    pub async fn list_works_ended_before(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<WorkId>> {
        let sql = format!(
            "SELECT w.work_id FROM works w WHERE w.state >= 10 AND w.end_at < ? ORDER BY w.end_at LIMIT {limit}"
        );
        let statement = self.statement(placeholders(self.backend, &sql), [to_micros(before).into()]);
        let mut works = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            works.push(WorkId(row.try_get_by_index::<Uuid>(0)?));
        }
        Ok(works)
    }

    /// How many tasks these works have.
    pub async fn count_tasks_of_works_ended_before(&self, before: DateTime<Utc>) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM works w JOIN tasks t ON t.origin_id = w.work_id \
                   WHERE w.state >= 10 AND w.end_at < ?";
        let statement = self.statement(placeholders(self.backend, sql), [to_micros(before).into()]);
        let row = self.read.query_one_raw(statement).await?;
        let count: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// None where no work can pass.
    fn works_wanted(&self, wanted: &ListWorks) -> Result<Option<Wanted>> {
        let ListWorks { workflow_id, schedule_id, name, stage, status, since, id_prefix, cursor, limit } =
            wanted;
        let mut rows = Wanted::below("w.seq", cursor.as_deref(), *limit)?;
        if stage.is_some() || status.is_some() {
            let states = task::states_of(*stage, *status);
            if states.is_empty() {
                return Ok(None);
            }
            let states: Vec<String> = states.iter().map(i16::to_string).collect();
            rows.and(&format!("w.state IN ({})", states.join(", ")), []);
        }
        if let Some(workflow_id) = workflow_id {
            rows.and("w.workflow_id = ?", [workflow_id.0.into()]);
        }
        if let Some(schedule_id) = schedule_id {
            rows.and("w.schedule_id = ?", [schedule_id.0.into()]);
        }
        if let Some(since) = since {
            rows.and("w.create_at >= ?", [first_micros(*since).into()]);
        }
        if let Some(prefix) = id_prefix {
            let Some((low, high)) = known_range("work", prefix)? else { return Ok(None) };
            rows.and("w.work_id >= ? AND w.work_id <= ?", [low.into(), high.into()]);
        }
        rows.and_named(self, "w.name", name.as_deref())?;
        Ok(Some(rows))
    }
}

/// A time between two microseconds excludes the earlier one.
fn first_micros(since: DateTime<Utc>) -> i64 {
    to_micros(since) + i64::from(!since.timestamp_subsec_nanos().is_multiple_of(1000))
}
