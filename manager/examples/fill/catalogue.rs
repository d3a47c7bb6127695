//! What is there once: applications and their plans, made as the manager makes them.

use std::time::Duration;

use chrono::Utc;
use lp_manager::store::{
    Epoch, Lease, NewPackage, NewVersion, NewWorkflow, Program, Store, StoredDefinition,
};
use lp_protocol::manifest;
use lp_protocol::plan::Plan;
use lp_protocol::{AppId, WorkflowId};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Amount, Outcome};

/// Ordinary applications; the one after them is the large one.
const APPS: i64 = 60;

const NAMES: [&str; 10] = [
    "nightly-etl",
    "thumbnails",
    "train-ranking",
    "daily-report",
    "import-orders",
    "export-invoices",
    "reindex",
    "backup",
    "forecast",
    "crawl",
];

pub(crate) struct Apps {
    pub(crate) ordinary: Vec<(Uuid, i64)>,
    /// A split, a fan-out and a merge.
    pub(crate) large: (Uuid, i64),
    pub(crate) workflow: Uuid,
    /// What a work of the workflow keeps of it: plan, definition and inputs, as they are stored.
    pub(crate) copy: [String; 3],
}

pub(crate) async fn fill(url: &str, amount: &Amount) -> Outcome<Apps> {
    let store = Store::open(url).await?;
    if !store.list_nodes().await?.is_empty() {
        return Err("the database is not empty".into());
    }
    // over by the time anybody could start a manager on it
    let Lease::Mine(epoch) = store.acquire_lease("fill", "", Duration::from_millis(1)).await? else {
        return Err("a manager runs on this database: stop it first".into());
    };
    let mut ordinary = Vec::new();
    for number in 0..APPS {
        let name = match NAMES.get(number as usize) {
            Some(name) => (*name).to_owned(),
            None => format!("{}-{number}", NAMES[(number % 10) as usize]),
        };
        let program = compiled(&json!({"actions": [{"name": "run", "main": "./run"}]}))?;
        ordinary.push(app(&store, epoch, id(amount, 1, number), &name, program).await?);
    }
    let large = app(&store, epoch, id(amount, 1, APPS), "huge-fan-out", fan_out(amount.actions)?).await?;
    let workflow = id(amount, 2, 0);
    let configuration = json!({"applications": [
        {"name": "import", "app": "import-orders"},
        {"name": "train", "app": "train-ranking", "condition": ["import"]},
        {"name": "report", "app": "daily-report", "condition": ["import", "train"]},
    ]});
    let new = NewWorkflow {
        workflow_id: WorkflowId(workflow),
        name: "orders-to-report".to_owned(),
        description: "Imports the orders of the day, trains on them and reports".to_owned(),
        enable: true,
        definition: StoredDefinition {
            configuration: RawValue::from_string(configuration.to_string())?,
            warnings: Vec::new(),
        },
        create_at: Utc::now(),
    };
    store.create_workflow(epoch, new).await?;
    let source = store.load_workflow_source(WorkflowId(workflow)).await??;
    let copy = [
        serde_json::to_string(&*source.plan)?,
        configuration.to_string(),
        serde_json::to_string(&source.inputs)?,
    ];
    store.close().await?;
    Ok(Apps { ordinary, large, workflow, copy })
}

async fn app(
    store: &Store,
    epoch: Epoch,
    app_id: Uuid,
    name: &str,
    (plan, manifest): (Plan, String),
) -> Outcome<(Uuid, i64)> {
    let version = NewVersion {
        digest: format!("{:064x}", app_id.as_u128()),
        sha1: "0".repeat(40),
        size_bytes: 48_000,
        format: "tar.gz".to_owned(),
        description: String::new(),
        create_by: "fill".to_owned(),
        program: Some(Program { plan, manifest, warnings: Vec::new() }),
    };
    let description = format!("What {name} does, in a sentence that says it");
    let new = NewPackage { name: name.to_owned(), description, version, create_at: Utc::now() };
    let made = store.create_app(epoch, AppId(app_id), new).await?;
    Ok((app_id, made.version.version_id))
}

/// An id that depends on the seed, the kind of thing and its number only.
pub(crate) fn id(amount: &Amount, kind: u64, number: i64) -> Uuid {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind.rotate_left(40);
    Uuid::from_u64_pair(mixed, (amount.seed as u64) << 32 | kind << 24 | number as u64)
}

fn fan_out(actions: i64) -> Outcome<(Plan, String)> {
    let shards: Vec<String> = (0..(actions - 2).max(0)).map(|n| format!("shard-{n}")).collect();
    let mut list = vec![json!({"name": "split", "main": "./split"})];
    list.extend(shards.iter().map(|name| json!({"name": name, "main": "./shard", "condition": ["split"]})));
    list.push(json!({"name": "merge", "main": "./merge", "condition": shards}));
    compiled(&json!({ "actions": list }))
}

/// As after an upload.
fn compiled(manifest: &serde_json::Value) -> Outcome<(Plan, String)> {
    let text = manifest.to_string();
    let options = manifest::Options { strict: false, has_path: None };
    Ok((manifest::parse(text.as_bytes(), &options)?.plan, text))
}
