//! The one way in which open rows are written.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};

use super::cluster;
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
        let Changes {
            new_tasks,
            tasks,
            attempts,
            payloads,
            actions: _,
            without_actions: _,
            deeds: _,
            new_works: _,
            works: _,
            deleted_works: _,
            deleted,
            standing,
            targets,
            drains,
            removed_nodes,
            unwanted,
            builds: _,
            build_logs: _,
            deleted_builds: _,
        } = changes;
        insert_tasks(&transaction, new_tasks).await?;
        task::UPDATE.execute(&transaction, tasks.values().map(task::values).collect()).await?;
        attempt::UPSERT.execute(&transaction, attempts.values().map(attempt::values).collect()).await?;
        let payloads = payloads.iter().filter_map(|(id, payload)| attempt::payload_values(*id, payload));
        attempt::UPSERT_PAYLOAD.execute(&transaction, payloads.collect()).await?;
        cluster::write_targets(&transaction, targets).await?;
        cluster::write_drains(&transaction, drains).await?;
        cluster::write_unwanted(&transaction, unwanted).await?;
        cluster::remove_nodes(&transaction, removed_nodes).await?;
        super::actions::write(&transaction, changes).await?;
        if !deleted.is_empty() {
            self.delete_tasks(&transaction, deleted).await?;
        }
        if !standing.is_empty() {
            self.commit_standing(&transaction, standing).await?;
        }
        super::works::write(&transaction, changes).await?;
        super::builds::write(&transaction, changes).await?;
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

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::store::{Error, Lease};

    /// A key that takes more room than is left.
    fn large_task(seq: TaskSeq) -> NewTask {
        let now = chrono::DateTime::UNIX_EPOCH;
        let record = crate::core::record::TaskRecord {
            seq,
            task_id: lp_protocol::TaskId::random(),
            name: "x".repeat(100_000).into(),
            app_id: lp_protocol::AppId::random(),
            version_id: 1,
            origin: None,
            priority: 0,
            run: 1,
            stage: lp_protocol::Stage::Finished,
            status: None,
            reason: None,
            create_at: now,
            start_at: None,
            end_at: None,
            stop: None,
        };
        NewTask { record, input: None, key: None, fingerprint: None }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_commits_and_takes_them_again_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("lp.db").display().to_string()).await.unwrap();
        let lease = store.acquire_lease("test", "", std::time::Duration::from_secs(30)).await.unwrap();
        let Lease::Mine(epoch) = lease else { panic!("{lease:?}") };
        let changes = |seq| Changes { new_tasks: vec![large_task(seq)], ..Changes::default() };
        store.commit(epoch, &changes(1)).await.unwrap();

        store.write.execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        for _ in 0..3 {
            let refused = store.commit(epoch, &changes(2)).await;
            assert!(
                matches!(refused, Err(Error::Unavailable { reason: "has no space left", .. })),
                "{refused:?}"
            );
        }
        assert_eq!(store.load_open().await.unwrap().next_seq, 2);
        store.renew_lease(epoch, std::time::Duration::from_secs(30)).await.unwrap();

        store.write.execute_unprepared("PRAGMA max_page_count = 1000000").await.unwrap();
        store.commit(epoch, &changes(2)).await.unwrap();
        assert_eq!(store.load_open().await.unwrap().next_seq, 3);
    }
}
