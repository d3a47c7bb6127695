//! The numbers of versions within their package, and the order in which versions became active.
//!
//! A number is given once: `packages.last_number` is the highest ever given, whatever was deleted since. Moments of activation grow
//! within a package even where the clock was set back, so that "the one before" is always the one that was active before.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};
use uuid::Uuid;

use crate::store::entity::columns::to_micros;
use crate::store::sql::placeholders;
use crate::store::{Error, Result};

/// Gives out the next number. Versions that a program before the numbers has added meanwhile get theirs first.
pub(super) async fn next(transaction: &DatabaseTransaction, package_id: Uuid) -> Result<i64> {
    // also locks the package's row, so that nobody else numbers its versions now
    let raise = "UPDATE packages SET last_number = last_number + 1 WHERE package_id = ?";
    let last = "SELECT last_number FROM packages WHERE package_id = ?";
    execute(transaction, raise, [package_id.into()]).await?;
    let mut number = read_number(transaction, last, package_id).await?;
    let stragglers =
        "SELECT version_id FROM versions WHERE package_id = ? AND number = 0 ORDER BY version_id";
    for row in transaction.query_all_raw(statement(transaction, stragglers, [package_id.into()])).await? {
        let version: i64 = row.try_get_by_index(0)?;
        let sql = "UPDATE versions SET number = ? WHERE version_id = ?";
        execute(transaction, sql, [number.into(), version.into()]).await?;
        execute(transaction, raise, [package_id.into()]).await?;
        number = read_number(transaction, last, package_id).await?;
    }
    Ok(number)
}

/// The moment to note for a version that becomes active now.
pub(super) async fn activation(
    transaction: &DatabaseTransaction,
    package_id: Uuid,
    now: DateTime<Utc>,
) -> Result<i64> {
    let sql = "SELECT COALESCE(MAX(COALESCE(activate_at, create_at)), 0) FROM versions WHERE package_id = ?";
    let latest = read_number(transaction, sql, package_id).await?;
    Ok(to_micros(now).max(latest + 1))
}

async fn read_number(transaction: &DatabaseTransaction, sql: &str, package_id: Uuid) -> Result<i64> {
    let row = transaction.query_one_raw(statement(transaction, sql, [package_id.into()])).await?;
    let row = row.ok_or_else(|| Error::not_found("package", package_id))?;
    Ok(row.try_get_by_index(0)?)
}

async fn execute<const N: usize>(
    transaction: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> Result<()> {
    transaction.execute_raw(statement(transaction, sql, values)).await?;
    Ok(())
}

fn statement<const N: usize>(transaction: &DatabaseTransaction, sql: &str, values: [Value; N]) -> Statement {
    let backend = transaction.get_database_backend();
    Statement::from_sql_and_values(backend, placeholders(backend, sql), values)
}
