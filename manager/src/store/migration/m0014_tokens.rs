//! Tokens that are made and revoked by people: when one expires, was last used, by which token it was made, and since when it is revoked.
//!
//! The row of a revoked one stays for its name, with a hash that no secret has: also a program before this one refuses it.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0014_tokens"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, TOKENS).await
    }
}

/// `created_by` is NULL for those a manager has made at a start, as all were before.
const TOKENS: &str = "ALTER TABLE tokens ADD COLUMN expire_at BIGINT;
    ALTER TABLE tokens ADD COLUMN used_at BIGINT;
    ALTER TABLE tokens ADD COLUMN created_by {uuid};
    ALTER TABLE tokens ADD COLUMN revoke_at BIGINT";
