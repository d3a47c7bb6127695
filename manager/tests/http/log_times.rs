//! When logs were written: from the row, from the node, and in the moment between the two.

use lp_protocol::frames::{NodeFrame, StreamRequest};
use lp_protocol::marks::Marks;
use lp_protocol::views::LogTimes;
use lp_protocol::{ApiError, AttemptKey, ErrorCode};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Manager, hello, read, refusal};
use crate::node::{FakeNode, Log, base64};

const BEGIN: u64 = 1_790_000_000_000;

async fn assigned() -> (Manager, FakeNode, AttemptKey) {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", hello()).await;
    manager.create_task(app.app_id, json!({})).await;
    let attempt = node.assignment().await.attempt;
    (manager, node, attempt)
}

fn path(attempt: &AttemptKey) -> String {
    format!("/api/v1/tasks/{}/actions/first/attempts/latest/log/times", attempt.task_id)
}

async fn times(manager: &Manager, attempt: &AttemptKey) -> LogTimes {
    read(manager.get(&path(attempt)).await, StatusCode::OK).await
}

pub fn two_marks() -> Vec<u8> {
    let mut marks = Marks::default();
    for (offset, at_ms) in [(4, BEGIN), (10, BEGIN + 1500)] {
        let _ = marks.push(offset, at_ms);
    }
    marks.encode()
}

fn pairs(times: &LogTimes) -> Vec<(u64, i64)> {
    times.marks.iter().map(|mark| (mark.offset, mark.at.timestamp_millis() - BEGIN as i64)).collect()
}

/// Answers the manager's question for marks.
async fn answer(node: &mut FakeNode, manager: &Manager, bytes: Vec<u8>) -> StreamRequest {
    let (stream_id, what) = node.stream_request().await;
    let request = node.request(manager, Method::POST, &format!("/node/v1/streams/{stream_id}"));
    assert_eq!(request.body(bytes).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    what
}

#[tokio::test]
async fn the_times_of_a_finished_log_are_there_when_the_node_is_gone() {
    let (manager, mut node, attempt) = assigned().await;
    node.start(&attempt).await;
    node.finish_timed(&attempt, 0, Log::Inline(b"0123456789"), Some(base64(&two_marks()))).await;
    drop(node);

    let told = times(&manager, &attempt).await;

    assert_eq!(pairs(&told), [(4, 0), (10, 1500)]);
    assert_eq!((told.attempt, told.precision_ms), (1, 100));
    assert!(told.start_at.is_some() && told.end_at.is_some());
}

#[tokio::test]
async fn the_times_of_a_running_log_are_its_nodes_and_none_before_it_runs() {
    let (manager, mut node, attempt) = assigned().await;
    assert!(times(&manager, &attempt).await.marks.is_empty(), "nobody was asked");
    node.start(&attempt).await;

    let (told, asked) = tokio::join!(times(&manager, &attempt), answer(&mut node, &manager, two_marks()));

    assert_eq!((pairs(&told), told.end_at), (vec![(4, 0), (10, 1500)], None));
    assert!(matches!(asked, StreamRequest::LogTimes { attempt: of } if of == attempt));
}

#[tokio::test]
async fn a_node_that_has_just_told_the_end_is_not_the_last_word() {
    let (manager, mut node, attempt) = assigned().await;
    node.start(&attempt).await;

    let told = tokio::join!(times(&manager, &attempt), async {
        let (stream_id, _) = node.stream_request().await;
        node.finish_timed(&attempt, 0, Log::Inline(b"0123456789"), Some(base64(&two_marks()))).await;
        let error = ApiError::new(ErrorCode::Gone, "it has ended");
        node.send(NodeFrame::StreamFailed { stream_id, error }).await;
    });

    assert_eq!(pairs(&told.0), [(4, 0), (10, 1500)]);
}

#[tokio::test]
async fn senseless_marks_cost_the_times_and_nothing_else() {
    let (manager, mut node, attempt) = assigned().await;
    node.start(&attempt).await;

    let path = path(&attempt);
    let (refused, _) = tokio::join!(manager.get(&path), answer(&mut node, &manager, b"what?".to_vec()));
    refusal(refused, ErrorCode::NodeUnreachable).await;

    node.finish_timed(&attempt, 0, Log::Inline(b"hi"), Some("?".repeat(400_000))).await;
    let told = times(&manager, &attempt).await;
    assert!(told.marks.is_empty() && told.end_at.is_some());
    let log = manager.get(&path.replace("/times", "")).await;
    assert_eq!(log.text().await.unwrap(), "hi");
}

#[tokio::test]
async fn times_of_no_attempt_are_not_found() {
    let (manager, _node, attempt) = assigned().await;

    let missing = path(&attempt).replace("latest", "7");

    refusal(manager.get(&missing).await, ErrorCode::NotFound).await;
}
