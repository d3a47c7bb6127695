//! Server-sent events.

use futures_util::StreamExt as _;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::Event;
use lp_protocol::{Stage, TaskId};
use serde_json::json;

use crate::harness::{Manager, hello, within};

#[tokio::test]
async fn a_follower_sees_the_changes_of_its_task_and_no_others() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let client = ManagerClient::new(&manager.url(""), &manager.token).unwrap();
    let task: TaskId = manager.create_task(app.app_id, json!({})).await.parse().unwrap();
    let mut events = client.events(Some(task)).await.unwrap();

    manager.create_task(app.app_id, json!({})).await;
    client.stop_task(&task.to_string(), &Default::default()).await.unwrap();

    let first = within(events.next()).await.unwrap().unwrap();
    assert!(
        matches!(first, Event::Task { task_id, stage: Stage::Finished, .. } if task_id == task),
        "{first:?}"
    );
}

#[tokio::test]
async fn the_stream_ends_when_the_manager_stops() {
    let manager = Manager::start().await;
    let client = ManagerClient::new(&manager.url(""), &manager.token).unwrap();
    let mut events = client.events(None).await.unwrap();

    manager.stop().await;

    within(async { while let Some(Ok(_)) = events.next().await {} }).await;
}
