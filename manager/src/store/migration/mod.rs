//! The schema, version by version.
//!
//! All pending steps run in one transaction in which nobody else can migrate: two managers that start together do not
//! create the same table twice, and a crash in the middle leaves the old schema. A step must leave rows that the program
//! before it can still read and write (expand, move, contract), for an old leader may still be at work.

mod m0001_spine;
mod m0002_origins;
mod m0003_schedules;
mod m0004_services;
mod m0005_works;
mod m0006_retention;
mod m0007_nodes;
mod m0008_runs;
mod m0009_scheduled_works;
mod m0010_health;
mod m0012_builds;
mod m0013_usage;
mod m0014_tokens;
mod m0015_log_times;

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use super::{Result, Store};

/// Any number that no other program on the same server locks: "lp" and the year.
const POSTGRES_LOCK: i64 = 0x6c70_2026;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_spine::Migration),
            Box::new(m0002_origins::Migration),
            Box::new(m0003_schedules::Migration),
            Box::new(m0004_services::Migration),
            Box::new(m0005_works::Migration),
            Box::new(m0006_retention::Migration),
            Box::new(m0007_nodes::Migration),
            Box::new(m0008_runs::Migration),
            Box::new(m0009_scheduled_works::Migration),
            Box::new(m0010_health::Migration),
            Box::new(m0012_builds::Migration),
            Box::new(m0013_usage::Migration),
            Box::new(m0014_tokens::Migration),
            Box::new(m0015_log_times::Migration),
        ]
    }
}

pub(super) async fn run(store: &Store) -> Result<()> {
    let transaction = store.begin_unguarded().await?;
    if store.is_postgres() {
        let sql = format!("SELECT pg_advisory_xact_lock({POSTGRES_LOCK})");
        transaction.execute_unprepared(&sql).await?;
    }
    Migrator::up(&transaction, None).await?;
    transaction.commit().await?;
    Ok(())
}

/// Runs the statements of `schema`, which are separated by `;`, with `{words}` replaced by the backend's own.
async fn execute_schema(manager: &SchemaManager<'_>, schema: &str) -> Result<(), DbErr> {
    let postgres = manager.get_database_backend() == sea_orm::DbBackend::Postgres;
    let words: [(&str, &str); 6] = if postgres {
        [
            ("{serial}", "BIGSERIAL PRIMARY KEY"),
            ("{seq}", "BIGINT PRIMARY KEY"),
            ("{uuid}", "UUID"),
            ("{blob}", "BYTEA"),
            // bytewise, as SQLite compares: prefix ranges need it
            ("{name}", "TEXT COLLATE \"C\""),
            ("{clustered}", ""),
        ]
    } else {
        [
            ("{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            ("{seq}", "INTEGER PRIMARY KEY"),
            ("{uuid}", "BLOB"),
            ("{blob}", "BLOB"),
            ("{name}", "TEXT"),
            ("{clustered}", "WITHOUT ROWID"),
        ]
    };
    for statement in schema.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let sql = words.iter().fold(statement.to_owned(), |sql, (word, own)| sql.replace(word, own));
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}
