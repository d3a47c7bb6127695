//! Actions that tasks have made at run time, and what was done to tasks.

use std::collections::BTreeMap;

use lp_protocol::plan::{ActionPlan, Ordinal};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use serde_json::value::RawValue;

use super::entity::columns::{json, raw, time, to_micros, unsigned};
use super::sql::{Insert, clean, execute_by_keys, placeholders, select_by_keys};
use super::{Damage, Result, Store};
use crate::core::record::{ActionRecord, Changes, Deed, TaskSeq};

const UPSERT: Insert<4> = Insert {
    table: "task_actions",
    columns: ["task", "action", "plan", "input"],
    tail: "ON CONFLICT (task, action) DO UPDATE SET plan = excluded.plan, input = excluded.input",
};

const INSERT_DEED: Insert<4> =
    Insert { table: "task_deeds", columns: ["task", "at", "actor", "deed"], tail: "" };

/// Writes what a batch says of actions made at run time, and of deeds.
pub(super) async fn write(transaction: &DatabaseTransaction, changes: &Changes) -> Result<()> {
    if !changes.without_actions.is_empty() {
        let keys: Vec<[Value; 1]> = changes.without_actions.iter().map(|task| [(*task).into()]).collect();
        execute_by_keys(transaction, "DELETE FROM task_actions WHERE task IN ({keys})", &keys).await?;
    }
    let actions = changes.actions.iter().map(|((task, action), record)| {
        let ActionRecord { plan, input } = record;
        let plan = serde_json::to_string(plan).expect("a plan is plain data");
        let input = input.as_ref().map(|input| input.0.get().to_owned());
        [(*task).into(), i64::from(*action).into(), plan.into(), input.into()]
    });
    UPSERT.execute(transaction, actions.collect()).await?;
    let deeds = changes.deeds.iter().map(|Deed { task, at, by, what }| {
        let what = serde_json::to_string(what).expect("a deed is plain data");
        [(*task).into(), to_micros(*at).into(), clean(by).into(), what.into()]
    });
    INSERT_DEED.execute(transaction, deeds.collect()).await
}

/// A plan of an action made at run time, with its task.
pub(super) fn read(row: &QueryResult) -> Result<(TaskSeq, ActionPlan), Damage> {
    let plan: String = row.try_get("", "plan").map_err(Damage::Column)?;
    Ok((row.try_get("", "task").map_err(Damage::Column)?, json("plan", &plan)?))
}

/// How a row is called in messages.
pub(super) fn name(row: &QueryResult) -> String {
    let part =
        |column| row.try_get::<i64>("", column).map_or_else(|_| "?".to_owned(), |part| part.to_string());
    format!("{}/{}", part("task"), part("action"))
}

impl Store {
    /// The actions a task has made at run time, in the order of their ordinals.
    pub(super) async fn select_actions(
        &self,
        connection: &impl ConnectionTrait,
        task: TaskSeq,
    ) -> Result<Vec<ActionPlan>> {
        let sql = "SELECT task, action, plan FROM task_actions WHERE task = ? ORDER BY action";
        let statement = self.statement(placeholders(self.backend, sql), [task.into()]);
        let mut actions = Vec::new();
        for row in connection.query_all_raw(statement).await? {
            let (_, plan) = read(&row).map_err(|damage| damage.of("task_actions", name(&row)))?;
            actions.push(plan);
        }
        Ok(actions)
    }

    /// The same, by itself.
    pub async fn list_generated(&self, task: TaskSeq) -> Result<Vec<ActionPlan>> {
        self.select_actions(&self.read, task).await
    }

    /// What only these actions get; those without are left out.
    pub async fn load_action_inputs(
        &self,
        actions: &[(TaskSeq, Ordinal)],
    ) -> Result<BTreeMap<(TaskSeq, Ordinal), Box<RawValue>>> {
        let keys: Vec<[Value; 2]> =
            actions.iter().map(|(task, action)| [(*task).into(), i64::from(*action).into()]).collect();
        let sql = "SELECT task, action, input FROM task_actions WHERE (task, action) IN (VALUES {keys}) AND input IS NOT NULL";
        let mut inputs = BTreeMap::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let damaged = |damage: Damage| damage.of("task_actions", name(&row));
            let task: TaskSeq = row.try_get("", "task")?;
            let action = unsigned("action", row.try_get("", "action")?).map_err(damaged)?;
            inputs.insert((task, action), raw("input", row.try_get("", "input")?).map_err(damaged)?);
        }
        Ok(inputs)
    }

    /// What was done to a task, first to last.
    pub(super) async fn select_deeds(
        &self,
        connection: &impl ConnectionTrait,
        task: TaskSeq,
    ) -> Result<Vec<Deed>> {
        let sql = "SELECT at, actor, deed FROM task_deeds WHERE task = ? ORDER BY seq";
        let statement = self.statement(placeholders(self.backend, sql), [task.into()]);
        let mut deeds = Vec::new();
        for row in connection.query_all_raw(statement).await? {
            let deed = read_deed(&row, task);
            deeds.push(deed.map_err(|damage| damage.of("task_deeds", task))?);
        }
        Ok(deeds)
    }
}

fn read_deed(row: &QueryResult, task: TaskSeq) -> Result<Deed, Damage> {
    let what: String = row.try_get("", "deed").map_err(Damage::Column)?;
    let by: String = row.try_get("", "actor").map_err(Damage::Column)?;
    Ok(Deed {
        task,
        at: time("at", row.try_get("", "at").map_err(Damage::Column)?)?,
        by: by.into(),
        what: json("deed", &what)?,
    })
}
