//! Requests of the wrong form, and the one form of their answers.

use lp_protocol::ErrorCode;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Manager, hello, read, refusal};

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let manager = Manager::start().await;

    for (method, path, allow) in [
        (Method::PUT, "/api/v1/apps", "GET, POST"),
        (Method::POST, "/api/v1/apps/x", "GET, PATCH, DELETE"),
        (Method::GET, "/api/v1/tasks/batch", "GET, DELETE"),
        (Method::GET, "/api/v1/blobs/x", "HEAD, PUT"),
        (Method::POST, "/metrics", "GET"),
    ] {
        let response = manager.request(method.clone(), path).send().await.unwrap();
        if path == "/api/v1/tasks/batch" {
            // POST is a route of its own; for GET it would be a task's name
            refusal(response, ErrorCode::MethodNotAllowed).await;
            continue;
        }
        assert_eq!(response.headers()["allow"], allow, "{method} {path}");
        refusal(response, ErrorCode::MethodNotAllowed).await;
    }
}

#[tokio::test]
async fn what_is_not_json_or_not_of_the_right_form_says_why() {
    let manager = Manager::start().await;

    for (body, part) in [
        ("{", "not JSON"),
        ("", "is empty"),
        ("[]", "not of the right form"),
        ("{\"name\": \"x\"}", "missing field `digest`"),
        ("{\"name\": \"x\", \"digest\": \"y\", \"dscription\": \"\"}", "unknown field `dscription`"),
        ("{\"name\": \"x\", \"name\": \"x\"}", "duplicate field `name`"),
    ] {
        let request = manager
            .request(Method::POST, "/api/v1/apps")
            .header("content-type", "application/json")
            .body(body);
        let error = refusal(request.send().await.unwrap(), ErrorCode::InvalidRequest).await;
        assert!(error.message.contains(part), "{body}: {}", error.message);
    }
}

#[tokio::test]
async fn an_unknown_part_of_a_query_is_named() {
    let manager = Manager::start().await;

    for (path, part) in [
        ("/api/v1/tasks?stge=running", "`stge`"),
        ("/api/v1/tasks?stage=sleeping", "`sleeping`"),
        ("/api/v1/tasks?limit=-1", "limit"),
        ("/api/v1/tasks?limit=x", "limit"),
        ("/api/v1/tasks?since=yesterday", "since"),
        ("/api/v1/tasks?cursor=nonsense", "cursor"),
        ("/api/v1/apps?offset=3", "`offset`"),
        ("/api/v1/events?task_id=x", "task_id"),
    ] {
        let error = refusal(manager.get(path).await, ErrorCode::InvalidRequest).await;
        assert!(error.message.contains(part), "{path}: {}", error.message);
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused_before_it_is_read() {
    let manager = Manager::start().await;

    for encoding in ["gzip", "br", "zstd", "deflate", "identity, gzip", "x"] {
        for path in ["/api/v1/blobs", "/api/v1/apps", "/api/v1/tasks", "/api/v1/tasks/batch", "/nothing"] {
            let request = manager
                .request(Method::POST, path)
                .header("content-encoding", encoding)
                .body(vec![0_u8; 850]);
            refusal(request.send().await.unwrap(), ErrorCode::UnsupportedMediaType).await;
        }
    }
    let request =
        manager.request(Method::POST, "/api/v1/blobs").header("content-encoding", "identity").body("x");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let manager = Manager::start().await;

    let request =
        manager.request(Method::POST, "/api/v1/tasks").header("content-type", "text/plain").body("{}");

    refusal(request.send().await.unwrap(), ErrorCode::UnsupportedMediaType).await;
}

#[tokio::test]
async fn json_may_have_four_mebibytes_of_input_and_not_more() {
    let manager = Manager::start().await;
    let app = manager.create_app("big", hello()).await;
    let body = |bytes: usize| json!({"app_id": app.app_id, "input_data": {"a": "x".repeat(bytes)}});

    let fits = manager.post("/api/v1/tasks", body((4 << 20) - 8)).await;
    read::<serde_json::Value>(fits, StatusCode::CREATED).await;
    refusal(manager.post("/api/v1/tasks", body(4 << 20)).await, ErrorCode::TooLarge).await;
    refusal(manager.post("/api/v1/tasks", body(8 << 20)).await, ErrorCode::TooLarge).await;
    let stream = futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 16])));
    let unsized_body = manager
        .request(Method::POST, "/api/v1/tasks")
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(stream));
    refusal(unsized_body.send().await.unwrap(), ErrorCode::TooLarge).await;
}

#[tokio::test]
async fn a_harmless_request_id_is_kept() {
    let manager = Manager::start().await;

    let response = manager
        .request(Method::GET, "/api/v1/apps/nothing")
        .header("x-request-id", "abc-1")
        .send()
        .await
        .unwrap();

    assert_eq!(refusal(response, ErrorCode::NotFound).await.request_id, "abc-1");
}

#[tokio::test]
async fn names_in_paths_are_one_part_however_they_are_written() {
    let manager = Manager::start().await;
    let app = manager.create_app("my app é%", hello()).await;

    let found: lp_protocol::views::AppView = manager.get_json("/api/v1/apps/my%20app%20%C3%A9%25").await;

    assert_eq!(found.app_id, app.app_id);
    for path in [
        "/api/v1/apps/..%2f..%2fetc",
        "/api/v1/apps/%00",
        "/api/v1/apps/%ff",
        "/api/v1/apps/'%20OR%201=1",
        "/api/v1/apps/%25",
    ] {
        let status = manager.get(path).await.status();
        assert!(matches!(status.as_u16(), 400 | 404), "{path}: {status}");
    }
}
