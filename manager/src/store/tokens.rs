//! Tokens of users and tokens to join with. Only hashes are stored.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lp_protocol::TokenId;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::columns::{time, to_micros};
use super::entity::token::{ActiveModel, Column, Entity, join};
use super::sql::clean;
use super::{Damage, Result, Store};

#[derive(Clone, Debug)]
pub struct NewToken {
    pub token_id: TokenId,
    pub name: String,
    pub role: String,
    pub hash: String,
    pub create_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    pub token_id: TokenId,
    pub name: String,
    pub role: String,
    pub create_at: DateTime<Utc>,
}

impl Store {
    /// The names of all tokens, by the text of their ids.
    pub async fn list_token_names(&self) -> Result<BTreeMap<String, String>> {
        let tokens = Entity::find().all(&self.read).await?;
        Ok(tokens.into_iter().map(|token| (TokenId(token.token_id).to_string(), token.name)).collect())
    }

    pub async fn insert_token(&self, token: NewToken) -> Result<()> {
        let NewToken { token_id, name, role, hash, create_at } = token;
        let row = ActiveModel {
            token_id: ActiveValue::Set(token_id.0),
            name: ActiveValue::Set(clean(&name)),
            role: ActiveValue::Set(clean(&role)),
            hash: ActiveValue::Set(hash),
            create_at: ActiveValue::Set(to_micros(create_at)),
        };
        Entity::insert(row).exec_without_returning(&self.write).await?;
        Ok(())
    }

    pub async fn find_token(&self, hash: &str) -> Result<Option<StoredToken>> {
        let row = Entity::find().filter(Column::Hash.eq(clean(hash))).one(&self.read).await?;
        let Some(row) = row else { return Ok(None) };
        let token_id = row.token_id;
        Ok(Some(row.try_into().map_err(|damage: Damage| damage.of("tokens", token_id))?))
    }

    /// Keeps the hash of a join token.
    pub async fn insert_join_token(&self, hash: &str, expire_at: DateTime<Utc>) -> Result<()> {
        let row = join::ActiveModel {
            hash: ActiveValue::Set(hash.to_owned()),
            expire_at: ActiveValue::Set(to_micros(expire_at)),
        };
        join::Entity::insert(row).exec_without_returning(&self.write).await?;
        Ok(())
    }

    /// When the join token expires or has expired, if it is known.
    pub async fn find_join_token(&self, hash: &str) -> Result<Option<DateTime<Utc>>> {
        let row = join::Entity::find().filter(join::Column::Hash.eq(clean(hash))).one(&self.read).await?;
        let Some(join::Model { hash: _, expire_at }) = row else { return Ok(None) };
        Ok(Some(time("expire_at", expire_at).map_err(|damage| damage.of("join_tokens", "(hash)"))?))
    }

    /// Forgets the join tokens that had expired at `before`; returns how many.
    pub async fn delete_join_tokens(&self, before: DateTime<Utc>) -> Result<u64> {
        let expired = join::Column::ExpireAt.lte(to_micros(before));
        Ok(join::Entity::delete_many().filter(expired).exec(&self.write).await?.rows_affected)
    }
}
