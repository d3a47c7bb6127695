//! The table `versions`: uploaded archives of apps and venvs.

use lp_protocol::views::VersionView;
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

use super::columns::{json, time, unsigned};
use crate::store::Damage;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "versions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub version_id: i64,
    pub package_id: Uuid,
    pub digest: String,
    pub sha1: String,
    pub size_bytes: i64,
    pub format: String,
    pub description: String,
    pub create_at: i64,
    pub create_by: String,
    /// A JSON array of sentences.
    pub warnings: String,
    /// None for a venv, as the manifest.
    pub plan: Option<String>,
    pub manifest: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A version without what can be large.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Summary {
    pub version_id: i64,
    pub digest: String,
    pub sha1: String,
    pub size_bytes: i64,
    pub format: String,
    pub version_description: String,
    pub version_create_at: i64,
    pub warnings: String,
}

/// What [`Summary`] is read from, `v` being the table.
pub(crate) const SUMMARY: &str = "v.version_id, v.digest, v.sha1, v.size_bytes, v.format, \
     v.description AS version_description, v.create_at AS version_create_at, v.warnings";

impl TryFrom<Summary> for VersionView {
    type Error = Damage;

    fn try_from(row: Summary) -> Result<Self, Damage> {
        let Summary {
            version_id,
            digest,
            sha1,
            size_bytes,
            format,
            version_description,
            version_create_at,
            warnings,
        } = row;
        Ok(VersionView {
            version_id,
            digest,
            sha1,
            size_bytes: unsigned("size_bytes", size_bytes)?,
            format,
            description: version_description,
            create_at: time("create_at", version_create_at)?,
            warnings: json("warnings", &warnings)?,
        })
    }
}
