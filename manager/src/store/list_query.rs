//! The statement behind a list of tasks, made so that every filter is fast on a million finished ones.
//!
//! Stage and status make eleven states. A list is merged from the newest tasks of each state that passes, each found by an index that
//! ends with the sequence number: the work is the page times the states, however rare what is looked for. Ids and names of which only a
//! few tasks have the wanted beginning are looked up by their own indexes. Only for a pattern that begins with a wildcard names are looked at
//! one by one, in an index that holds nothing else, and only so many of them for one page (`list.rs`).

use std::ops::Range;

use lp_protocol::{AppId, Stage, Status};
use sea_orm::Value;
use uuid::Uuid;

use super::Result;
use super::entity::task;
use super::glob::Glob;
use super::resolve::known_range;
use crate::core::record::TaskSeq;

pub(super) struct Filters {
    app_id: Option<AppId>,
    /// The work, schedule or service that made them.
    origin: Option<Uuid>,
    name: Option<Glob>,
    /// None: all of them.
    states: Option<Vec<i16>>,
    ids: Option<(Uuid, Uuid)>,
    /// Only a few tasks have a name that begins like the wanted one.
    pub by_name: bool,
}

pub(super) struct ListQuery {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Filters {
    /// None where no task can pass.
    pub(super) fn new(
        (app_id, origin): (Option<AppId>, Option<Uuid>),
        name: Option<&str>,
        (stage, status): (Option<Stage>, Option<Status>),
        id_prefix: Option<&str>,
    ) -> Result<Option<Self>> {
        let states = task::states_of(stage, status);
        if states.is_empty() {
            return Ok(None);
        }
        let ids = id_prefix.map(|prefix| known_range("task", prefix)).transpose()?;
        if ids == Some(None) {
            return Ok(None);
        }
        Ok(Some(Self {
            app_id,
            origin,
            name: name.map(Glob::parse).transpose()?,
            states: (stage.is_some() || status.is_some()).then_some(states),
            ids: ids.flatten(),
            by_name: false,
        }))
    }

    /// The range of names that begin like the pattern, where that is worth looking at.
    pub(super) fn name_range(&self) -> Option<(String, String)> {
        if self.ids.is_some() { None } else { self.name.as_ref()?.range() }
    }

    /// True where names have to be looked at one by one.
    pub(super) fn looks_at_names(&self) -> bool {
        self.name.is_some() && self.ids.is_none() && !self.by_name
    }

    /// The largest number that, in any of the states, `most` tasks come after: NULL where no state has as many.
    pub(super) fn floor_query(&self, postgres: bool, seqs: Range<TaskSeq>, most: u32) -> ListQuery {
        let mut query = ListQuery { sql: String::new(), values: Vec::new() };
        query.push("SELECT MAX(seq) FROM (", []);
        self.push_each_state(&mut query, postgres, seqs, |query| {
            query.push(&format!(" ORDER BY seq DESC LIMIT 1 OFFSET {most}"), []);
        });
        query.push(") AS floors", []);
        query
    }

    /// The tasks that pass and whose numbers lie in `seqs`, newest first, at most `limit`.
    pub(super) fn query(&self, postgres: bool, seqs: Range<TaskSeq>, limit: u32) -> ListQuery {
        let mut query = ListQuery { sql: String::new(), values: Vec::new() };
        query.push(&format!("SELECT {}, {} FROM (SELECT seq FROM (", task::SELECTED, task::BESIDE), []);
        if let Some((low, high)) = self.ids {
            query
                .push("SELECT seq FROM tasks WHERE task_id >= ? AND task_id <= ?", [low.into(), high.into()]);
            self.push_rest(&mut query, postgres, seqs);
        } else if let (true, Some((low, high))) = (self.by_name, self.name_range()) {
            query.push("SELECT seq FROM tasks WHERE name >= ? AND name < ?", [low.into(), high.into()]);
            self.push_rest(&mut query, postgres, seqs);
        } else if self.app_id.is_none()
            && self.origin.is_none()
            && self.name.is_none()
            && self.states.is_none()
        {
            query.push(
                "SELECT seq FROM tasks WHERE seq < ? AND seq >= ?",
                [seqs.end.into(), seqs.start.into()],
            );
            query.push(&format!(" ORDER BY seq DESC LIMIT {limit}"), []);
        } else {
            self.push_states(&mut query, postgres, seqs, limit);
        }
        // CROSS JOIN: SQLite then takes the tables in this order
        let tail = format!(
            ") AS passing ORDER BY seq DESC LIMIT {limit}) AS page CROSS JOIN tasks t \
             LEFT JOIN packages p ON p.package_id = t.app_id LEFT JOIN versions v ON v.version_id = t.version_id WHERE t.seq = page.seq ORDER BY page.seq DESC"
        );
        query.push(&tail, []);
        query
    }

    /// The newest of each state, each in its own subquery.
    fn push_states(&self, query: &mut ListQuery, postgres: bool, seqs: Range<TaskSeq>, limit: u32) {
        self.push_each_state(query, postgres, seqs, |query| {
            self.push_glob(query, postgres);
            query.push(&format!(" ORDER BY seq DESC LIMIT {limit}"), []);
        });
    }

    /// A subquery for each state, ended by `rest`.
    fn push_each_state(
        &self,
        query: &mut ListQuery,
        postgres: bool,
        seqs: Range<TaskSeq>,
        rest: impl Fn(&mut ListQuery),
    ) {
        let all = || task::states_of(None, None);
        for (index, state) in self.states.clone().unwrap_or_else(all).iter().enumerate() {
            query.push(if index == 0 { "" } else { " UNION ALL " }, []);
            query.push(&format!("SELECT seq FROM (SELECT seq FROM tasks WHERE state = {state}"), []);
            if let Some(origin) = self.origin {
                query.push(" AND origin_id = ?", [origin.into()]);
            }
            if let Some(app_id) = self.app_id {
                // of the two, what has an origin is fewer
                let plus = if self.origin.is_some() && !postgres { "+" } else { "" };
                query.push(&format!(" AND {plus}app_id = ?"), [app_id.0.into()]);
            }
            query.push(" AND seq < ? AND seq >= ?", [seqs.end.into(), seqs.start.into()]);
            rest(query);
            query.push(&format!(") AS s{index}"), []);
        }
    }

    /// The other conditions, where a range of ids or names has been chosen: the plus signs keep SQLite, which knows nothing
    /// about how many rows each condition leaves, from choosing another index. PostgreSQL does know.
    fn push_rest(&self, query: &mut ListQuery, postgres: bool, seqs: Range<TaskSeq>) {
        let plus = if postgres { "" } else { "+" };
        let range = [seqs.end.into(), seqs.start.into()];
        query.push(&format!(" AND {plus}seq < ? AND {plus}seq >= ?"), range);
        if let Some(states) = &self.states {
            let states: Vec<String> = states.iter().map(i16::to_string).collect();
            query.push(&format!(" AND {plus}state IN ({})", states.join(", ")), []);
        }
        if let Some(app_id) = self.app_id {
            query.push(&format!(" AND {plus}app_id = ?"), [app_id.0.into()]);
        }
        if let Some(origin) = self.origin {
            query.push(&format!(" AND {plus}origin_id = ?"), [origin.into()]);
        }
        self.push_glob(query, postgres);
    }

    fn push_glob(&self, query: &mut ListQuery, postgres: bool) {
        if let Some(name) = &self.name {
            let (condition, pattern) = name.condition(postgres, "name");
            query.push(&format!(" AND {condition}"), [pattern.into()]);
        }
    }
}

impl ListQuery {
    fn push(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(sql);
        self.values.extend(values);
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::store::Store;

    /// Every combination of filters.
    fn combinations() -> Vec<Filters> {
        let mut all = Vec::new();
        for bits in 0..128u32 {
            let has = |bit: u32| bits & (1 << bit) != 0;
            let stage = has(0).then_some(Stage::Finished);
            let status = has(1).then_some(Status::Fail);
            let name = if has(2) { Some("nightly*") } else { has(3).then_some("*port") };
            let prefix = has(4).then_some("a1b2");
            let app_id = has(5).then(AppId::random);
            let origin = has(6).then(Uuid::new_v4);
            let mut filters = Filters::new((app_id, origin), name, (stage, status), prefix).unwrap().unwrap();
            filters.by_name = has(3);
            all.push(filters);
        }
        all
    }

    #[tokio::test]
    async fn sqlite_answers_every_filter_by_an_index() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("lp.db").display().to_string()).await.unwrap();

        let lists = combinations().into_iter().map(|filters| (filters.query(false, 0..100, 51), filters));
        for (ListQuery { sql, values }, filters) in lists {
            if filters.looks_at_names() {
                let ListQuery { sql, values } = filters.floor_query(false, 0..100, 1000);
                let statement = store.statement(format!("EXPLAIN QUERY PLAN {sql}"), values);
                for row in store.read.query_all_raw(statement).await.unwrap() {
                    let line: String = row.try_get("", "detail").unwrap();
                    assert!(
                        !line.contains("tasks")
                            || line.contains("USING COVERING INDEX")
                            || line.contains("tasks_origin"),
                        "{sql}\n{line}"
                    );
                }
            }
            let statement = store.statement(format!("EXPLAIN QUERY PLAN {sql}"), values);
            let rows = store.read.query_all_raw(statement).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
            let scans: Vec<&String> = plan
                .iter()
                .filter(|line| line.starts_with("SCAN tasks") || line.starts_with("SCAN t "))
                .collect();
            assert!(scans.is_empty(), "{sql}\n{plan:#?}");
            if filters.ids.is_some() {
                assert!(
                    plan.iter().any(|line| line.contains("(task_id>? AND task_id<?)")),
                    "{sql}\n{plan:#?}"
                );
            } else if filters.by_name && filters.name_range().is_some() {
                assert!(plan.iter().any(|line| line.contains("(name>? AND name<?)")), "{sql}\n{plan:#?}");
            } else if filters.origin.is_some() {
                assert!(
                    plan.iter().any(|line| line
                        .contains("INDEX tasks_origin (origin_id=? AND state=? AND seq>? AND seq<?)")),
                    "{sql}\n{plan:#?}"
                );
            } else if filters.app_id.is_some() {
                assert!(
                    plan.iter().any(|line| line
                        .contains("COVERING INDEX tasks_app (app_id=? AND state=? AND seq>? AND seq<?)")),
                    "{sql}\n{plan:#?}"
                );
            } else if filters.states.is_some() || filters.name.is_some() {
                assert!(plan.iter().any(|line| line.contains("COVERING INDEX tasks_state (state=? AND seq>? AND seq<?)")), "{sql}\n{plan:#?}");
            }
        }
    }
}
