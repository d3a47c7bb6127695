//! The leader's lease: one row, and an epoch that grows with every change of hands.
//!
//! Every write of open rows names the epoch it belongs to and is refused once the row holds another one, so a leader that
//! was paused, cut off or replaced cannot write. Time is the database's on PostgreSQL, where managers on several machines compare it, and
//! this machine's on SQLite, where there is only one.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::sql::placeholders;
use super::{Error, Result, Store};

/// Number of a leadership. Grows with each one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub i64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    Mine(Epoch),
    Held { holder: String, address: String, remaining: Duration },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    pub holder: String,
    pub address: String,
}

/// The row as it is now.
struct Row {
    epoch: i64,
    holder: String,
    address: String,
    /// Zero where it has expired.
    remaining: Duration,
}

impl Store {
    /// Takes the lease for `ttl` if it is free, has expired, or is the same holder's already.
    pub async fn acquire_lease(&self, holder: &str, address: &str, ttl: Duration) -> Result<Lease> {
        let transaction = self.begin_unguarded().await?;
        // one at a time: on PostgreSQL the row is locked, on SQLite the database already is
        let lock = if self.is_postgres() { " FOR UPDATE" } else { "" };
        let row = self.load_lease(&transaction, lock).await?;
        if row.holder != holder && !row.remaining.is_zero() {
            transaction.rollback().await?;
            return Ok(Lease::Held { holder: row.holder, address: row.address, remaining: row.remaining });
        }
        let epoch = row.epoch + 1;
        let sql = "UPDATE lease SET epoch = ?, holder = ?, address = ?, expire_at = ? WHERE id = 1";
        let expire_at = self.load_now(&transaction).await? + micros(ttl);
        let values = [epoch.into(), holder.into(), address.into(), expire_at.into()];
        transaction.execute_raw(self.statement(placeholders(self.backend, sql), values)).await?;
        transaction.commit().await?;
        Ok(Lease::Mine(Epoch(epoch)))
    }

    /// Keeps the lease for `ttl` from now. It may have expired, as long as nobody else has taken it.
    ///
    /// # Errors
    /// `Deposed` where somebody has.
    pub async fn renew_lease(&self, epoch: Epoch, ttl: Duration) -> Result<()> {
        let transaction = self.begin_unguarded().await?;
        let expire_at = self.load_now(&transaction).await? + micros(ttl);
        let sql = "UPDATE lease SET expire_at = ? WHERE id = 1 AND epoch = ?";
        let statement = self.statement(placeholders(self.backend, sql), [expire_at.into(), epoch.0.into()]);
        let changed = transaction.execute_raw(statement).await?.rows_affected();
        transaction.commit().await?;
        if changed == 0 { Err(Error::Deposed) } else { Ok(()) }
    }

    /// Gives the lease up, so that another manager can take it at once. The epoch ends with it.
    pub async fn release_lease(&self, epoch: Epoch) -> Result<()> {
        let sql = "UPDATE lease SET epoch = epoch + 1, holder = '', address = '', expire_at = 0 WHERE id = 1 AND epoch = ?";
        let statement = self.statement(placeholders(self.backend, sql), [epoch.0.into()]);
        let changed = self.write.execute_raw(statement).await?.rows_affected();
        if changed == 0 { Err(Error::Deposed) } else { Ok(()) }
    }

    /// Who leads, if the lease has not expired.
    pub async fn find_leader(&self) -> Result<Option<Leader>> {
        let transaction = self.begin_snapshot().await?;
        let row = self.load_lease(&transaction, "").await?;
        transaction.rollback().await?;
        let Row { epoch: _, holder, address, remaining } = row;
        Ok((!remaining.is_zero()).then_some(Leader { holder, address }))
    }

    async fn load_lease(&self, transaction: &DatabaseTransaction, lock: &str) -> Result<Row> {
        let sql = format!("SELECT epoch, holder, address, expire_at FROM lease WHERE id = 1{lock}");
        let row = transaction.query_one_raw(self.statement(sql, [])).await?;
        let row = row.ok_or_else(|| super::Damage::Dangling("lease").of("lease", 1))?;
        // after the lock was got: waiting for it takes time
        let now = self.load_now(transaction).await?;
        let remaining: i64 = row.try_get_by_index::<i64>(3)? - now;
        Ok(Row {
            epoch: row.try_get_by_index(0)?,
            holder: row.try_get_by_index(1)?,
            address: row.try_get_by_index(2)?,
            remaining: Duration::from_micros(u64::try_from(remaining).unwrap_or(0)),
        })
    }

    /// Microseconds since 1970 on the clock that all managers share.
    async fn load_now(&self, transaction: &DatabaseTransaction) -> Result<i64> {
        if !self.is_postgres() {
            return Ok(chrono::Utc::now().timestamp_micros());
        }
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        let row = transaction.query_one_raw(self.statement(sql, [])).await?;
        let row = row.ok_or_else(|| super::Damage::Dangling("clock").of("lease", 1))?;
        Ok(row.try_get_by_index(0)?)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}
