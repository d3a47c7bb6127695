//! Many tasks in one request.

use bytes::Bytes;
use lp_protocol::views::{Page, TaskView};
use lp_protocol::{AppId, ErrorCode};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{Manager, hello, refusal, within};

async fn batch(manager: &Manager, app_id: AppId, query: &str, body: impl Into<Body>) -> Vec<Value> {
    let request =
        manager.request(Method::POST, &format!("/api/v1/tasks/batch?app_id={app_id}{query}")).body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn count(manager: &Manager) -> usize {
    manager.get_json::<Page<TaskView>>("/api/v1/tasks?limit=1000").await.items.len()
}

#[tokio::test]
async fn each_line_makes_a_task_in_order() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let body: String = (0..700).map(|n| format!("{{\"n\": {n}}}\n")).collect();

    let created = batch(&manager, app.app_id, "&task_name=many&priority=2", body).await;

    assert_eq!(created.len(), 700);
    assert!(created.iter().all(|line| line["created"] == true));
    for n in [0, 350, 699] {
        let info: Value =
            manager.get_json(&format!("/api/v1/tasks/{}", created[n]["task_id"].as_str().unwrap())).await;
        assert_eq!(
            (&info["input_data"]["n"], &info["task_name"], &info["priority"]),
            (&json!(n), &json!("many"), &json!(2))
        );
    }
    let page: Page<TaskView> = manager.get_json("/api/v1/tasks?limit=1").await;
    assert_eq!(page.items[0].task_id.to_string(), created[699]["task_id"].as_str().unwrap());
}

#[tokio::test]
async fn a_broken_line_ends_the_answer_with_its_number_and_the_tasks_before_it_stay() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;

    let lines = batch(&manager, app.app_id, "", "{\"n\": 1}\n\n{\"n\": 2}\nnonsense\n{\"n\": 3}\n").await;

    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["error"]["code"], "invalid_request");
    assert!(lines[2]["error"]["message"].as_str().unwrap().starts_with("line 4 "), "{}", lines[2]);
    assert!(!lines[2]["error"]["request_id"].as_str().unwrap().is_empty());
    assert_eq!(count(&manager).await, 2);
}

#[tokio::test]
async fn a_keyed_batch_that_is_repeated_makes_what_is_missing() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;

    let first = batch(&manager, app.app_id, "&key=k", "{\"n\": 1}\n{\"n\": 2}\n").await;
    let second = batch(&manager, app.app_id, "&key=k", "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n").await;
    let other = batch(&manager, app.app_id, "&key=k", "{\"n\": 7}\n").await;

    assert_eq!(second[0]["task_id"], first[0]["task_id"]);
    assert_eq!(
        second.iter().map(|line| line["created"].as_bool().unwrap()).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(other[0]["error"]["code"], "conflict");
    assert_eq!(count(&manager).await, 3);
}

#[tokio::test]
async fn ids_come_back_while_lines_are_still_sent() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let (lines, sent) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let stream =
        futures_util::stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) });
    let request = manager
        .request(Method::POST, &format!("/api/v1/tasks/batch?app_id={}", app.app_id))
        .body(Body::wrap_stream(stream));

    // the last line has no end yet, so only one task can be made
    lines.send(Ok(Bytes::from_static(b"{\"n\": 1}\n{\"n\""))).await.unwrap();
    let mut response = within(request.send()).await.unwrap();
    let first = within(response.chunk()).await.unwrap().unwrap();
    lines.send(Ok(Bytes::from_static(b": 2}"))).await.unwrap();
    drop(lines);
    let rest = within(response.text()).await.unwrap();

    assert_eq!(String::from_utf8_lossy(&first).lines().count(), 1);
    assert_eq!(rest.lines().count(), 1);
}

#[tokio::test]
async fn a_sender_that_reads_nothing_until_it_has_sent_all_is_served() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let body = "{}\n".repeat(60_000);
    let mut socket = tokio::net::TcpStream::connect(manager.address).await.unwrap();

    let head = format!(
        "POST /api/v1/tasks/batch?app_id={} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        app.app_id,
        manager.token,
        body.len()
    );
    within(async {
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body.as_bytes()).await.unwrap();
    })
    .await;
    let mut answer = Vec::new();
    within(socket.read_to_end(&mut answer)).await.unwrap();

    assert_eq!(String::from_utf8_lossy(&answer).matches("\"created\":true").count(), 60_000);
}

#[tokio::test]
async fn a_batch_for_nothing_is_refused_as_a_whole() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let send = |query: String| {
        manager.request(Method::POST, &format!("/api/v1/tasks/batch?{query}")).body("{}").send()
    };

    refusal(send("app_id=00000000-0000-4000-8000-000000000000".into()).await.unwrap(), ErrorCode::NotFound)
        .await;
    refusal(send("app_id=hello".into()).await.unwrap(), ErrorCode::InvalidRequest).await;
    refusal(send(format!("app_id={}&task=x", app.app_id)).await.unwrap(), ErrorCode::InvalidRequest).await;
    assert_eq!(batch(&manager, app.app_id, "", "").await, Vec::<Value>::new());
    assert_eq!(count(&manager).await, 0);
}
