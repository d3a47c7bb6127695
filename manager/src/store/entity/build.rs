//! The tables `builds` and `build_logs`.

use lp_protocol::frames::PackageRef;
use lp_protocol::{AppId, NodeId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::columns::{json, time, to_micros, to_signed, unsigned};
use crate::core::build::record::{BuildRecord, BuildState};
use crate::core::record::BuildLog;
use crate::store::Damage;
use crate::store::sql::{Insert, clean};

#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct Row {
    pub key: String,
    pub content: String,
    pub recipe: String,
    pub platform: String,
    pub python: String,
    pub app_id: Uuid,
    pub number: i64,
    pub failures: i64,
    pub losses: i64,
    pub state: String,
    pub node_id: Uuid,
    pub at: i64,
    pub error: Option<String>,
    pub digest: Option<String>,
    pub size_bytes: Option<i64>,
    pub seconds: Option<f64>,
    pub create_at: i64,
    pub used_at: i64,
}

/// What [`Row`] is read from, `b` being the table.
pub(crate) const SELECTED: &str = "b.key, b.content, b.recipe, b.platform, b.python, b.app_id, b.number, b.failures, b.losses, \
     b.state, b.node_id, b.at, b.error, b.digest, b.size_bytes, b.seconds, b.create_at, b.used_at";

/// Inserts, or updates all that can change.
pub(crate) const UPSERT: Insert<18> = Insert {
    table: "builds",
    columns: [
        "key",
        "content",
        "recipe",
        "platform",
        "python",
        "app_id",
        "number",
        "failures",
        "losses",
        "state",
        "node_id",
        "at",
        "error",
        "digest",
        "size_bytes",
        "seconds",
        "create_at",
        "used_at",
    ],
    tail: "ON CONFLICT (key) DO UPDATE SET number = excluded.number, failures = excluded.failures, losses = excluded.losses, \
           state = excluded.state, node_id = excluded.node_id, at = excluded.at, error = excluded.error, digest = excluded.digest, \
           size_bytes = excluded.size_bytes, seconds = excluded.seconds, used_at = excluded.used_at",
};

pub(crate) const UPSERT_LOG: Insert<3> = Insert {
    table: "build_logs",
    columns: ["key", "number", "log"],
    tail: "ON CONFLICT (key) DO UPDATE SET number = excluded.number, log = excluded.log",
};

impl From<&BuildRecord> for Row {
    fn from(record: &BuildRecord) -> Self {
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
        Row {
            key: key.clone(),
            content: recipe.content.clone().unwrap_or_default(),
            recipe: serde_json::to_string(recipe).expect("a recipe is plain data"),
            platform: clean(platform),
            python: clean(python),
            app_id: app_id.0,
            number: i64::from(*number),
            failures: i64::from(*failures),
            losses: i64::from(*losses),
            state: state.as_str().to_owned(),
            node_id: state.node_id().0,
            at: to_micros(at),
            error: error.map(clean),
            digest: made.map(|(package, _)| package.digest.clone()),
            size_bytes: made.map(|(package, _)| to_signed(package.size_bytes)),
            seconds: made.map(|(_, seconds)| seconds),
            create_at: to_micros(*create_at),
            used_at: to_micros(*used_at),
        }
    }
}

impl TryFrom<Row> for BuildRecord {
    type Error = Damage;

    fn try_from(row: Row) -> Result<Self, Damage> {
        let Row {
            key,
            content: _,
            recipe,
            platform,
            python,
            app_id,
            number,
            failures,
            losses,
            state,
            node_id,
            at,
            error,
            digest,
            size_bytes,
            seconds,
            create_at,
            used_at,
        } = row;
        let (node_id, at, error) = (NodeId(node_id), time("at", at)?, error.unwrap_or_default());
        let state = match state.as_str() {
            "building" => BuildState::Building { node_id, since: at },
            "later" => BuildState::Later { node_id, retry_at: at, error },
            "failed" => BuildState::Failed { node_id, at, error },
            "ready" => {
                let digest = digest.ok_or_else(|| Damage::value("digest", "nothing"))?;
                let size_bytes = unsigned("size_bytes", size_bytes.unwrap_or(-1))?;
                let package = PackageRef { digest, size_bytes };
                BuildState::Ready { node_id, at, package, seconds: seconds.unwrap_or_default() }
            }
            other => return Err(Damage::value("state", other)),
        };
        Ok(BuildRecord {
            key,
            recipe: json("recipe", &recipe)?,
            platform,
            python,
            app_id: AppId(app_id),
            number: unsigned("number", number)?,
            failures: unsigned("failures", failures)?,
            losses: unsigned("losses", losses)?,
            state,
            create_at: time("create_at", create_at)?,
            used_at: time("used_at", used_at)?,
        })
    }
}

/// The row's values in the order of the upsert's columns.
pub(crate) fn values(record: &BuildRecord) -> [Value; 18] {
    let Row {
        key,
        content,
        recipe,
        platform,
        python,
        app_id,
        number,
        failures,
        losses,
        state,
        node_id,
        at,
        error,
        digest,
        size_bytes,
        seconds,
        create_at,
        used_at,
    } = Row::from(record);
    [
        key.into(),
        content.into(),
        recipe.into(),
        platform.into(),
        python.into(),
        app_id.into(),
        number.into(),
        failures.into(),
        losses.into(),
        state.into(),
        node_id.into(),
        at.into(),
        error.into(),
        digest.into(),
        size_bytes.into(),
        seconds.into(),
        create_at.into(),
        used_at.into(),
    ]
}

pub(crate) fn log_values(key: &str, log: &BuildLog) -> [Value; 3] {
    let BuildLog { number, text } = log;
    [key.into(), i64::from(*number).into(), clean(text).into()]
}
