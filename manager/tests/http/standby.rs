//! Two managers on one database: one leads, the other passes on.

use futures_util::StreamExt as _;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{AppView, CreatedToken, Health, Page, TaskInfo, TaskView, TokenView};
use lp_protocol::{ErrorCode, Stage, Status, TaskId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, hello, read, refusal, within};
use crate::node::{FakeNode, Log};

/// The leader and the one that stands by, whose token is as good.
async fn two() -> (Manager, Manager) {
    let leader = Manager::start().await;
    let database = leader.directory.path().join("data/manager.db");
    let standby =
        Manager::start_with(|config| config.database = Some(format!("sqlite://{}", database.display())))
            .await;
    (leader, standby)
}

#[tokio::test]
async fn everything_can_be_asked_of_the_one_that_stands_by() {
    let (leader, standby) = two().await;

    let health: Health =
        read(standby.bare(Method::GET, "/health").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(health.status, "ok");
    let app = standby.create_app("hello", hello()).await;
    let mut node = FakeNode::connect(&standby, "one").await;
    let client = ManagerClient::new(&standby.url(""), &standby.token).unwrap();
    let task: TaskId = standby.create_task(app.app_id, json!({"x": 1})).await.parse().unwrap();
    let mut events = client.events(Some(task)).await.unwrap();
    let assignment = node.assignment().await;
    let package = node.request(&standby, Method::GET, &format!("/node/v1/packages/{}", app.version.digest));
    let package = package.send().await.unwrap().bytes().await.unwrap();
    let task = task.to_string();
    let (view, ()) =
        tokio::join!(standby.wait(&task), node.finish(&assignment.attempt, 0, Log::Inline(b"hi")));
    let log = standby.get(&format!("/api/v1/tasks/{task}/actions/first/attempts/latest/log")).await;

    assert_eq!(view.status, Some(Status::Success));
    assert_eq!(package.len() as u64, app.version.size_bytes);
    assert_eq!(log.headers()["x-attempt"], "1");
    assert_eq!(log.text().await.unwrap(), "hi");
    within(events.next()).await.unwrap().unwrap();
    for manager in [&leader, &standby] {
        let apps: Page<AppView> = manager.get_json("/api/v1/apps").await;
        let info: TaskInfo = manager.get_json("/api/v1/tasks/@last").await;
        assert_eq!((apps.items.len(), info.task.stage), (1, Stage::Finished));
        let status: Value = manager.get_json("/api/v1/status").await;
        assert_eq!((&status["role"], &status["nodes_connected"]), (&json!("leader"), &json!(1)));
        refusal(manager.get("/api/v1/nothing").await, ErrorCode::NotFound).await;
        refusal(manager.get("/api/v1/tasks/x/why").await, ErrorCode::NotFound).await;
    }
}

#[tokio::test]
async fn a_request_is_passed_on_once() {
    let (_leader, standby) = two().await;

    let request = standby.request(Method::GET, "/api/v1/status").header("x-lp-forwarded", "1");

    refusal(request.send().await.unwrap(), ErrorCode::Unavailable).await;
}

#[tokio::test]
async fn batches_and_uploads_stream_through() {
    let (_leader, standby) = two().await;
    let app = standby.create_app("hello", hello()).await;
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();

    let blob = standby.upload(bytes).await;
    let batch = standby
        .request(Method::POST, &format!("/api/v1/tasks/batch?app_id={}", app.app_id))
        .body("{}\n".repeat(3000));
    let created = batch.send().await.unwrap().text().await.unwrap();

    assert_eq!(blob.size_bytes, 5_000_000);
    assert_eq!(created.lines().count(), 3000);
}

#[tokio::test]
async fn the_one_that_stood_by_leads_when_the_leader_stops() {
    let (leader, standby) = two().await;
    let app = leader.create_app("hello", hello()).await;
    let task = leader.create_task(app.app_id, json!({})).await;
    // keeps the database file, which is in the leader's directory
    let _directory = leader.stop().await;

    let stopped = within(async {
        loop {
            let response = standby.post(&format!("/api/v1/tasks/{task}/stop"), json!({})).await;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                break read::<TaskView>(response, StatusCode::ACCEPTED).await;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;

    assert_eq!(stopped.status, Some(Status::Kill));
}

#[tokio::test]
async fn tokens_are_made_and_revoked_through_the_one_that_stands_by() {
    let (leader, standby) = two().await;
    let body = json!({"name": "ci", "role": "reader"});

    let made: CreatedToken = read(standby.post("/api/v1/tokens", body).await, StatusCode::CREATED).await;
    let request =
        |manager: &Manager, path: &str| manager.bare(Method::GET, path).bearer_auth(&made.secret).send();
    // both have one of their own
    let tokens: Page<TokenView> = standby.get_json("/api/v1/tokens").await;
    let names: Vec<&str> = tokens.items.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["ci", "administrator-2", "administrator"]);
    for path in ["/api/v1/apps", "/api/v1/status"] {
        assert_eq!(request(&standby, path).await.unwrap().status(), StatusCode::OK);
    }
    let revoked = standby.request(Method::DELETE, "/api/v1/tokens/ci").send().await.unwrap();
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);

    refusal(request(&leader, "/api/v1/apps").await.unwrap(), ErrorCode::Unauthenticated).await;
    // what it answers by itself it may answer for five seconds more; what it passes on is refused at once
    refusal(request(&standby, "/api/v1/status").await.unwrap(), ErrorCode::Unauthenticated).await;
}
