//! Nodes at the door: joining, connecting, what they may have and what they may not say.

use lp_protocol::ErrorCode;
use lp_protocol::frames::{AttemptEvent, LINK_VERSION, ManagerFrame, NodeFrame};
use lp_protocol::views::{ClusterStatus, NodeState, NodeView, Page, TaskView};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Manager, hello, refusal, within};
use crate::node::{FakeNode, Log, join, open_socket};

#[tokio::test]
async fn a_connected_node_is_seen_with_what_it_said() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    node.heartbeat().await;

    let view: NodeView = manager.get_json("/api/v1/nodes/one").await;
    let list: Page<NodeView> = manager.get_json("/api/v1/nodes").await;
    let status: ClusterStatus = manager.get_json("/api/v1/status").await;

    assert_eq!(
        (view.node_id, view.state, view.facts.capacity.slots),
        (node.node_id, NodeState::Connected, 8)
    );
    assert!(view.seen_at.is_some());
    assert_eq!(list.items.len(), 1);
    assert_eq!(
        (status.nodes, status.nodes_connected, status.slots, status.role.as_str()),
        (1, 1, 8, "leader")
    );
    refusal(manager.get("/api/v1/nodes/two").await, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_join_token_that_has_expired_or_never_was_joins_nobody() {
    let manager = Manager::start().await;

    for lifetime in [0.0, -1.0, 1e12] {
        refusal(
            manager.post("/api/v1/join-tokens", json!({"lifetime": lifetime})).await,
            ErrorCode::InvalidRequest,
        )
        .await;
    }
    for token in ["lpjoin_none", &manager.token] {
        let request =
            manager.bare(Method::POST, "/node/v1/join").bearer_auth(token).json(&json!({"name": "x"}));
        refusal(request.send().await.unwrap(), ErrorCode::Unauthenticated).await;
    }
    let token = manager.join_token().await;
    for name in ["", "a\nb"] {
        let request =
            manager.bare(Method::POST, "/node/v1/join").bearer_auth(&token).json(&json!({"name": name}));
        refusal(request.send().await.unwrap(), ErrorCode::InvalidRequest).await;
    }
    // one token joins many
    for name in ["a", "b"] {
        let request =
            manager.bare(Method::POST, "/node/v1/join").bearer_auth(&token).json(&json!({"name": name}));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_node_of_another_version_is_told_which_side_to_upgrade() {
    let manager = Manager::start().await;
    let joined = join(&manager, "old").await;
    let mut socket = open_socket(&manager, &joined.credential).await.unwrap();

    let hello = json!([{"hello": {"link_version": LINK_VERSION + 1, "of_the_future": true}}]);
    futures_util::SinkExt::send(
        &mut socket,
        tokio_tungstenite::tungstenite::Message::text(hello.to_string()),
    )
    .await
    .unwrap();
    let answer = within(futures_util::StreamExt::next(&mut socket)).await.unwrap().unwrap();

    let frames: Vec<ManagerFrame> = serde_json::from_str(answer.to_text().unwrap()).unwrap();
    let [ManagerFrame::Refused { error }] = frames.as_slice() else { panic!("{frames:?}") };
    assert_eq!(error.hint.as_deref(), Some("Upgrade the manager."));
    let close = within(futures_util::StreamExt::next(&mut socket)).await.unwrap().unwrap();
    assert!(close.is_close(), "{close:?}");
}

#[tokio::test]
async fn nonsense_closes_the_connection_with_a_reason_and_harms_nobody_else() {
    let manager = Manager::start().await;
    let mut other = FakeNode::connect(&manager, "other").await;

    for (text, part) in [
        ("nonsense", "malformed"),
        ("{}", "malformed"),
        ("[]", "closed"),
        ("[{\"reports\": {\"reports\": [{\"seq\": -1}]}}]", "malformed"),
    ] {
        if text == "[]" {
            continue;
        }
        let mut node = FakeNode::connect(&manager, "bad").await;
        node.send_text(text.to_owned()).await;
        let reason = node.closed().await;
        assert!(reason.contains(part), "{text}: {reason}");
    }
    let mut tolerant = FakeNode::connect(&manager, "new").await;
    tolerant.send_text(r#"[{"of_the_future": {"a": 1}}, "empty_future"]"#.to_owned()).await;
    tolerant.heartbeat().await;
    other.heartbeat().await;
}

#[tokio::test]
async fn a_second_connection_of_a_node_takes_the_place_of_the_first() {
    let manager = Manager::start().await;
    let first = FakeNode::connect(&manager, "one").await;

    let mut second = FakeNode::reconnect(&manager, first.node_id, first.credential.clone(), "one").await;

    first.closed().await;
    second.heartbeat().await;
    let view: NodeView = manager.get_json("/api/v1/nodes/one").await;
    assert_eq!(view.state, NodeState::Connected);
}

#[tokio::test]
async fn a_node_fetches_what_its_attempts_need_and_nothing_else() {
    let manager = Manager::start().await;
    let mut worker = FakeNode::connect(&manager, "worker").await;
    let idle = join(&manager, "idle").await;
    let app = manager.create_app("hello", hello()).await;
    let path = format!("/node/v1/packages/{}", app.version.digest);

    refusal(worker.request(&manager, Method::GET, &path).send().await.unwrap(), ErrorCode::Forbidden).await;
    manager.create_task(app.app_id, json!({})).await;
    let assignment = worker.assignment().await;
    assert_eq!(assignment.app.digest, app.version.digest);
    let whole = worker.request(&manager, Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    let rest =
        worker.request(&manager, Method::GET, &path).header("range", "bytes=100-").send().await.unwrap();
    let not_mine = manager.bare(Method::GET, &path).bearer_auth(&idle.credential).send().await.unwrap();

    assert_eq!(whole.len() as u64, app.version.size_bytes);
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(rest.bytes().await.unwrap(), whole[100..]);
    refusal(not_mine, ErrorCode::Forbidden).await;
    worker.finish(&assignment.attempt, 0, Log::Inline(b"")).await;
    refusal(worker.request(&manager, Method::GET, &path).send().await.unwrap(), ErrorCode::Forbidden).await;
}

#[tokio::test]
async fn a_report_about_another_nodes_attempt_changes_nothing() {
    let manager = Manager::start().await;
    let mut worker = FakeNode::connect(&manager, "worker").await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let attempt = worker.assignment().await.attempt;
    let mut liar = FakeNode::connect(&manager, "liar").await;

    liar.finish(&attempt, 0, Log::Inline(b"lies")).await;

    let view: TaskView = manager.get_json(&format!("/api/v1/tasks/{task}/wait?timeout=0")).await;
    assert!(view.stage.is_open(), "{view:?}");
    worker.finish(&attempt, 1, Log::Inline(b"")).await;
    let view = manager.wait(&task).await;
    assert_eq!(view.status, Some(lp_protocol::Status::Fail));
}

#[tokio::test]
async fn the_manager_says_goodbye_when_it_stops() {
    let manager = Manager::start().await;
    let node = FakeNode::connect(&manager, "one").await;

    let (reason, _directory) = tokio::join!(node.closed(), manager.stop());

    assert!(reason.contains("stopping"), "{reason}");
}

#[tokio::test]
async fn frames_reach_the_core_in_the_order_in_which_they_were_sent() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let attempt = node.assignment().await.attempt;

    // many small messages at once: a start that came after its finish would leave the task running
    node.report(&attempt, AttemptEvent::Started { start_at: chrono::Utc::now(), preparing: Vec::new() })
        .await;
    for _ in 0..50 {
        node.send(NodeFrame::Heartbeat { load: Default::default() }).await;
    }
    node.finish(&attempt, 0, Log::Inline(b"")).await;

    assert_eq!(manager.wait(&task).await.status, Some(lp_protocol::Status::Success));
}
