//! The tables `tokens` and `join_tokens`.

use lp_protocol::TokenId;
use sea_orm::entity::prelude::*;

use super::columns::{time, time_opt};
use crate::store::{Damage, StoredToken};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_id: Uuid,
    pub name: String,
    pub role: String,
    pub hash: String,
    pub create_at: i64,
    pub expire_at: Option<i64>,
    pub used_at: Option<i64>,
    /// NULL: by a manager, at a start.
    pub created_by: Option<Uuid>,
    pub revoke_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for StoredToken {
    type Error = Damage;

    fn try_from(row: Model) -> Result<Self, Damage> {
        let Model { token_id, name, role, hash: _, create_at, expire_at, used_at, created_by, revoke_at: _ } =
            row;
        Ok(StoredToken {
            token_id: TokenId(token_id),
            name,
            role,
            create_at: time("create_at", create_at)?,
            expire_at: time_opt("expire_at", expire_at)?,
            used_at: time_opt("used_at", used_at)?,
            created_by: created_by.map(TokenId),
        })
    }
}

pub(crate) mod join {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "join_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub hash: String,
        pub expire_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
