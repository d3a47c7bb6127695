//! The list of tasks, newest first, a page at a time.
//!
//! A cursor names the last task of its page, so a page is what follows it whatever has been created in the meantime. Tasks are
//! created in the order of their numbers, so `since` is a number too: that of the first task created then or later.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use lp_protocol::views::{DEFAULT_PAGE, ListTasks, MAX_PAGE, Page, TaskView};
use sea_orm::{ConnectionTrait, Value};

use super::entity::columns::to_micros;
use super::entity::task;
use super::list_query::{Filters, ListQuery};
use super::load::read_task;
use super::sql::placeholders;
use super::{Error, Result, Store};
use crate::core::record::TaskSeq;

/// Up to so many tasks whose names begin alike are looked at one by one: a few milliseconds. Where there are more, those that
/// match are expected among the newest ones.
const FEW: u32 = 5000;

/// Names looked at for one page where no index finds them, of each state: some 60 ms of a processor. A pattern that hardly any task has
/// would otherwise make the database look at all names there are, half a second for each million.
const LOOKED_AT: u32 = 30_000;

impl Store {
    /// A page of a name that few have may hold fewer tasks than asked for, even none, and still name the next one: it then goes on where this one
    /// stopped looking.
    ///
    /// # Errors
    /// `Invalid` for a cursor that no page gave, a pattern that is too long, or too short a prefix of an id.
    pub async fn list_tasks(&self, wanted: &ListTasks) -> Result<Page<TaskView>> {
        self.list_tasks_looking_at(wanted, LOOKED_AT).await
    }

    /// The same with another number of names that are looked at.
    pub async fn list_tasks_looking_at(&self, wanted: &ListTasks, most: u32) -> Result<Page<TaskView>> {
        let ListTasks {
            app_id,
            work_id,
            schedule_id,
            service_id,
            name,
            stage,
            status,
            since,
            id_prefix,
            cursor,
            limit,
        } = wanted;
        let origins = [work_id.map(|id| id.0), schedule_id.map(|id| id.0), service_id.map(|id| id.0)];
        let mut origins = origins.into_iter().flatten();
        let origin = origins.next();
        if origins.next().is_some() {
            let what = "a task is made by a work, a schedule or a service: ask for one of them";
            return Err(Error::Invalid(what.to_owned()));
        }
        let limit = page_size(*limit);
        let before = cursor.as_deref().map(parse_cursor).transpose()?.unwrap_or(i64::MAX);
        let from = match since {
            None => Some(i64::MIN),
            Some(since) => self.find_first_since(*since).await?,
        };
        let filters =
            Filters::new((*app_id, origin), name.as_deref(), (*stage, *status), id_prefix.as_deref())?;
        let (Some(from), Some(mut filters)) = (from, filters) else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        if let Some((low, high)) = filters.name_range() {
            filters.by_name = self.has_few_between(low, high).await?;
        }
        let floor = match filters.looks_at_names() {
            true => self.find_floor(&filters, from..before, most).await?,
            false => None,
        };
        let seqs = floor.unwrap_or(from)..before;
        let ListQuery { sql, values } = filters.query(self.is_postgres(), seqs, limit + 1);
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let has_more = rows.len() > limit as usize;
        let mut items = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in rows.iter().take(limit as usize) {
            let seq: TaskSeq = row.try_get("", "seq")?;
            last = Some(seq);
            match read_task(row) {
                Ok(record) => {
                    let version = task::version_number(row).unwrap_or_default();
                    items.push(TaskView { version, ..task::view(record, row.try_get("", "app_name")?) });
                }
                // the others can still be shown
                Err(damage) => {
                    tracing::error!(table = "tasks", row = seq, error = %damage, "a stored row is damaged")
                }
            }
        }
        let next = if has_more { last } else { floor };
        Ok(Page { items, next_cursor: next.map(format_cursor) })
    }

    /// The last task looked at where there are more than so many of a state; None where all can be looked at.
    async fn find_floor(
        &self,
        filters: &Filters,
        seqs: Range<TaskSeq>,
        most: u32,
    ) -> Result<Option<TaskSeq>> {
        let ListQuery { sql, values } = filters.floor_query(self.is_postgres(), seqs, most);
        let row = self.read.query_one_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        Ok(row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten())
    }

    async fn find_first_since(&self, since: DateTime<Utc>) -> Result<Option<TaskSeq>> {
        let sql = "SELECT seq FROM tasks WHERE create_at >= ? ORDER BY create_at, seq LIMIT 1";
        // a time between two microseconds excludes the earlier one
        let micros = to_micros(since) + i64::from(!since.timestamp_subsec_nanos().is_multiple_of(1000));
        let statement = self.statement(placeholders(self.backend, sql), [micros.into()]);
        let row = self.read.query_one_raw(statement).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Tells whether at most [`FEW`] tasks have names from `low` to below `high`.
    async fn has_few_between(&self, low: String, high: String) -> Result<bool> {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM tasks WHERE name >= ? AND name < ? LIMIT {}) AS alike",
            FEW + 1
        );
        let values: [Value; 2] = [low.into(), high.into()];
        let row = self.read.query_one_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let count: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(count.is_some_and(|count| count <= i64::from(FEW)))
    }
}

/// The number of items in a page, between 1 and the largest.
pub(super) fn page_size(limit: Option<u32>) -> u32 {
    limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE)
}

/// The next page begins below this number.
pub(super) fn format_cursor(seq: i64) -> String {
    URL_SAFE_NO_PAD.encode(seq.to_string())
}

pub(super) fn parse_cursor(cursor: &str) -> Result<i64> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::Invalid(format!("`{cursor}` is not a cursor of this list")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_a_page_gave() {
        assert_eq!(parse_cursor(&format_cursor(42)).unwrap(), 42);
        for cursor in ["", "42", "!", "bm9wZQ"] {
            assert!(matches!(parse_cursor(cursor), Err(Error::Invalid(_))), "{cursor}");
        }
    }

    #[test]
    fn a_page_has_between_one_and_the_largest_number_of_items() {
        assert_eq!([None, Some(0), Some(7), Some(u32::MAX)].map(page_size), [DEFAULT_PAGE, 1, 7, MAX_PAGE]);
    }
}
