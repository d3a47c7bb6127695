//! Builds of environments: written by the engine's batches, read before them and for people.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use lp_protocol::DigestHex;
use lp_protocol::views::{BuildView, Page};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryResult, Value};

use super::entity::build::{self, Row, SELECTED};
use super::entity::columns::{to_micros, unsigned};
use super::sql::{execute_by_keys, placeholders, select_by_keys};
use super::{Epoch, Error, Result, Store};
use crate::core::build::record::BuildRecord;
use crate::core::record::{BuildLog, Changes, Open};

/// Which builds are listed.
#[derive(Clone, Debug, Default)]
pub struct BuildList {
    pub state: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

const BUILDING: &str = "SELECT {selected} FROM builds b WHERE b.state = 'building'";

pub(super) async fn write(transaction: &DatabaseTransaction, changes: &Changes) -> Result<()> {
    build::UPSERT.execute(transaction, changes.builds.values().map(build::values).collect()).await?;
    let logs = changes.build_logs.iter().map(|(key, log)| build::log_values(key, log));
    build::UPSERT_LOG.execute(transaction, logs.collect()).await?;
    let keys: Vec<[Value; 1]> = changes.deleted_builds.iter().map(|key| [key.as_str().into()]).collect();
    execute_by_keys(transaction, "DELETE FROM builds WHERE key IN ({keys})", &keys).await?;
    Ok(())
}

impl Store {
    /// Adds the builds that nodes have the lease of.
    pub(super) async fn load_building(
        &self,
        transaction: &DatabaseTransaction,
        open: &mut Open,
    ) -> Result<()> {
        let sql = BUILDING.replace("{selected}", SELECTED);
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            match read(&row) {
                Ok(record) => open.builds.push(record),
                Err(error) => open.corrupt.push(error.to_string()),
            }
        }
        Ok(())
    }

    /// Those of the builds that are known.
    pub async fn load_builds(&self, keys: &BTreeSet<DigestHex>) -> Result<Vec<BuildRecord>> {
        let keys: Vec<[Value; 1]> = keys.iter().map(|key| [key.as_str().into()]).collect();
        let sql = format!("SELECT {SELECTED} FROM builds b WHERE b.key IN ({{keys}})");
        select_by_keys(&self.read, &sql, &keys).await?.iter().map(read).collect()
    }

    /// A build by its key, or by the begin of it where that is no other's.
    ///
    /// # Errors
    /// `NotFound`, or `Invalid` where several begin so.
    pub async fn find_build(&self, text: &str) -> Result<(BuildRecord, BuildView)> {
        let missing = || Error::not_found("build", text);
        let is_prefix = (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_prefix {
            return Err(missing());
        }
        let low = text.to_ascii_lowercase();
        let high = format!("{low}g");
        let sql = format!("{} WHERE b.key >= ? AND b.key < ? ORDER BY b.key LIMIT 2", select_views());
        let statement = self.statement(placeholders(self.backend, &sql), [low.into(), high.into()]);
        let rows = self.read.query_all_raw(statement).await?;
        match &rows[..] {
            [] => Err(missing()),
            [row] => Ok((read(row)?, view(row)?)),
            [..] => Err(Error::Invalid(format!("the keys of several builds begin with `{text}`"))),
        }
    }

    /// The newest first.
    ///
    /// # Errors
    /// `Invalid` for a cursor that no page gave.
    pub async fn list_builds(&self, wanted: &BuildList) -> Result<Page<BuildView>> {
        let limit = super::list::page_size(wanted.limit);
        let mut values: Vec<Value> = Vec::new();
        let mut conditions = Vec::new();
        if let Some(state) = &wanted.state {
            conditions.push("b.state = ?");
            values.push(state.as_str().into());
        }
        if let Some(cursor) = &wanted.cursor {
            let (at, key) = parse_cursor(cursor)?;
            conditions.push("(b.create_at, b.key) < (?, ?)");
            values.extend([at.into(), key.into()]);
        }
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let sql = format!(
            "{}{condition} ORDER BY b.create_at DESC, b.key DESC LIMIT {}",
            select_views(),
            limit + 1
        );
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let shown = &rows[..rows.len().min(limit as usize)];
        let items: Vec<BuildView> = shown.iter().map(view).collect::<Result<_>>()?;
        let next_cursor = match shown.last() {
            Some(last) if rows.len() > shown.len() => {
                let at: i64 = last.try_get("", "create_at")?;
                let key: String = last.try_get("", "key")?;
                Some(URL_SAFE_NO_PAD.encode(format!("{at}:{key}")))
            }
            Some(_) | None => None,
        };
        Ok(Page { items, next_cursor })
    }

    /// The log of the last build of this key that has ended.
    pub async fn load_build_log(&self, key: &str) -> Result<Option<BuildLog>> {
        let sql = placeholders(self.backend, "SELECT number, log FROM build_logs WHERE key = ?");
        let row = self.read.query_one_raw(self.statement(sql, [key.into()])).await?;
        row.map(|row| {
            let number = unsigned("number", row.try_get_by_index::<i64>(0)?)
                .map_err(|damage| damage.of("build_logs", key))?;
            Ok(BuildLog { number, text: row.try_get_by_index(1)? })
        })
        .transpose()
    }

    /// Whether an environment of this content was built to this pack.
    pub async fn is_build_of(&self, content: &str, digest: &str) -> Result<bool> {
        let sql = placeholders(self.backend, "SELECT 1 FROM builds WHERE content = ? AND digest = ?");
        let statement = self.statement(sql, [content.into(), digest.into()]);
        Ok(self.read.query_one_raw(statement).await?.is_some())
    }

    /// Notes that environments of these contents are in use.
    pub async fn touch_builds(&self, epoch: Epoch, contents: &[DigestHex], now: DateTime<Utc>) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let keys: Vec<[Value; 1]> = contents.iter().map(|content| [content.as_str().into()]).collect();
        let sql = format!("UPDATE builds SET used_at = {} WHERE content IN ({{keys}})", to_micros(now));
        execute_by_keys(&transaction, &sql, &keys).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Builds that nobody has used since, oldest use first.
    pub async fn list_unused_builds(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<BuildRecord>> {
        let sql = format!(
            "SELECT {SELECTED} FROM builds b WHERE b.used_at < {} AND b.state <> 'building' ORDER BY b.used_at LIMIT {limit}",
            to_micros(before)
        );
        self.read.query_all_raw(self.statement(sql, [])).await?.iter().map(read).collect()
    }

    /// Those of the digests that are packs of builds.
    pub(super) async fn digests_of_builds(&self, digests: &[DigestHex]) -> Result<BTreeSet<DigestHex>> {
        let keys: Vec<[Value; 1]> = digests.iter().map(|digest| [digest.as_str().into()]).collect();
        let sql = "SELECT DISTINCT digest FROM builds WHERE digest IN ({keys})";
        let mut found = BTreeSet::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            found.insert(row.try_get_by_index(0)?);
        }
        Ok(found)
    }
}

fn select_views() -> String {
    format!(
        "SELECT {SELECTED}, p.name AS app_name, n.name AS node_name FROM builds b \
         LEFT JOIN packages p ON p.package_id = b.app_id LEFT JOIN nodes n ON n.node_id = b.node_id"
    )
}

fn read(row: &QueryResult) -> Result<BuildRecord> {
    let row = Row::from_query_result(row, "")?;
    let key = row.key.clone();
    row.try_into().map_err(|damage: super::Damage| damage.of("builds", key))
}

fn view(row: &QueryResult) -> Result<BuildView> {
    let app: Option<String> = row.try_get("", "app_name")?;
    let node_name: Option<String> = row.try_get("", "node_name")?;
    Ok(view_of(read(row)?, app.unwrap_or_default(), node_name.unwrap_or_default()))
}

/// A build as people see it.
pub(crate) fn view_of(record: BuildRecord, app: String, node_name: String) -> BuildView {
    let BuildRecord {
        key,
        recipe,
        platform,
        python,
        app_id,
        number,
        failures,
        losses,
        state,
        create_at,
        used_at,
    } = record;
    let (at, error, made) = state.parts();
    BuildView {
        key,
        recipe,
        platform,
        python,
        app_id,
        app,
        state: state.as_str().to_owned(),
        at,
        node_id: state.node_id(),
        node_name,
        number,
        failures,
        losses,
        error: error.map(str::to_owned),
        digest: made.map(|(package, _)| package.digest.clone()),
        size_bytes: made.map(|(package, _)| package.size_bytes),
        seconds: made.map(|(_, seconds)| seconds),
        create_at,
        used_at,
    }
}

fn parse_cursor(text: &str) -> Result<(i64, String)> {
    let strange = || Error::Invalid(format!("`{text}` is no cursor of this list"));
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| strange())?;
    let plain = String::from_utf8(bytes).map_err(|_| strange())?;
    let (at, key) = plain.split_once(':').ok_or_else(strange)?;
    Ok((at.parse().map_err(|_| strange())?, key.to_owned()))
}
