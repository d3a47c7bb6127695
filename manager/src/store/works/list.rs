//! The list of works, newest first, a page at a time.

use chrono::{DateTime, Utc};
use lp_protocol::WorkId;
use lp_protocol::views::{ListWorks, Page, WorkView};
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use super::super::entity::columns::to_micros;
use super::super::entity::{task, work};
use super::super::glob::Glob;
use super::super::list::{format_cursor, page_size, parse_cursor};
use super::super::resolve::prefix_range;
use super::super::sql::placeholders;
use super::super::{Error, Result, Store};
use super::load::{name_of, read_record};

impl Store {
    /// # Errors
    /// `Invalid` for a cursor that no page gave, a pattern that is too long, or too short a prefix of an id.
    pub async fn list_works(&self, wanted: &ListWorks) -> Result<Page<WorkView>> {
        let limit = page_size(wanted.limit);
        let Some((condition, values)) = self.works_wanted(wanted)? else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        let sql = format!(
            "SELECT w.seq, {}, COALESCE(f.name, '') AS workflow_name FROM works w \
             LEFT JOIN workflows f ON f.workflow_id = w.workflow_id WHERE {condition} ORDER BY w.seq DESC LIMIT {}",
            work::SELECTED,
            limit + 1
        );
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let has_more = rows.len() > limit as usize;
        let mut items = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in rows.iter().take(limit as usize) {
            last = Some(row.try_get::<i64>("", "seq")?);
            match read_record(row) {
                Ok(record) => items.push(work::view(record, row.try_get("", "workflow_name")?)),
                // the others can still be shown
                Err(damage) => {
                    tracing::error!(table = "works", row = name_of(row), error = %damage, "a stored row is damaged");
                }
            }
        }
        Ok(Page { items, next_cursor: last.filter(|_| has_more).map(format_cursor) })
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

    /// The condition on `works w` with its values; None where none can pass.
    fn works_wanted(&self, wanted: &ListWorks) -> Result<Option<(String, Vec<Value>)>> {
        let ListWorks { workflow_id, schedule_id, name, stage, status, since, id_prefix, cursor, limit: _ } =
            wanted;
        let before = cursor.as_deref().map(parse_cursor).transpose()?.unwrap_or(i64::MAX);
        let mut condition = "w.seq < ?".to_owned();
        let mut values: Vec<Value> = vec![before.into()];
        if stage.is_some() || status.is_some() {
            let states = task::states_of(*stage, *status);
            if states.is_empty() {
                return Ok(None);
            }
            let states: Vec<String> = states.iter().map(i16::to_string).collect();
            condition.push_str(&format!(" AND w.state IN ({})", states.join(", ")));
        }
        if let Some(workflow_id) = workflow_id {
            condition.push_str(" AND w.workflow_id = ?");
            values.push(workflow_id.0.into());
        }
        if let Some(schedule_id) = schedule_id {
            condition.push_str(" AND w.schedule_id = ?");
            values.push(schedule_id.0.into());
        }
        if let Some(since) = since {
            condition.push_str(" AND w.create_at >= ?");
            values.push(first_micros(*since).into());
        }
        if let Some(prefix) = id_prefix {
            let (low, high) = match prefix_range("work", prefix) {
                Ok(range) => range,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(other) => return Err(other),
            };
            condition.push_str(" AND w.work_id >= ? AND w.work_id <= ?");
            values.extend([low.into(), high.into()]);
        }
        if let Some(name) = name {
            let (glob, pattern) = Glob::parse(name)?.condition(self.is_postgres(), "w.name");
            condition.push_str(&format!(" AND {glob}"));
            values.push(pattern.into());
        }
        Ok(Some((condition, values)))
    }
}

/// A time between two microseconds excludes the earlier one.
fn first_micros(since: DateTime<Utc>) -> i64 {
    to_micros(since) + i64::from(!since.timestamp_subsec_nanos().is_multiple_of(1000))
}
