//! Environments that are built from a lock, and what nodes prepare before an attempt starts.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_builds"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, BUILDS).await
    }
}

/// `preparing` is JSON, NULL where all was there. Of a build `at` is since when, or from when on, it is in its state.
const BUILDS: &str = "
ALTER TABLE attempts ADD COLUMN preparing TEXT;
CREATE TABLE builds (
    key {name} NOT NULL PRIMARY KEY,
    content {name} NOT NULL,
    recipe TEXT NOT NULL,
    platform TEXT NOT NULL,
    python TEXT NOT NULL,
    app_id {uuid} NOT NULL,
    number BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    state TEXT NOT NULL,
    node_id {uuid} NOT NULL,
    at BIGINT NOT NULL,
    error TEXT,
    digest {name},
    size_bytes BIGINT,
    seconds DOUBLE PRECISION,
    create_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
) {clustered};
CREATE INDEX builds_content ON builds (content);
CREATE INDEX builds_digest ON builds (digest) WHERE digest IS NOT NULL;
CREATE INDEX builds_create_at ON builds (create_at, key);
CREATE INDEX builds_used_at ON builds (used_at);
CREATE TABLE build_logs (
    key {name} NOT NULL PRIMARY KEY REFERENCES builds (key) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    log TEXT NOT NULL
)
";
