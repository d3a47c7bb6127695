//! What the core decides about nodes, as rows: drains, removals, the workspaces they are to delete; and where the actions of one task may run.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use lp_protocol::{AttemptKey, NodeId, TaskId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use uuid::Uuid;

use super::entity::attempt;
use super::entity::columns::{time, time_opt, to_micros, unsigned};
use super::sql::{Insert, clean, execute_by_keys, placeholders, select_by_keys};
use super::{Damage, Epoch, Result, Store};
use crate::core::record::{Drain, Open, TaskSeq, Unwanted};

const INSERT_TARGETS: Insert<2> = Insert { table: "task_targets", columns: ["task", "target_env"], tail: "" };

const INSERT_UNWANTED: Insert<4> = Insert {
    table: "unwanted_workspaces",
    columns: ["node_id", "task_id", "action", "number"],
    tail: "ON CONFLICT DO NOTHING",
};

pub(super) async fn write_targets(
    transaction: &DatabaseTransaction,
    targets: &BTreeMap<TaskSeq, Box<str>>,
) -> Result<()> {
    let rows = targets.iter().map(|(task, text)| [(*task).into(), clean(text).into()]);
    INSERT_TARGETS.execute(transaction, rows.collect()).await
}

pub(super) async fn write_drains(
    transaction: &DatabaseTransaction,
    drains: &BTreeMap<NodeId, Option<Drain>>,
) -> Result<()> {
    let backend = transaction.get_database_backend();
    let sql = placeholders(backend, "UPDATE nodes SET drain_at = ?, drain_deadline = ? WHERE node_id = ?");
    for (node_id, drain) in drains {
        let since = drain.map(|drain| to_micros(drain.since));
        let deadline = drain.and_then(|drain| drain.deadline).map(to_micros);
        let values: [Value; 3] = [since.into(), deadline.into(), node_id.0.into()];
        let statement = sea_orm::Statement::from_sql_and_values(backend, sql.as_str(), values);
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}

/// Notes the deletions that nodes owe; those of nodes that are gone, with their disks, nobody will ever confirm.
pub(super) async fn write_unwanted(transaction: &DatabaseTransaction, unwanted: &[Unwanted]) -> Result<()> {
    if unwanted.is_empty() {
        return Ok(());
    }
    let rows = unwanted.iter().map(|Unwanted { node_id, id: _, key }| unwanted_row(*node_id, key));
    INSERT_UNWANTED.execute(transaction, rows.collect()).await?;
    let nodes: BTreeSet<NodeId> = unwanted.iter().map(|unwanted| unwanted.node_id).collect();
    let keys: Vec<[Value; 1]> = nodes.iter().map(|node_id| [node_id.0.into()]).collect();
    let sql = "DELETE FROM unwanted_workspaces WHERE node_id IN ({keys}) \
               AND node_id NOT IN (SELECT node_id FROM nodes)";
    execute_by_keys(transaction, sql, &keys).await?;
    let keys: Vec<[Value; 3]> = unwanted.iter().map(|unwanted| attempt::key(unwanted.id)).collect();
    let sql = "UPDATE attempts SET workspace_deleted = 1 WHERE (task, action, number) IN (VALUES {keys})";
    execute_by_keys(transaction, sql, &keys).await?;
    Ok(())
}

pub(super) async fn remove_nodes(transaction: &DatabaseTransaction, nodes: &[NodeId]) -> Result<()> {
    let keys: Vec<[Value; 1]> = nodes.iter().map(|node_id| [node_id.0.into()]).collect();
    for sql in [
        "DELETE FROM unwanted_workspaces WHERE node_id IN ({keys})",
        "DELETE FROM nodes WHERE node_id IN ({keys})",
    ] {
        execute_by_keys(transaction, sql, &keys).await?;
    }
    Ok(())
}

fn unwanted_row(node_id: NodeId, key: &AttemptKey) -> [Value; 4] {
    let AttemptKey { task_id, action, attempt } = key;
    [node_id.0.into(), task_id.0.into(), clean(action).into(), i64::from(*attempt).into()]
}

impl Store {
    /// The `target_env` of finished tasks that are opened again, where they have one.
    pub async fn load_targets(&self, tasks: &[TaskSeq]) -> Result<BTreeMap<TaskSeq, Box<str>>> {
        let keys: Vec<[Value; 1]> = tasks.iter().map(|task| [(*task).into()]).collect();
        let sql = "SELECT task, target_env FROM task_targets WHERE task IN ({keys})";
        let mut targets = BTreeMap::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            targets.insert(row.try_get_by_index(0)?, row.try_get_by_index::<String>(1)?.into());
        }
        Ok(targets)
    }

    /// Adds what [`Open`] has of nodes and targets.
    pub(super) async fn load_cluster(
        &self,
        transaction: &DatabaseTransaction,
        open: &mut Open,
    ) -> Result<()> {
        let sql = "SELECT g.task, g.target_env FROM task_targets g JOIN tasks t ON t.seq = g.task \
                   WHERE t.state IN (1, 2, 3)";
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            open.targets.insert(row.try_get_by_index(0)?, row.try_get_by_index::<String>(1)?.into());
        }
        let sql = "SELECT node_id, drain_at, drain_deadline FROM nodes WHERE drain_at IS NOT NULL";
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            let node_id = NodeId(row.try_get_by_index::<Uuid>(0)?);
            match drain(row.try_get_by_index(1)?, row.try_get_by_index(2)?) {
                Ok(Some(drain)) => drop(open.drains.insert(node_id, drain)),
                Ok(None) => {}
                Err(damage) => open.corrupt.push(format!("nodes {node_id}: {damage}")),
            }
        }
        Ok(())
    }

    /// Workspaces a node is still to delete, in the order of their keys, after `after`.
    pub async fn list_unwanted(
        &self,
        node_id: NodeId,
        after: Option<&AttemptKey>,
        limit: u32,
    ) -> Result<Vec<AttemptKey>> {
        let mut values: Vec<Value> = vec![node_id.0.into()];
        let mut condition = "";
        if let Some(AttemptKey { task_id, action, attempt }) = after {
            condition = " AND (task_id, action, number) > (?, ?, ?)";
            values.extend([task_id.0.into(), action.as_str().into(), i64::from(*attempt).into()]);
        }
        let sql = format!(
            "SELECT task_id, action, number FROM unwanted_workspaces WHERE node_id = ?{condition} \
             ORDER BY task_id, action, number LIMIT {limit}"
        );
        let statement = self.statement(placeholders(self.backend, &sql), values);
        let mut keys = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let attempt = unsigned("number", row.try_get_by_index::<i64>(2)?)
                .map_err(|damage| damage.of("unwanted_workspaces", node_id))?;
            keys.push(AttemptKey {
                task_id: TaskId(row.try_get_by_index::<Uuid>(0)?),
                action: row.try_get_by_index(1)?,
                attempt,
            });
        }
        Ok(keys)
    }

    /// Forgets deletions that the node has confirmed.
    pub async fn forget_unwanted(&self, epoch: Epoch, node_id: NodeId, keys: &[AttemptKey]) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let keys: Vec<[Value; 4]> = keys.iter().map(|key| unwanted_row(node_id, key)).collect();
        let sql =
            "DELETE FROM unwanted_workspaces WHERE (node_id, task_id, action, number) IN (VALUES {keys})";
        execute_by_keys(&transaction, sql, &keys).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// A drain as its two columns tell it.
pub(super) fn drain(since: Option<i64>, deadline: Option<i64>) -> Result<Option<Drain>, Damage> {
    let since: Option<DateTime<Utc>> = time_opt("drain_at", since)?;
    let deadline = deadline.map(|deadline| time("drain_deadline", deadline)).transpose()?;
    Ok(since.map(|since| Drain { since, deadline }))
}
