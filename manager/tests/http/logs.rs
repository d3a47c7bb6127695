//! Logs: small ones, archived ones, live ones, and the seams between.

use bytes::Bytes;
use lp_protocol::frames::StreamRequest;
use lp_protocol::{AttemptKey, ErrorCode};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{Manager, hello, read, refusal, within};
use crate::node::{FakeNode, Log};

/// A manager with a node that has been given one attempt.
async fn one_attempt() -> (Manager, FakeNode, AttemptKey) {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", hello()).await;
    manager.create_task(app.app_id, json!({})).await;
    let attempt = node.assignment().await.attempt;
    node.start(&attempt).await;
    (manager, node, attempt)
}

fn log_path(attempt: &AttemptKey, query: &str) -> String {
    format!("/api/v1/tasks/{}/actions/first/attempts/latest/log{query}", attempt.task_id)
}

async fn text(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

/// Serves the bytes of a stream the manager has asked for.
async fn serve(node: &mut FakeNode, manager: &Manager, offset: u64, body: impl Into<Body>) -> StreamRequest {
    let (stream_id, what) = node.stream_request().await;
    let request = node
        .request(manager, Method::POST, &format!("/node/v1/streams/{stream_id}"))
        .header("x-offset", offset)
        .body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    what
}

#[tokio::test]
async fn a_small_log_is_read_from_any_byte_when_the_node_is_gone() {
    let (manager, mut node, attempt) = one_attempt().await;
    node.finish(&attempt, 0, Log::Inline(b"0123456789")).await;
    drop(node);

    let whole = manager.get(&log_path(&attempt, "")).await;
    assert_eq!(
        (&whole.headers()["x-attempt"], &whole.headers()["x-offset"]),
        (&"1".parse().unwrap(), &"0".parse().unwrap())
    );
    assert_eq!(whole.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(text(whole).await, "0123456789");
    for (query, rest, offset) in [
        ("?offset=4", "456789", "4"),
        ("?tail_bytes=3", "789", "7"),
        ("?tail_bytes=300", "0123456789", "0"),
        ("?offset=99", "", "99"),
        ("?offset=4&follow=true", "456789", "4"),
    ] {
        let response = manager.get(&log_path(&attempt, query)).await;
        assert_eq!(response.headers()["x-offset"], offset, "{query}");
        assert_eq!(text(response).await, rest, "{query}");
    }
}

#[tokio::test]
async fn archived_segments_are_read_as_one() {
    let (manager, mut node, attempt) = one_attempt().await;
    node.finish(&attempt, 0, Log::Shipped(20)).await;
    assert_eq!(node.ship(&manager, &attempt, 0, b"0123456789", false).await, 10);
    assert_eq!(node.ship(&manager, &attempt, 10, b"abcdefghij", true).await, 20);
    drop(node);

    for (query, expected) in [
        ("", "0123456789abcdefghij"),
        ("?offset=8", "89abcdefghij"),
        ("?offset=10", "abcdefghij"),
        ("?tail_bytes=12", "89abcdefghij"),
    ] {
        assert_eq!(text(manager.get(&log_path(&attempt, query)).await).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_has_not_moved_yet_is_read_from_the_node_without_a_seam() {
    let (manager, mut node, attempt) = one_attempt().await;
    node.finish(&attempt, 0, Log::Shipped(20)).await;
    node.ship(&manager, &attempt, 0, b"0123456789", false).await;

    let path = log_path(&attempt, "?offset=5");
    let (response, asked) = tokio::join!(
        async { text(manager.get(&path).await).await },
        serve(&mut node, &manager, 10, "abcdefghij")
    );

    assert_eq!(response, "56789abcdefghij");
    assert!(
        matches!(asked, StreamRequest::Log { offset: 10, tail_bytes: None, follow: false, .. }),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_running_log_is_followed_as_it_is_written() {
    let (manager, mut node, attempt) = one_attempt().await;
    let (lines, sent) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let stream =
        futures_util::stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) });
    let path = log_path(&attempt, "?follow=true");

    let (serving, reading) =
        tokio::join!(serve_slowly(&mut node, &manager, Body::wrap_stream(stream)), manager.get(&path));
    let mut reading = reading;
    for line in ["one\n", "two\n"] {
        lines.send(Ok(Bytes::from(line))).await.unwrap();
        assert_eq!(within(reading.chunk()).await.unwrap().unwrap(), line);
    }
    drop(lines);

    assert_eq!(within(reading.chunk()).await.unwrap(), None);
    assert_eq!(within(serving).await.unwrap(), StatusCode::NO_CONTENT);
}

/// Begins to serve and goes on in the background.
async fn serve_slowly(
    node: &mut FakeNode,
    manager: &Manager,
    body: Body,
) -> tokio::task::JoinHandle<StatusCode> {
    let (stream_id, _) = node.stream_request().await;
    let request = node
        .request(manager, Method::POST, &format!("/node/v1/streams/{stream_id}"))
        .header("x-offset", 0)
        .body(body);
    tokio::spawn(async move { request.send().await.unwrap().status() })
}

#[tokio::test]
async fn the_tail_of_a_running_log_is_the_nodes_to_find() {
    let (manager, mut node, attempt) = one_attempt().await;
    let path = log_path(&attempt, "?tail_bytes=4");

    let (response, asked) = tokio::join!(manager.get(&path), serve(&mut node, &manager, 996, "6789"));

    assert!(matches!(asked, StreamRequest::Log { tail_bytes: Some(4), .. }), "{asked:?}");
    assert_eq!(response.headers()["x-offset"], "996");
    assert_eq!(text(response).await, "6789");
}

#[tokio::test]
async fn a_log_whose_node_is_away_is_told_before_the_first_byte() {
    let (manager, node, attempt) = one_attempt().await;
    drop(node);

    let error = refusal(manager.get(&log_path(&attempt, "")).await, ErrorCode::NodeUnreachable).await;

    assert!(error.message.contains("cannot be reached"), "{}", error.message);
}

#[tokio::test]
async fn an_answer_that_lacks_the_rest_is_not_complete() {
    let (manager, mut node, attempt) = one_attempt().await;
    node.finish(&attempt, 0, Log::Shipped(20)).await;
    node.ship(&manager, &attempt, 0, b"0123456789", false).await;
    drop(node);

    let mut response = manager.get(&log_path(&attempt, "")).await;

    assert_eq!(response.status(), StatusCode::OK);
    let mut read = Vec::new();
    let is_complete = loop {
        match within(response.chunk()).await {
            Ok(Some(bytes)) => read.extend(bytes),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    assert!(!is_complete, "the end must not look like the end of the log");
    // a connection that is cut may take along what was not read yet
    assert!(b"0123456789".starts_with(&read), "{read:?}");
}

#[tokio::test]
async fn a_follower_goes_on_when_its_node_comes_back() {
    let (manager, mut node, attempt) = one_attempt().await;
    let path = log_path(&attempt, "?follow=true");
    let (begun, sent) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let stream =
        futures_util::stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) });
    let (serving, mut reading) =
        tokio::join!(serve_slowly(&mut node, &manager, Body::wrap_stream(stream)), manager.get(&path));
    begun.send(Ok(Bytes::from_static(b"one\n"))).await.unwrap();
    assert_eq!(within(reading.chunk()).await.unwrap().unwrap(), "one\n");
    let (node_id, credential) = (node.node_id, node.credential.clone());
    // power off: neither stream nor link ends in order
    begun.send(Err(std::io::Error::other("power off"))).await.unwrap();
    drop(node);
    within(serving).await.unwrap_err();

    let mut node =
        FakeNode::reconnect_holding(&manager, node_id, credential, "one", vec![attempt.clone()]).await;
    let (asked, rest) = tokio::join!(serve(&mut node, &manager, 4, "two\n"), async {
        within(reading.chunk()).await.unwrap().unwrap()
    });

    assert!(matches!(asked, StreamRequest::Log { offset: 4, follow: true, .. }), "{asked:?}");
    assert_eq!(rest, "two\n");
    assert_eq!(within(reading.chunk()).await.unwrap(), None);
}

#[tokio::test]
async fn segments_are_stored_once_in_order_and_by_the_node_that_ran_the_attempt() {
    let (manager, mut node, attempt) = one_attempt().await;
    let other = FakeNode::connect(&manager, "other").await;
    node.finish(&attempt, 0, Log::Shipped(20)).await;
    let path = |offset: u64, end: bool| {
        format!("/node/v1/logs/{}/first/1?offset={offset}&end={end}", attempt.task_id)
    };
    let put = |node: &FakeNode, path: String, bytes: &'static str| {
        node.request(&manager, Method::PUT, &path).body(bytes).send()
    };

    refusal(put(&other, path(0, false), "0123456789").await.unwrap(), ErrorCode::Forbidden).await;
    let gap = put(&node, path(10, false), "abcdefghij").await.unwrap();
    let gap: Value = read(gap, StatusCode::CONFLICT).await;
    assert_eq!((gap["next"].clone(), gap["code"].clone()), (json!(0), json!("conflict")));
    for _ in 0..2 {
        assert_eq!(node.ship(&manager, &attempt, 0, b"0123456789", false).await, 10);
    }
    let overlap: Value =
        read(put(&node, path(5, false), "xxxxxxxxxx").await.unwrap(), StatusCode::CONFLICT).await;
    assert_eq!(overlap["next"], 10);
    node.ship(&manager, &attempt, 10, b"abcdefghij", true).await;
    let beyond: Value = read(put(&node, path(20, true), "more").await.unwrap(), StatusCode::CONFLICT).await;
    assert_eq!(beyond["next"], 20);
    let large = node
        .request(&manager, Method::PUT, &path(20, false))
        .body(vec![0; (4 << 20) + 1])
        .send()
        .await
        .unwrap();
    refusal(large, ErrorCode::TooLarge).await;

    assert_eq!(text(manager.get(&log_path(&attempt, "")).await).await, "0123456789abcdefghij");
}

#[tokio::test]
async fn a_log_that_is_not_there_says_what_is() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;

    for (path, code, part) in [
        ("actions/first/attempts/latest/log", ErrorCode::NotFound, "first"),
        ("actions/first/attempts/1/log", ErrorCode::NotFound, "1"),
        ("actions/first/attempts/x/log", ErrorCode::InvalidRequest, "`x`"),
        ("actions/second/attempts/latest/log", ErrorCode::NotFound, "second"),
        ("actions/first/attempts/latest/log?offset=-1", ErrorCode::InvalidRequest, "offset"),
    ] {
        let error = refusal(manager.get(&format!("/api/v1/tasks/{task}/{path}")).await, code).await;
        assert!(error.message.contains(part), "{path}: {}", error.message);
    }
}
