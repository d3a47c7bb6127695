//! Starting, stopping, starting again.

use std::os::unix::fs::PermissionsExt as _;

use lp_manager::Error;
use lp_protocol::views::{AppView, Health, Page, TaskView};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{Manager, config_in, hello, within};

#[tokio::test]
async fn a_second_start_goes_on_where_the_first_was() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({"n": 1})).await;
    let token = manager.token.clone();

    let manager = Manager::start_in(manager.stop().await, |_| ()).await;

    assert_eq!(manager.token, token);
    let apps: Page<AppView> = manager.get_json("/api/v1/apps").await;
    let tasks: Page<TaskView> = manager.get_json("/api/v1/tasks").await;
    assert_eq!((apps.items[0].app_id, tasks.items[0].task_id.to_string()), (app.app_id, task));
}

#[tokio::test]
async fn the_administrators_token_is_in_a_private_file_and_its_secret_nowhere_else() {
    let manager = Manager::start().await;
    let data = manager.directory.path().join("data");

    let path = data.join("admin.token");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), manager.token);
    manager.get("/api/v1/apps").await;
    let token = manager.token.clone();
    let directory = manager.stop().await;
    for entry in std::fs::read_dir(directory.path().join("data")).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_file() && entry != directory.path().join("data/admin.token") {
            let bytes = std::fs::read(&entry).unwrap();
            assert!(
                !bytes.windows(token.len()).any(|window| window == token.as_bytes()),
                "{}",
                entry.display()
            );
        }
    }
}

#[tokio::test]
async fn two_managers_do_not_share_a_directory_and_a_taken_port_is_told() {
    let manager = Manager::start().await;

    let same = lp_manager::run(config_in(manager.directory.path()), CancellationToken::new(), |_| ());
    let other = tempfile::tempdir().unwrap();
    let mut config = config_in(other.path());
    config.http_port = manager.address.port();
    let taken = lp_manager::run(config, CancellationToken::new(), |_| ());

    assert!(matches!(within(same).await, Err(Error::InUse { .. })));
    assert!(matches!(within(taken).await, Err(Error::Listen { port, .. }) if port == manager.address.port()));
}

#[tokio::test]
async fn health_and_metrics_tell_how_it_is() {
    let manager = Manager::start().await;

    let health = manager.bare(Method::GET, "/health").send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let health: Health = health.json().await.unwrap();
    assert_eq!((health.status.as_str(), health.reason), ("ok", None));
    manager.get("/api/v1/apps/nothing").await;
    let metrics = manager.get("/metrics").await.text().await.unwrap();
    for line in [
        "lp_up 1",
        "lp_leading 1",
        "lp_tasks{stage=\"pending\"} 0",
        "lp_http_requests_total{route=\"/api/v1/apps/{app}\",method=\"GET\",status=\"404\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn every_view_in_the_description_has_a_schema() {
    let manager = Manager::start().await;
    let document: serde_json::Value = manager.get_json("/api/v1/openapi.json").await;

    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let schemas = &document["components"]["schemas"];
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.get(name).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a serde_json::Value, references: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::Object(members) => {
            references.extend(members.get("$ref").and_then(|reference| reference.as_str()));
            members.values().for_each(|member| collect(member, references));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
