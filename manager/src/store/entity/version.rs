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
    /// 1, 2, 3, ... within the package; 0 until it is numbered.
    pub number: i64,
    /// When it last became the active one; None: with its upload.
    pub activate_at: Option<i64>,
    pub delete_at: Option<i64>,
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
    pub number: i64,
    pub create_by: String,
    pub activate_at: i64,
    pub is_active: i32,
}

/// What [`Summary`] is read from, `v` being the table and `p` that of the packages.
pub(crate) const SUMMARY: &str = "v.version_id, v.digest, v.sha1, v.size_bytes, v.format, \
     v.description AS version_description, v.create_at AS version_create_at, v.warnings, v.number, v.create_by, \
     COALESCE(v.activate_at, v.create_at) AS activate_at, \
     CASE WHEN p.version_id = v.version_id THEN 1 ELSE 0 END AS is_active";

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
            number,
            create_by,
            activate_at,
            is_active,
        } = row;
        Ok(VersionView {
            version_id,
            number: unsigned("number", number)?,
            digest,
            sha1,
            size_bytes: unsigned("size_bytes", size_bytes)?,
            format,
            description: version_description,
            create_at: time("create_at", version_create_at)?,
            create_by,
            active: is_active != 0,
            activate_at: Some(time("activate_at", activate_at)?),
            warnings: json("warnings", &warnings)?,
        })
    }
}
