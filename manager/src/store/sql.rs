//! Statements over many rows at once, in a few fixed sizes.
//!
//! A statement per row would cost a round trip per row; a statement of any length would be prepared anew each time, for prepared
//! statements are found by their text. So rows go in groups whose sizes are powers of two: a hundred rows are three statements that are
//! all prepared already, and the cache stays small. With at most [`LARGEST_GROUP`] rows of at most 20 columns every statement is far
//! below the limits of bind parameters (SQLite 32,766, PostgreSQL 65,535).

use std::fmt::Write;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use super::Result;

/// Rows per statement: from 64 on a row gets hardly cheaper (example `store_bench`), and each size holds memory in the statement cache.
const LARGEST_GROUP: usize = 64;

/// Inputs and outputs may be large, and a message to PostgreSQL ends at 1 GiB.
const LARGEST_STATEMENT_BYTES: usize = 32 << 20;

/// Keys per statement: a key is one or a few small parameters, and each statement is a round trip.
const LARGEST_GROUP_OF_KEYS: usize = 256;

/// One bulk insert: `INSERT INTO table (columns) VALUES ... tail`.
pub(super) struct Insert<const N: usize> {
    pub table: &'static str,
    pub columns: [&'static str; N],
    /// `ON CONFLICT ...`, or nothing.
    pub tail: &'static str,
}

impl<const N: usize> Insert<N> {
    /// Inserts all rows.
    pub(super) async fn execute(
        &self,
        connection: &impl ConnectionTrait,
        rows: Vec<[Value; N]>,
    ) -> Result<()> {
        let backend = connection.get_database_backend();
        let sizes = group_sizes(rows.iter().map(|row| row.iter().map(payload_bytes).sum()).collect());
        let mut rows = rows.into_iter();
        for size in sizes {
            let values = rows.by_ref().take(size).flatten();
            let statement = Statement::from_sql_and_values(backend, self.text(backend, size), values);
            connection.execute_raw(statement).await?;
        }
        Ok(())
    }

    fn text(&self, backend: DbBackend, rows: usize) -> String {
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        push_tuples(&mut sql, backend, rows, N);
        sql.push(' ');
        sql.push_str(self.tail);
        sql
    }
}

/// Cuts rows of so many bytes into groups: powers of two, at most [`LARGEST_GROUP`] rows and, but for single rows, at
/// most [`LARGEST_STATEMENT_BYTES`].
fn group_sizes(row_bytes: Vec<usize>) -> Vec<usize> {
    let mut rest = &row_bytes[..];
    let mut sizes = Vec::new();
    while !rest.is_empty() {
        let mut size = (1 << rest.len().ilog2()).min(LARGEST_GROUP);
        while size > 1 && rest[..size].iter().sum::<usize>() > LARGEST_STATEMENT_BYTES {
            size /= 2;
        }
        sizes.push(size);
        rest = &rest[size..];
    }
    sizes
}

fn payload_bytes(value: &Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        _ => 0,
    }
}

/// Appends `(?, ?), (?, ?)` or `($1, $2), ($3, $4)`.
fn push_tuples(sql: &mut String, backend: DbBackend, rows: usize, columns: usize) {
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                sql.push_str(", ");
            }
            number += 1;
            push_parameter(sql, backend, number);
        }
        sql.push(')');
    }
}

/// Appends the placeholder of the parameter with this number, counted from 1.
fn push_parameter(sql: &mut String, backend: DbBackend, number: usize) {
    match backend {
        DbBackend::Postgres => {
            write!(sql, "${number}").expect("writing to a string");
        }
        _ => sql.push('?'),
    }
}

/// Runs `sql` for all keys, a group at a time, with `{keys}` in it replaced by `(?, ?), (?, ?)`; a short group repeats its last key.
pub(super) async fn select_by_keys<const N: usize>(
    connection: &impl ConnectionTrait,
    sql: &str,
    keys: &[[Value; N]],
) -> Result<Vec<QueryResult>> {
    let backend = connection.get_database_backend();
    let mut found = Vec::new();
    for group in keys.chunks(LARGEST_GROUP_OF_KEYS) {
        found.extend(connection.query_all_raw(keys_statement(backend, sql, group)).await?);
    }
    Ok(found)
}

/// Runs `sql` for all keys like [`select_by_keys`]; returns the number of rows it changed.
pub(super) async fn execute_by_keys<const N: usize>(
    connection: &impl ConnectionTrait,
    sql: &str,
    keys: &[[Value; N]],
) -> Result<u64> {
    let backend = connection.get_database_backend();
    let mut changed = 0;
    for group in keys.chunks(LARGEST_GROUP_OF_KEYS) {
        changed += connection.execute_raw(keys_statement(backend, sql, group)).await?.rows_affected();
    }
    Ok(changed)
}

fn keys_statement<const N: usize>(backend: DbBackend, sql: &str, group: &[[Value; N]]) -> Statement {
    let size = group.len().next_power_of_two();
    let mut tuples = String::new();
    push_tuples(&mut tuples, backend, size, N);
    let last = group.last().into_iter().cycle();
    let values: Vec<Value> = group.iter().chain(last).take(size).flatten().cloned().collect();
    Statement::from_sql_and_values(backend, sql.replace("{keys}", &tuples), values)
}

/// Replaces each `?` of `sql` by the backend's placeholder. Only for our own texts, none of which has a `?` in a literal.
pub(super) fn placeholders(backend: DbBackend, sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut number = 0;
    for (index, part) in sql.split('?').enumerate() {
        if index > 0 {
            number += 1;
            push_parameter(&mut text, backend, number);
        }
        text.push_str(part);
    }
    text
}

/// Text as both backends can store it: PostgreSQL refuses the character NUL, and one such character in a program's error must
/// not make every later commit fail.
pub(super) fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: Insert<2> = Insert { table: "t", columns: ["a", "b"], tail: "ON CONFLICT DO NOTHING" };

    #[test]
    fn each_backend_gets_its_own_placeholders() {
        assert_eq!(
            PAIRS.text(DbBackend::Sqlite, 2),
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            PAIRS.text(DbBackend::Postgres, 2),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"
        );
        assert_eq!(placeholders(DbBackend::Postgres, "a = ? AND b = ?"), "a = $1 AND b = $2");
    }

    #[test]
    fn groups_are_powers_of_two() {
        let sizes = |rows: usize| group_sizes(vec![0; rows]);

        assert!(sizes(0).is_empty());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(7), [4, 2, 1]);
        assert_eq!(sizes(100), [64, 32, 4]);
        assert_eq!(sizes(130), [64, 64, 2]);
    }

    #[test]
    fn large_rows_go_in_small_groups() {
        let half = LARGEST_STATEMENT_BYTES / 2;

        assert_eq!(group_sizes(vec![half, half, half, 2 * half, 4 * half, 0]), [2, 1, 1, 1, 1]);
    }

    #[test]
    fn a_short_group_of_keys_repeats_its_last_key() {
        let keys = [1, 2, 3].map(|key: i64| [Value::from(key)]);

        let statement = keys_statement(DbBackend::Sqlite, "x IN ({keys})", &keys);

        assert_eq!(statement.sql, "x IN ((?), (?), (?), (?))");
        let values = statement.values.unwrap().0;
        assert_eq!(values, [1i64, 2, 3, 3].map(Value::from));
    }
}
