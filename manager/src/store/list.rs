//! The list of tasks, newest first, with every filter fast on a million finished ones.
//!
//! Stage and status make eleven states. A list is merged from the newest tasks of each state that passes, each found by
//! an index that ends with the sequence number: the work is the page times the states, whatever the planner thinks and however rare
//! what is looked for. Only a name that hardly any task has makes the database look at all names, within an index that holds nothing else.
//!
//! Tasks are created in the order of their numbers, so `since` is a number too: that of the first task created then or later.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use lp_protocol::views::{DEFAULT_PAGE, ListTasks, MAX_PAGE, Page, TaskView};
use sea_orm::{ConnectionTrait, Value};

use super::entity::columns::to_micros;
use super::entity::task;
use super::load::read_task;
use super::resolve::prefix_range;
use super::sql::placeholders;
use super::{Error, Result, Store, glob};
use crate::core::record::TaskSeq;

impl Store {
    pub async fn list_tasks(&self, wanted: &ListTasks) -> Result<Page<TaskView>> {
        let ListTasks { app_id: _, name: _, stage: _, status: _, since, id_prefix: _, cursor, limit } =
            wanted;
        let limit = page_size(*limit);
        let before = cursor.as_deref().map(parse_cursor).transpose()?.unwrap_or(i64::MAX);
        let from = match since {
            None => Some(i64::MIN),
            Some(since) => self.find_first_since(*since).await?,
        };
        // no task is that young
        let Some(from) = from else { return Ok(Page { items: Vec::new(), next_cursor: None }) };
        let Some(query) = Query::new(self.is_postgres(), wanted, from..before, limit + 1)? else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        let statement = self.statement(placeholders(self.backend, &query.sql), query.values);
        let rows = self.read.query_all_raw(statement).await?;
        let has_more = rows.len() > limit as usize;
        let mut items = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in rows.iter().take(limit as usize) {
            let seq: TaskSeq = row.try_get("", "seq")?;
            last = Some(seq);
            match read_task(row) {
                Ok(record) => items.push(task::view(record, row.try_get("", "app_name")?)),
                // the others can still be shown
                Err(damage) => {
                    tracing::error!(table = "tasks", row = seq, reason = %damage, "a stored row is damaged")
                }
            }
        }
        Ok(Page { items, next_cursor: last.filter(|_| has_more).map(format_cursor) })
    }

    async fn find_first_since(&self, since: DateTime<Utc>) -> Result<Option<TaskSeq>> {
        let sql = "SELECT seq FROM tasks WHERE create_at >= ? ORDER BY create_at LIMIT 1";
        // a time between two microseconds excludes the earlier one
        let micros = to_micros(since) + i64::from(since.timestamp_subsec_nanos() % 1000 != 0);
        let statement = self.statement(placeholders(self.backend, sql), [micros.into()]);
        let row = self.read.query_one_raw(statement).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }
}

struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// None where no task can pass.
    fn new(
        postgres: bool,
        wanted: &ListTasks,
        seqs: std::ops::Range<TaskSeq>,
        limit: u32,
    ) -> Result<Option<Self>> {
        let ListTasks { app_id, name, stage, status, since: _, id_prefix, cursor: _, limit: _ } = wanted;
        let mut query = Query { sql: String::new(), values: Vec::new() };
        let range = |query: &mut Query| query.values.extend([seqs.end.into(), seqs.start.into()]);
        let glob = name.as_deref().map(|name| glob::condition(postgres, "name", name)).transpose()?;
        let states = task::states_of(*stage, *status);
        if states.is_empty() {
            return Ok(None);
        }
        query.sql =
            format!("SELECT {}, COALESCE(p.name, '') AS app_name FROM (SELECT seq FROM (", task::SELECTED);
        if let Some(prefix) = id_prefix {
            let (low, high) = match prefix_range("task", prefix) {
                Ok(range) => range,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(other) => return Err(other),
            };
            let states: Vec<String> = states.iter().map(i16::to_string).collect();
            // the plus signs keep the planners from any index but that of the ids
            query.sql.push_str(
                "SELECT seq FROM tasks WHERE task_id >= ? AND task_id <= ? AND +seq < ? AND +seq >= ?",
            );
            query.sql.push_str(&format!(" AND +state IN ({})", states.join(", ")));
            query.values.extend([low.into(), high.into()]);
            range(&mut query);
            if let Some(app) = app_id {
                query.sql.push_str(" AND app_id = ?");
                query.values.push(app.0.into());
            }
            query.push_glob(&glob);
        } else if app_id.is_none() && glob.is_none() && stage.is_none() && status.is_none() {
            query.sql.push_str(&format!(
                "SELECT seq FROM tasks WHERE seq < ? AND seq >= ? ORDER BY seq DESC LIMIT {limit}"
            ));
            range(&mut query);
        } else {
            for (index, state) in states.iter().enumerate() {
                query.sql.push_str(if index == 0 { "" } else { " UNION ALL " });
                query.sql.push_str(&format!("SELECT seq FROM (SELECT seq FROM tasks WHERE state = {state}"));
                if let Some(app) = app_id {
                    query.sql.push_str(" AND app_id = ?");
                    query.values.push(app.0.into());
                }
                query.sql.push_str(" AND seq < ? AND seq >= ?");
                range(&mut query);
                query.push_glob(&glob);
                query.sql.push_str(&format!(" ORDER BY seq DESC LIMIT {limit}) AS s{index}"));
            }
        }
        query.sql.push_str(&format!(
            ") AS passing ORDER BY seq DESC LIMIT {limit}) AS page CROSS JOIN tasks t \
             LEFT JOIN packages p ON p.package_id = t.app_id WHERE t.seq = page.seq ORDER BY page.seq DESC"
        ));
        Ok(Some(query))
    }

    fn push_glob(&mut self, glob: &Option<(String, String)>) {
        if let Some((condition, pattern)) = glob {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.values.push(pattern.as_str().into());
        }
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
