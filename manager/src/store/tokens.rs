//! Tokens of users. Only hashes are stored.
//!
//! Which may be made and which revoked is decided by the caller, in the transaction that then writes it and with all living tokens before it
//! (there are a thousand at most). The row of a revoked token stays for a time, so that what was done with it keeps its name and so that a
//! manager that finds the secret in its directory knows that it was revoked; its hash is no secret's any more.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use lp_protocol::TokenId;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    Value,
};

use super::entity::columns::to_micros;
use super::entity::token::{ActiveModel, Column, Entity, Model};
use super::sql::{clean, execute_by_keys};
use super::{Damage, Epoch, Result, Store};

/// Revoked tokens of which a row is kept, about 200 KiB; those of managers stay before those of people.
const REVOKED_KEPT: u32 = 1000;

#[derive(Clone, Debug)]
pub struct NewToken {
    pub token_id: TokenId,
    pub name: String,
    pub role: String,
    pub hash: String,
    pub create_at: DateTime<Utc>,
    pub expire_at: Option<DateTime<Utc>>,
    /// None: by a manager, at a start.
    pub created_by: Option<TokenId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    pub token_id: TokenId,
    pub name: String,
    pub role: String,
    pub create_at: DateTime<Utc>,
    pub expire_at: Option<DateTime<Utc>>,
    pub used_at: Option<DateTime<Utc>>,
    pub created_by: Option<TokenId>,
}

/// What is to become of the tokens.
#[derive(Clone, Debug, Default)]
pub struct TokenChange {
    pub insert: Option<NewToken>,
    pub revoke: Vec<TokenId>,
}

impl Store {
    /// The names of all tokens, by the text of their ids; also of revoked ones.
    pub async fn list_token_names(&self) -> Result<BTreeMap<String, String>> {
        let tokens = Entity::find().all(&self.read).await?;
        Ok(tokens.into_iter().map(|token| (TokenId(token.token_id).to_string(), token.name)).collect())
    }

    /// The tokens that are not revoked, newest first.
    pub async fn list_tokens(&self) -> Result<Vec<StoredToken>> {
        self.living(&self.read).await
    }

    /// Changes the tokens as `decide` says, which is shown those that are not revoked. No other change comes in between. Without an epoch where
    /// a manager starts, and nobody leads yet.
    ///
    /// # Errors
    /// `Deposed`, and inside what `decide` refuses: then nothing has changed.
    pub async fn change_tokens<E>(
        &self,
        epoch: Option<Epoch>,
        now: DateTime<Utc>,
        decide: impl FnOnce(&[StoredToken]) -> Result<TokenChange, E>,
    ) -> Result<Result<TokenChange, E>> {
        let transaction = match epoch {
            Some(epoch) => self.begin(epoch).await?,
            None => self.begin_unguarded().await?,
        };
        if self.is_postgres() {
            // keeps other changes waiting, and nobody who reads
            transaction.execute_unprepared("LOCK TABLE tokens IN SHARE ROW EXCLUSIVE MODE").await?;
        }
        let change = match decide(&self.living(&transaction).await?) {
            Ok(change) => change,
            Err(refusal) => {
                transaction.rollback().await?;
                return Ok(Err(refusal));
            }
        };
        self.revoke(&transaction, &change.revoke, now).await?;
        if let Some(token) = change.insert.clone() {
            Entity::insert(row_of(token)).exec_without_returning(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(Ok(change))
    }

    pub async fn find_token(&self, hash: &str) -> Result<Option<StoredToken>> {
        let row = Entity::find().filter(Column::Hash.eq(clean(hash))).one(&self.read).await?;
        row.map(read).transpose()
    }

    /// Tells whether a token with this hash was revoked, as far as that is remembered.
    pub async fn is_revoked_token(&self, hash: &str) -> Result<bool> {
        let hash = format!("{REVOKED}{}", clean(hash));
        Ok(Entity::find().filter(Column::Hash.eq(hash)).one(&self.read).await?.is_some())
    }

    /// Notes when tokens were used. A time before the one that is known changes nothing, so managers may do this at the same time.
    pub async fn touch_tokens(&self, uses: &HashMap<TokenId, DateTime<Utc>>) -> Result<()> {
        let mut by_time: BTreeMap<i64, Vec<[Value; 1]>> = BTreeMap::new();
        for (token_id, at) in uses {
            by_time.entry(to_micros(*at)).or_default().push([token_id.0.into()]);
        }
        let transaction = self.begin_unguarded().await?;
        for (at, keys) in by_time {
            let sql = format!(
                "UPDATE tokens SET used_at = {at} WHERE token_id IN ({{keys}}) AND (used_at IS NULL OR used_at < {at})"
            );
            execute_by_keys(&transaction, &sql, &keys).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn living(&self, connection: &impl ConnectionTrait) -> Result<Vec<StoredToken>> {
        let rows = Entity::find()
            .filter(Column::RevokeAt.is_null())
            .order_by_desc(Column::CreateAt)
            .order_by_desc(Column::TokenId)
            .all(connection)
            .await?;
        rows.into_iter().map(read).collect()
    }

    async fn revoke(
        &self,
        transaction: &DatabaseTransaction,
        tokens: &[TokenId],
        now: DateTime<Utc>,
    ) -> Result<()> {
        if tokens.is_empty() {
            return Ok(());
        }
        let keys: Vec<[Value; 1]> = tokens.iter().map(|token_id| [token_id.0.into()]).collect();
        let sql = format!(
            "UPDATE tokens SET revoke_at = {}, hash = '{REVOKED}' || hash WHERE revoke_at IS NULL AND token_id IN ({{keys}})",
            to_micros(now)
        );
        execute_by_keys(transaction, &sql, &keys).await?;
        // SQLite wants a limit where there is an offset
        let sql = format!(
            "DELETE FROM tokens WHERE token_id IN (SELECT token_id FROM tokens WHERE revoke_at IS NOT NULL \
             ORDER BY CASE WHEN created_by IS NULL THEN 0 ELSE 1 END, revoke_at DESC, token_id LIMIT 1000000 OFFSET {REVOKED_KEPT})"
        );
        transaction.execute_raw(self.statement(sql, [])).await?;
        Ok(())
    }
}

/// Stands before the hash of a revoked token; what a secret is hashed to never begins so.
const REVOKED: &str = "revoked:";

fn row_of(token: NewToken) -> ActiveModel {
    let NewToken { token_id, name, role, hash, create_at, expire_at, created_by } = token;
    ActiveModel {
        token_id: ActiveValue::Set(token_id.0),
        name: ActiveValue::Set(clean(&name)),
        role: ActiveValue::Set(clean(&role)),
        hash: ActiveValue::Set(hash),
        create_at: ActiveValue::Set(to_micros(create_at)),
        expire_at: ActiveValue::Set(expire_at.map(to_micros)),
        used_at: ActiveValue::Set(None),
        created_by: ActiveValue::Set(created_by.map(|token_id| token_id.0)),
        revoke_at: ActiveValue::Set(None),
    }
}

fn read(row: Model) -> Result<StoredToken> {
    let token_id = row.token_id;
    row.try_into().map_err(|damage: Damage| damage.of("tokens", token_id))
}
