//! The one way in which open rows are written.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};

use super::entity::{attempt, task};
use super::sql::{Insert, clean, execute_by_keys, placeholders};
use super::{Epoch, Result, Store};
use crate::core::record::{Changes, NewTask, TaskSeq};

const INSERT_INPUT: Insert<2> = Insert { table: "task_inputs", columns: ["task", "input"], tail: "" };

const INSERT_KEY: Insert<3> =
    Insert { table: "task_keys", columns: ["idempotency_key", "task", "fingerprint"], tail: "" };

impl Store {
    /// Writes all changes in one transaction, or none of them. Durable when it returns.
    ///
    /// # Errors
    /// `Deposed` where `epoch` leads no more; `Unavailable` where the database cannot take it now. After any error the rows may
    /// be what they were or, where the connection was lost in the last step, what they should be: load them anew.
    pub async fn commit(&self, epoch: Epoch, changes: &Changes) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let Changes { new_tasks, tasks, attempts, payloads, deleted } = changes;
        insert_tasks(&transaction, new_tasks).await?;
        task::UPDATE.execute(&transaction, tasks.values().map(task::values).collect()).await?;
        attempt::UPSERT.execute(&transaction, attempts.values().map(attempt::values).collect()).await?;
        let payloads = payloads.iter().filter_map(|(id, payload)| attempt::payload_values(*id, payload));
        attempt::UPSERT_PAYLOAD.execute(&transaction, payloads.collect()).await?;
        if !deleted.is_empty() {
            self.delete_tasks(&transaction, deleted).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn delete_tasks(&self, transaction: &DatabaseTransaction, tasks: &[TaskSeq]) -> Result<()> {
        // a number is never given out twice, even where the latest task goes
        let next = tasks.iter().max().map_or(1, |latest| latest + 1);
        let sql = "UPDATE counters SET value = ? WHERE name = 'next_task_seq' AND value < ?";
        let statement = self.statement(placeholders(self.backend, sql), [next.into(), next.into()]);
        transaction.execute_raw(statement).await?;

        let keys: Vec<[Value; 1]> = tasks.iter().map(|task| [(*task).into()]).collect();
        let sql = "INSERT INTO dead_blobs (blob_key) SELECT blob_key FROM log_segments WHERE task IN ({keys}) \
                   ON CONFLICT DO NOTHING";
        execute_by_keys(transaction, sql, &keys).await?;
        execute_by_keys(transaction, "DELETE FROM tasks WHERE seq IN ({keys})", &keys).await?;
        Ok(())
    }
}

async fn insert_tasks(transaction: &DatabaseTransaction, new_tasks: &[NewTask]) -> Result<()> {
    let mut rows = Vec::with_capacity(new_tasks.len());
    let mut inputs = Vec::new();
    let mut keys = Vec::new();
    for NewTask { record, input, key, fingerprint } in new_tasks {
        rows.push(task::values(record));
        if let Some(input) = input {
            inputs.push([record.seq.into(), input.get().to_owned().into()]);
        }
        if let Some(key) = key {
            let fingerprint = fingerprint.as_deref().unwrap_or_default();
            keys.push([clean(key).into(), record.seq.into(), clean(fingerprint).into()]);
        }
    }
    task::INSERT.execute(transaction, rows).await?;
    INSERT_INPUT.execute(transaction, inputs).await?;
    INSERT_KEY.execute(transaction, keys).await
}
