//! Retention: a preview tells what a removal then does, on both databases, and what is in use stays.

use std::time::Duration;

use lp_manager::Config;
use lp_protocol::ErrorCode;
use lp_protocol::frames::ManagerFrame;
use lp_protocol::views::{Garbage, GarbageName, Page, TaskView, VersionView};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::db::Db;
use crate::harness::{Manager, hello, manifest, read, refusal};
use crate::node::{FakeNode, Log};
use crate::versions::upload;

async fn collect(manager: &Manager, dry_run: bool) -> Garbage {
    read(manager.post("/api/v1/gc", json!({"dry_run": dry_run})).await, StatusCode::OK).await
}

/// Count and bytes of each kind that has any.
fn counts(garbage: &Garbage) -> Vec<(GarbageName, u64, Option<u64>)> {
    assert!(garbage.complete);
    let kinds = garbage.kinds.iter().filter(|kind| kind.count > 0);
    kinds.map(|kind| (kind.kind, kind.count, kind.bytes)).collect()
}

/// Previews and then removes; both must say the same.
async fn preview_and_collect(manager: &Manager) -> Vec<(GarbageName, u64, Option<u64>)> {
    let preview = collect(manager, true).await;
    let again = collect(manager, true).await;
    let removed = collect(manager, false).await;

    assert_eq!(preview, again, "a preview changes nothing");
    assert_eq!((preview.dry_run, removed.dry_run), (true, false));
    assert_eq!(counts(&preview), counts(&removed));
    assert_eq!(counts(&collect(manager, false).await), [], "all is gone");
    counts(&removed)
}

/// Starts the manager again with other rules.
async fn restart(manager: Manager, change: impl FnOnce(&mut Config)) -> Manager {
    Manager::start_in(manager.stop().await, change).await
}

/// Runs a task to its end with this log.
async fn run(manager: &Manager, node: &mut FakeNode, app: &str, log: Log<'_>) -> String {
    let body = json!({"app_id": app, "input_data": {}});
    let created: Value = read(manager.post("/api/v1/tasks", body).await, StatusCode::CREATED).await;
    let attempt = node.assignment().await.attempt;
    let shipped = if let Log::Shipped(size) = log { Some(size) } else { None };
    node.finish(&attempt, 0, log).await;
    if let Some(size) = shipped {
        node.ship(manager, &attempt, 0, &vec![b'x'; size as usize], true).await;
    }
    created["task_id"].as_str().unwrap().to_owned()
}

async fn what_need_not_be_kept_goes_and_nothing_else(database: Option<String>) {
    let manager = Manager::start_with(|config| config.database = database.clone()).await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("a", hello()).await.app_id.to_string();
    let mut finished = Vec::new();
    for _ in 0..3 {
        finished.push(run(&manager, &mut node, &app, Log::Inline(b"12345")).await);
    }
    let created = manager.post("/api/v1/tasks", json!({"app_id": app})).await;
    let open: Value = read(created, StatusCode::CREATED).await;
    let open = open["task_id"].as_str().unwrap();
    for action in ["two", "three", "four"] {
        let manifest = manifest(&[(action, &[])]).to_string();
        upload(&manager, "apps/a", &[("app/configuration.json", &manifest)]).await;
    }
    assert_eq!(preview_and_collect(&manager).await, [], "everything is kept unless it is said otherwise");
    let second: VersionView = manager.get_json("/api/v1/apps/a/versions/2").await;

    let manager = restart(manager, |config| {
        config.database = database;
        config.keep_tasks = Some(Duration::ZERO);
        config.keep_versions = Some(0);
    })
    .await;
    let gone = preview_and_collect(&manager).await;

    assert_eq!(
        gone,
        [(GarbageName::Tasks, 3, Some(15)), (GarbageName::Versions, 1, Some(second.size_bytes))]
    );
    let metrics = manager.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("\nlp_retention_tasks_total 3\n"), "{metrics}");
    let tasks: Page<TaskView> = manager.get_json("/api/v1/tasks").await;
    assert_eq!(tasks.items.iter().map(|task| task.task_id.to_string()).collect::<Vec<_>>(), [open]);
    for task in finished {
        refusal(manager.get(&format!("/api/v1/tasks/{task}")).await, ErrorCode::NotFound).await;
    }
    let versions: Page<VersionView> = manager.get_json("/api/v1/apps/a/versions").await;
    // in use by the open task, active before, active
    assert_eq!(versions.items.iter().map(|version| version.number).collect::<Vec<_>>(), [4, 3, 1]);
    assert_eq!(manager.get("/api/v1/apps/a/versions/1/package").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_need_not_be_kept_goes_and_nothing_else_on_sqlite() {
    what_need_not_be_kept_goes_and_nothing_else(None).await;
}

#[tokio::test]
async fn what_need_not_be_kept_goes_and_nothing_else_on_postgresql() {
    let db = Db::postgres().await;
    what_need_not_be_kept_goes_and_nothing_else(Some(db.url.clone())).await;
}

#[tokio::test]
async fn more_than_one_step_of_tasks_goes_but_for_the_latest() {
    let manager = Manager::start().await;
    let app = manager.create_app("a", hello()).await;
    let inputs = "{}\n".repeat(250);
    let path = format!("/api/v1/tasks/batch?app_id={}", app.app_id);
    let created = manager
        .request(reqwest::Method::POST, &path)
        .header("content-type", "application/x-ndjson")
        .body(inputs)
        .send()
        .await
        .unwrap();
    let created = created.text().await.unwrap();
    for line in created.lines() {
        let created: Value = serde_json::from_str(line).unwrap();
        let stop = format!("/api/v1/tasks/{}/stop", created["task_id"].as_str().unwrap());
        assert_eq!(manager.post(&stop, json!({})).await.status(), StatusCode::ACCEPTED);
    }

    let manager = restart(manager, |config| config.keep_tasks_count = Some(7)).await;
    let gone = preview_and_collect(&manager).await;

    assert_eq!(gone, [(GarbageName::Tasks, 243, Some(0))]);
    let left: Page<TaskView> = manager.get_json("/api/v1/tasks?limit=1000").await;
    assert_eq!(left.items.len(), 7);
}

#[tokio::test]
async fn the_oldest_logs_go_until_the_rest_is_small_enough() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("a", hello()).await.app_id.to_string();
    let mut tasks = Vec::new();
    for _ in 0..3 {
        tasks.push(run(&manager, &mut node, &app, Log::Shipped(10_000)).await);
    }
    drop(node);

    let manager = restart(manager, |config| config.keep_logs_size = Some(15_000)).await;
    let gone = preview_and_collect(&manager).await;

    assert_eq!(gone, [(GarbageName::Logs, 2, Some(20_000))]);
    for (task, status) in tasks.iter().zip([503, 503, 200]) {
        let log = manager.get(&format!("/api/v1/tasks/{task}/actions/first/attempts/1/log")).await;
        assert_eq!(log.status().as_u16(), status);
        let info: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
        assert_eq!(info["actions"][0]["attempts"][0]["log_bytes"], 10_000);
    }
}

#[tokio::test]
async fn logs_and_workspaces_go_by_age_and_the_task_stays() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("a", hello()).await.app_id.to_string();
    let task = run(&manager, &mut node, &app, Log::Inline(b"12345")).await;
    let (node_id, credential) = (node.node_id, node.credential.clone());
    drop(node);

    let manager = restart(manager, |config| {
        config.keep_logs = Some(Duration::ZERO);
        config.keep_workspaces = Some(Duration::ZERO);
    })
    .await;
    let gone = preview_and_collect(&manager).await;
    // it was away and is told when it is back
    let mut node = FakeNode::reconnect(&manager, node_id, credential, "one").await;

    assert_eq!(gone, [(GarbageName::Logs, 1, Some(5)), (GarbageName::Workspaces, 1, None)]);
    let told = node.find(|frame| match frame {
        ManagerFrame::DeleteWorkspaces { attempts } => Some(attempts),
        _ => None,
    });
    assert_eq!(told.await[0].task_id.to_string(), task);
    let info: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    assert_eq!(info["status"], "success");
    assert!(info["result"].to_string().contains(r#""n":1"#), "{info}");
}

#[tokio::test]
async fn a_wrong_request_changes_nothing() {
    let manager = Manager::start().await;

    for body in [json!({"dryrun": true}), json!({"dry_run": "yes"}), json!(7)] {
        refusal(manager.post("/api/v1/gc", body).await, ErrorCode::InvalidRequest).await;
    }
    let nothing: Garbage =
        read(manager.request(reqwest::Method::POST, "/api/v1/gc").send().await.unwrap(), StatusCode::OK)
            .await;
    assert_eq!(counts(&nothing), []);
}
