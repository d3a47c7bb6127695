//! Logs of finished attempts: whole in a row where they are small, otherwise segments in the blob store that follow one another without a gap.
//!
//! A segment may be told twice (the node did not hear the answer), but none is left out and none overlaps another: a reader
//! of the rows sees the log from its beginning to wherever it has got. Blobs nobody refers to any more are remembered in `dead_blobs`
//! by the transaction that forgot them, until somebody has removed them from the blob store.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};

use super::entity::attempt::key;
use super::entity::columns::{to_signed, unsigned};
use super::sql::{execute_by_keys, placeholders};
use super::{Epoch, Error, Result, Store};
use crate::core::record::AttemptId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub offset: u64,
    pub size_bytes: u64,
    pub blob_key: String,
    /// The log ends with it.
    pub is_last: bool,
}

impl Store {
    /// The whole log where it came with the finish report.
    pub async fn load_log(&self, attempt: AttemptId) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT log FROM attempt_payloads WHERE task = ? AND action = ? AND number = ?";
        let row =
            self.read.query_one_raw(self.statement(placeholders(self.backend, sql), key(attempt))).await?;
        let log: Option<Option<Vec<u8>>> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(log.flatten())
    }

    /// When the log was written, as [`lp_protocol::marks::Marks`] are written; None where that is not known.
    pub async fn load_log_times(&self, attempt: AttemptId) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT log_times FROM attempt_payloads WHERE task = ? AND action = ? AND number = ?";
        let row =
            self.read.query_one_raw(self.statement(placeholders(self.backend, sql), key(attempt))).await?;
        let times: Option<Option<Vec<u8>>> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(times.flatten())
    }

    /// Appends a segment and returns the offset at which the next one has to begin. The blob must be stored already.
    ///
    /// # Errors
    /// `WrongOffset` where it would leave a gap or overlap; `NotFound` where there is no such attempt.
    pub async fn append_segment(&self, epoch: Epoch, attempt: AttemptId, segment: &Segment) -> Result<u64> {
        let transaction = self.begin(epoch).await?;
        let next = self.append_segment_in(&transaction, attempt, segment).await;
        match next {
            Ok(_) => transaction.commit().await?,
            Err(_) => transaction.rollback().await?,
        }
        next
    }

    /// The segments of an attempt's log, first to last.
    pub async fn load_segments(&self, attempt: AttemptId) -> Result<Vec<Segment>> {
        self.select_segments(&self.read, attempt, "ORDER BY start_offset").await
    }

    /// Some blobs that nothing refers to any more. They are named again until [`Store::forget_dead_blobs`] is called with them.
    pub async fn take_dead_blobs(&self, limit: u32) -> Result<Vec<String>> {
        let sql = format!("SELECT blob_key FROM dead_blobs LIMIT {limit}");
        let mut keys = Vec::new();
        for row in self.read.query_all_raw(self.statement(sql, [])).await? {
            keys.push(row.try_get_by_index(0)?);
        }
        Ok(keys)
    }

    /// These blobs have been removed from the blob store.
    pub async fn forget_dead_blobs(&self, blob_keys: &[String]) -> Result<()> {
        let keys: Vec<[Value; 1]> = blob_keys.iter().map(|key| [key.as_str().into()]).collect();
        execute_by_keys(&self.write, "DELETE FROM dead_blobs WHERE blob_key IN ({keys})", &keys).await?;
        Ok(())
    }

    async fn append_segment_in(
        &self,
        transaction: &DatabaseTransaction,
        attempt: AttemptId,
        segment: &Segment,
    ) -> Result<u64> {
        // the lock keeps two requests for the same attempt apart; SQLite has one writer anyway
        let lock = if self.is_postgres() { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT 1 FROM attempts WHERE task = ? AND action = ? AND number = ?{lock}");
        let found =
            transaction.query_one_raw(self.statement(placeholders(self.backend, &sql), key(attempt))).await?;
        if found.is_none() {
            let AttemptId { task, action, number } = attempt;
            return Err(Error::not_found("attempt", format!("{task}/{action}/{number}")));
        }
        let Segment { offset, size_bytes, blob_key, is_last } = segment;
        // not all of them: a log that grows for a month has many
        let last =
            self.select_segments(transaction, attempt, "ORDER BY start_offset DESC LIMIT 1").await?.pop();
        let next = last.as_ref().map_or(0, |last| last.offset + last.size_bytes);
        if *offset < next {
            let same = format!("AND start_offset = {}", to_signed(*offset));
            match self.select_segments(transaction, attempt, &same).await?.pop() {
                Some(known) if known.size_bytes == *size_bytes => {
                    if known.blob_key != *blob_key {
                        self.bury(transaction, blob_key).await?;
                    }
                    return Ok(next);
                }
                _ => return Err(Error::WrongOffset { next }),
            }
        }
        if *offset > next || last.is_some_and(|last| last.is_last) {
            return Err(Error::WrongOffset { next });
        }
        let [task, action, number] = key(attempt);
        let sql = "INSERT INTO log_segments (task, action, number, start_offset, size_bytes, blob_key, is_last) \
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        let values = [
            task,
            action,
            number,
            to_signed(*offset).into(),
            to_signed(*size_bytes).into(),
            blob_key.as_str().into(),
            (*is_last).into(),
        ];
        transaction.execute_raw(self.statement(placeholders(self.backend, sql), values)).await?;
        Ok(next.saturating_add(*size_bytes))
    }

    async fn select_segments(
        &self,
        connection: &impl ConnectionTrait,
        attempt: AttemptId,
        tail: &str,
    ) -> Result<Vec<Segment>> {
        let sql = format!(
            "SELECT start_offset, size_bytes, blob_key, is_last FROM log_segments \
             WHERE task = ? AND action = ? AND number = ? {tail}"
        );
        let statement = self.statement(placeholders(self.backend, &sql), key(attempt));
        let mut segments = Vec::new();
        for row in connection.query_all_raw(statement).await? {
            let number = |column, index| -> Result<u64> {
                let number = row.try_get_by_index::<i64>(index)?;
                unsigned(column, number).map_err(|damage| damage.of("log_segments", format!("{attempt:?}")))
            };
            segments.push(Segment {
                offset: number("start_offset", 0)?,
                size_bytes: number("size_bytes", 1)?,
                blob_key: row.try_get_by_index(2)?,
                is_last: row.try_get_by_index(3)?,
            });
        }
        Ok(segments)
    }

    async fn bury(&self, transaction: &DatabaseTransaction, blob_key: &str) -> Result<()> {
        let sql = "INSERT INTO dead_blobs (blob_key) VALUES (?) ON CONFLICT DO NOTHING";
        transaction.execute_raw(self.statement(placeholders(self.backend, sql), [blob_key.into()])).await?;
        Ok(())
    }
}
