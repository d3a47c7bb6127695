//! Draining and removing nodes, labels, and tasks that say where they run.

use lp_protocol::frames::{AttemptEvent, ManagerFrame};
use lp_protocol::views::{NodeView, Page, TaskView};
use lp_protocol::{ErrorCode, Exit, Stage, Status};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, hello, manifest, read, refusal};
use crate::node::{FakeNode, Log, join, open_socket};

async fn drain(manager: &Manager, node: &str, body: Value) -> NodeView {
    read(manager.post(&format!("/api/v1/nodes/{node}/drain"), body).await, StatusCode::OK).await
}

async fn undrain(manager: &Manager, node: &str) -> NodeView {
    read(manager.post(&format!("/api/v1/nodes/{node}/undrain"), json!({})).await, StatusCode::OK).await
}

async fn remove(manager: &Manager, node: &str, query: &str) -> reqwest::Response {
    let path = format!("/api/v1/nodes/{node}{query}");
    manager.request(Method::DELETE, &path).send().await.unwrap()
}

#[tokio::test]
async fn a_drain_is_shown_and_stands_over_a_restart_of_the_manager() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", hello()).await;
    manager.create_task(app.app_id, json!({})).await;
    let attempt = node.assignment().await.attempt;
    node.start(&attempt).await;

    let view = drain(&manager, "one", json!({"deadline": 3600})).await;
    let drained = view.drain.unwrap();
    assert!(!drained.drained, "something runs there");
    assert_eq!((drained.deadline.unwrap() - drained.since).num_seconds(), 3600);
    node.finish(&attempt, 0, Log::Inline(b"")).await;
    let (node_id, credential) = (node.node_id, node.credential.clone());
    drop(node);
    let manager = Manager::start_in(manager.stop().await, |_| ()).await;
    let mut node = FakeNode::reconnect(&manager, node_id, credential, "one").await;
    let listed: Page<NodeView> = manager.get_json("/api/v1/nodes").await;
    let again = listed.items[0].drain.clone().unwrap();
    assert!(again.drained);
    assert_eq!((again.since, again.deadline), (drained.since, drained.deadline));
    let task = manager.create_task(app.app_id, json!({})).await;
    let why: Value = manager.get_json(&format!("/api/v1/tasks/{task}/why")).await;
    assert!(why.to_string().contains("the nodes that suit it are drained: one"), "{why}");

    assert!(undrain(&manager, &node_id.to_string()).await.drain.is_none());
    assert_eq!(node.assignment().await.attempt.task_id.to_string(), task);
    for body in [json!({"deadline": -1}), json!({"deadline": 1e30}), json!({"dead_line": 1})] {
        refusal(manager.post("/api/v1/nodes/one/drain", body).await, ErrorCode::InvalidRequest).await;
    }
    refusal(manager.post("/api/v1/nodes/two/drain", json!({})).await, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn at_the_deadline_what_runs_is_stopped_and_runs_elsewhere_for_nothing() {
    let manager = Manager::start().await;
    let mut one = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let attempt = one.assignment().await.attempt;
    one.start(&attempt).await;
    drain(&manager, "one", json!({"deadline": 0})).await;
    one.find(|frame| {
        matches!(frame, ManagerFrame::Stop { stops } if stops[0].attempt == attempt).then_some(())
    })
    .await;
    let mut two = FakeNode::connect(&manager, "two").await;

    one.stopped(&attempt).await;

    let second = two.assignment().await.attempt;
    assert_eq!(second.attempt, 2);
    two.start(&second).await;
    two.finish(&second, 0, Log::Inline(b"")).await;
    assert_eq!(manager.wait(&task).await.status, Some(Status::Success));
    let info: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    assert_eq!(info["actions"][0]["attempts"][0]["exit"], json!({"kind": "drained"}), "{info}");
}

#[tokio::test]
async fn a_removed_node_is_told_and_its_credential_is_worth_nothing_at_once() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let credential = node.credential.clone();
    node.heartbeat().await;
    let refused = refusal(remove(&manager, "one", "").await, ErrorCode::Conflict).await;
    assert!(refused.message.ends_with("is connected and not drained"), "{}", refused.message);
    drain(&manager, "one", json!({})).await;

    assert_eq!(remove(&manager, "one", "").await.status(), StatusCode::NO_CONTENT);

    let told = node.find(|frame| match frame {
        ManagerFrame::Refused { error } => Some(error),
        _ => None,
    });
    assert_eq!(told.await.message, "this node was removed from the manager");
    assert_eq!(node.closed().await, "the manager closed the connection");
    let again = open_socket(&manager, &credential).await.unwrap_err();
    assert!(again.to_string().contains("401"), "{again}");
    refusal(remove(&manager, "one", "").await, ErrorCode::NotFound).await;
    assert!(manager.get_json::<Page<NodeView>>("/api/v1/nodes").await.items.is_empty());
}

#[tokio::test]
async fn a_node_that_works_is_removed_by_force_and_its_work_is_given_to_others() {
    let manager = Manager::start().await;
    let mut one = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let attempt = one.assignment().await.attempt;
    one.start(&attempt).await;
    drain(&manager, "one", json!({})).await;
    let refused = refusal(remove(&manager, "one", "?force=false").await, ErrorCode::Conflict).await;
    assert!(refused.message.ends_with("still has an action with it"), "{}", refused.message);
    let mut two = FakeNode::connect(&manager, "two").await;

    assert_eq!(remove(&manager, "one", "?force=true").await.status(), StatusCode::NO_CONTENT);

    let second = two.assignment().await.attempt;
    two.start(&second).await;
    two.finish(&second, 0, Log::Inline(b"")).await;
    assert_eq!(manager.wait(&task).await.status, Some(Status::Success));
    // one that has only joined has nothing to lose
    join(&manager, "three").await;
    assert_eq!(remove(&manager, "three", "").await.status(), StatusCode::NO_CONTENT);
    refusal(remove(&manager, "two", "?forse=true").await, ErrorCode::InvalidRequest).await;
}

#[tokio::test]
async fn a_tasks_own_target_env_decides_for_it_alone() {
    let manager = Manager::start().await;
    let mut plain = FakeNode::connect(&manager, "plain").await;
    let app = manager.create_app("two", manifest(&[("a", &[]), ("b", &["a"])])).await;
    let picky = json!({"target_env": {"a": {"labels": {"gpu": ["a100", "h100"]}}}});
    let task = manager.create_task(app.app_id, picky.clone()).await;

    let why: Value = manager.get_json(&format!("/api/v1/tasks/{task}/why")).await;
    let reason = why["actions"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "no connected node suits it: node plain has no label gpu, `a100, h100` wanted");
    let other = manager.create_task(app.app_id, json!({})).await;
    assert_eq!(plain.assignment().await.attempt.task_id.to_string(), other);
    // rows tell the same
    let manager = Manager::start_in(manager.stop().await, |_| ()).await;
    let mut gpu = FakeNode::connect_with_labels(&manager, "gpu", &[("gpu", "h100")]).await;
    let given = gpu.assignment().await.attempt;
    assert_eq!((given.task_id.to_string(), given.action.as_str()), (task.clone(), "a"));
    assert_eq!(manager.get_json::<NodeView>("/api/v1/nodes/gpu").await.facts.labels["gpu"], "h100");
    manager.post(&format!("/api/v1/tasks/{task}/stop"), json!({})).await;
    gpu.stopped(&given).await;
    assert_eq!(manager.wait(&task).await.status, Some(Status::Kill));

    manager.post(&format!("/api/v1/tasks/{task}/rerun"), json!({})).await;
    assert_eq!(gpu.assignment().await.attempt.attempt, 2, "a rerun keeps it");
}

#[tokio::test]
async fn a_target_env_that_cannot_be_obeyed_is_refused_with_the_reason() {
    let manager = Manager::start().await;
    let app = manager.create_app("two", manifest(&[("a", &[]), ("b", &["a"])])).await;
    for (target, part) in [
        (json!({"c": {}}), "input_data: `target_env` names the unknown action `c`"),
        (json!({"a": {"gpu": 1}}), "input_data: action `a`: `target_env` has the unknown key `gpu`"),
        (json!({"a": {"node_id": "x"}}), "`target_env.node_id` must be the id of a node"),
        (json!({"a": {"labels": {"gpu": [1, {}]}}}), "`target_env.labels.gpu` must be a text"),
        (json!("prod"), "`target_env` must be an object"),
    ] {
        let body = json!({"app_id": app.app_id, "input_data": {"target_env": target}});
        let refused = refusal(manager.post("/api/v1/tasks", body).await, ErrorCode::InvalidRequest).await;
        assert!(refused.message.contains(part), "{}", refused.message);
    }
    let lines = "{}\n{\"target_env\": {\"c\": {}}}\n{}\n";
    let request =
        manager.request(Method::POST, &format!("/api/v1/tasks/batch?app_id={}", app.app_id)).body(lines);
    let text = request.send().await.unwrap().text().await.unwrap();
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 2, "{text}");
    assert!(told[1]["error"]["message"].as_str().unwrap().starts_with("line 2 cannot be used: input_data: "));
    let tasks: Page<TaskView> = manager.get_json("/api/v1/tasks").await;
    assert_eq!(tasks.items.len(), 1, "what is refused changes nothing");
    assert_eq!(tasks.items[0].stage, Stage::Pending);
}

impl FakeNode {
    /// Says that the attempt was stopped.
    async fn stopped(&mut self, attempt: &lp_protocol::AttemptKey) {
        let now = chrono::Utc::now();
        let finish = lp_protocol::frames::Finish {
            exit: Exit::Stopped { returncode: -15 },
            start_at: Some(now),
            end_at: now,
            output: None,
            log_bytes: 0,
            log: None,
            log_times: None,
            usage: Default::default(),
            preparing: Vec::new(),
        };
        self.report(attempt, AttemptEvent::Finished(Box::new(finish))).await;
    }
}
