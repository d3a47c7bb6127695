//! What assignments are made of: inputs of tasks and outputs of finished actions, many in one query.

use std::collections::BTreeMap;

use lp_protocol::plan::Ordinal;
use sea_orm::{ConnectionTrait as _, QueryResult, Value};
use serde_json::value::RawValue;

use super::entity::attempt;
use super::entity::columns::{raw, unsigned};
use super::sql::{placeholders, select_by_keys};
use super::{Result, Store};
use crate::core::record::{AttemptId, TaskSeq};

impl Store {
    /// The inputs of these tasks; None for a task that has none (which means `{}`) or is not there.
    pub async fn load_inputs(&self, tasks: &[TaskSeq]) -> Result<BTreeMap<TaskSeq, Option<Box<RawValue>>>> {
        let mut inputs: BTreeMap<TaskSeq, Option<Box<RawValue>>> =
            tasks.iter().map(|task| (*task, None)).collect();
        let keys: Vec<[Value; 1]> = inputs.keys().map(|task| [(*task).into()]).collect();
        let sql = "SELECT task, input FROM task_inputs WHERE task IN ({keys})";
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let task: TaskSeq = row.try_get_by_index(0)?;
            let input =
                raw("input", row.try_get_by_index(1)?).map_err(|damage| damage.of("task_inputs", task))?;
            inputs.insert(task, Some(input));
        }
        Ok(inputs)
    }

    /// What the successful attempts of these actions left in that run; None for one that left nothing or did not succeed.
    pub async fn load_outputs(
        &self,
        actions: &[(TaskSeq, u32, Ordinal)],
    ) -> Result<BTreeMap<(TaskSeq, Ordinal), Option<Box<RawValue>>>> {
        let mut outputs: BTreeMap<_, _> =
            actions.iter().map(|(task, _, action)| ((*task, *action), None)).collect();
        let keys: Vec<[Value; 3]> = actions
            .iter()
            .map(|(task, run, action)| [(*task).into(), i64::from(*run).into(), i64::from(*action).into()])
            .collect();
        // CROSS JOIN: SQLite then takes the tables in this order, by their primary keys
        let sql = "SELECT p.task, p.action, p.output FROM (VALUES {keys}) AS k \
                   CROSS JOIN attempts a CROSS JOIN attempt_payloads p \
                   WHERE a.task = k.column1 AND a.action = k.column3 AND a.counts_in = k.column2 AND a.status = 'success' \
                   AND p.task = a.task AND p.action = a.action AND p.number = a.number AND p.output IS NOT NULL";
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let (key, output) = read_output(&row)?;
            outputs.insert(key, Some(output));
        }
        Ok(outputs)
    }
}

/// Read at once: a few dozen are enough to fill a page, and of large ones this is memory for a moment.
const OUTPUTS_AT_ONCE: u32 = 32;

impl Store {
    /// What attempts of a task have left, ascending by id, some of those after the given one; empty at the end.
    pub async fn list_outputs(
        &self,
        task: TaskSeq,
        after: Option<AttemptId>,
    ) -> Result<Vec<(AttemptId, Box<RawValue>)>> {
        let after = after.map_or([-1, -1], |id| [i64::from(id.action), i64::from(id.number)]);
        let sql = format!(
            "SELECT action, number, output FROM attempt_payloads WHERE task = ? AND (action, number) > (?, ?) AND output IS NOT NULL \
             ORDER BY action, number LIMIT {OUTPUTS_AT_ONCE}"
        );
        let values = [task.into(), after[0].into(), after[1].into()];
        let mut outputs = Vec::new();
        for row in self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await? {
            let (action, number): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let damaged =
                |damage: super::Damage| damage.of("attempt_payloads", format!("{task}/{action}/{number}"));
            let id = AttemptId {
                task,
                action: unsigned("action", action).map_err(damaged)?,
                number: unsigned("number", number).map_err(damaged)?,
            };
            outputs.push((id, raw("output", row.try_get_by_index(2)?).map_err(damaged)?));
        }
        Ok(outputs)
    }

    /// What an attempt has left, if anything.
    pub async fn find_output(&self, id: AttemptId) -> Result<Option<Box<RawValue>>> {
        let sql = "SELECT task, action, output FROM attempt_payloads WHERE task = ? AND action = ? AND number = ? AND output IS NOT NULL";
        let statement = self.statement(placeholders(self.backend, sql), attempt::key(id));
        let row = self.read.query_one_raw(statement).await?;
        row.map(|row| Ok(read_output(&row)?.1)).transpose()
    }
}

fn read_output(row: &QueryResult) -> Result<((TaskSeq, Ordinal), Box<RawValue>)> {
    let (task, action): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let damaged = |damage: super::Damage| damage.of("attempt_payloads", format!("{task}/{action}"));
    let output = raw("output", row.try_get_by_index(2)?).map_err(damaged)?;
    Ok(((task, unsigned("action", action).map_err(damaged)?), output))
}
