//! Versions get numbers of their own within their package, remember when they were last made active, and can be deleted; what is kept for a
//! while is found by when its task ended.
//!
//! `number` counts 1, 2, 3 ... in the order of upload and is never given twice: `last_number` of the package is the highest ever given. A
//! program before this step leaves 0 there, and the next write of the package by this one numbers what it finds. A deleted version of an
//! app keeps its row, because the history of its tasks is told with its plan.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_retention"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for schema in [VERSIONS, RETENTION] {
            super::execute_schema(manager, schema).await?;
        }
        Ok(())
    }
}

/// Until now every upload became active at once.
const VERSIONS: &str = "
ALTER TABLE versions ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE versions ADD COLUMN activate_at BIGINT;
ALTER TABLE versions ADD COLUMN delete_at BIGINT;
ALTER TABLE packages ADD COLUMN last_number BIGINT NOT NULL DEFAULT 0;
UPDATE versions SET number = (SELECT COUNT(*) FROM versions AS older
    WHERE older.package_id = versions.package_id AND older.version_id <= versions.version_id);
UPDATE packages SET last_number = (SELECT COALESCE(MAX(v.number), 0) FROM versions AS v
    WHERE v.package_id = packages.package_id);
CREATE UNIQUE INDEX versions_number ON versions (package_id, number) WHERE number > 0
";

/// `logs_through` and `workspaces_through` are ends of tasks: of those that ended before, the logs or workspaces are gone.
const RETENTION: &str = "
CREATE INDEX tasks_end_at ON tasks (end_at) WHERE end_at IS NOT NULL;
INSERT INTO counters (name, value) VALUES ('logs_through', 0);
INSERT INTO counters (name, value) VALUES ('workspaces_through', 0)
";

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Database};
    use sea_orm_migration::MigratorTrait;

    use super::super::Migrator;

    #[tokio::test]
    async fn versions_that_are_there_get_the_numbers_of_their_uploads() {
        let mut options = sea_orm::ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let database = Database::connect(options).await.unwrap();
        Migrator::up(&database, Some(1)).await.unwrap();
        for package in ["01", "02"] {
            let sql = format!(
                "INSERT INTO packages (package_id, kind, name, description, version_id, create_at, update_at) \
                 VALUES (X'{package}', 'app', '{package}', '', 1, 0, 0)"
            );
            database.execute_unprepared(&sql).await.unwrap();
        }
        for package in ["01", "02", "01", "01"] {
            let sql = format!(
                "INSERT INTO versions (package_id, digest, sha1, size_bytes, format, description, create_at, create_by, warnings) \
                 VALUES (X'{package}', '', '', 0, 'tar', '', 0, '', '[]')"
            );
            database.execute_unprepared(&sql).await.unwrap();
        }

        Migrator::up(&database, None).await.unwrap();

        let numbers = async |sql: &str| -> Vec<i64> {
            let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql);
            let rows = database.query_all_raw(statement).await.unwrap();
            rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
        };
        assert_eq!(numbers("SELECT number FROM versions ORDER BY version_id").await, [1, 1, 2, 3]);
        assert_eq!(numbers("SELECT last_number FROM packages ORDER BY seq").await, [3, 1]);
    }
}
