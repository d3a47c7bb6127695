//! One task: made once, found, stopped, waited for, explained, run again, deleted.

use lp_protocol::client::ManagerClient;
use lp_protocol::views::{Page, TaskInfo, TaskView, Why};
use lp_protocol::{ErrorCode, Stage, Status};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, hello, manifest, read, refusal};
use crate::node::{FakeNode, Log};

#[tokio::test]
async fn a_task_is_made_and_says_where_it_is() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;

    let body = format!("{{\"app_id\": \"{}\", \"input_data\": {{\"x\":1.10}}, \"priority\": 3}}", app.app_id);
    let response = manager.request(Method::POST, "/api/v1/tasks").body(body).send().await.unwrap();

    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = read(response, StatusCode::CREATED).await;
    assert_eq!(location, format!("/api/v1/tasks/{}", created["task_id"].as_str().unwrap()));
    let info: TaskInfo = manager.get_json(&location).await;
    assert_eq!(
        (info.task.task_name.as_str(), info.task.app_name.as_str(), info.task.priority),
        ("run hello", "hello", 3)
    );
    assert_eq!((info.task.stage, info.task.status), (Stage::Pending, None));
    assert_eq!(info.input_data.get(), "{\"x\":1.10}");
    assert_eq!(info.actions.len(), 1);
}

#[tokio::test]
async fn a_key_makes_one_task_and_not_another() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let body = |input: i32| json!({"app_id": app.app_id, "input_data": {"x": input}, "key": "k1"});

    let first: Value = read(manager.post("/api/v1/tasks", body(1)).await, StatusCode::CREATED).await;
    let second: Value = read(manager.post("/api/v1/tasks", body(1)).await, StatusCode::OK).await;
    let other = refusal(manager.post("/api/v1/tasks", body(2)).await, ErrorCode::Conflict).await;

    assert_eq!(
        (first["task_id"].clone(), first["created"].clone(), second["created"].clone()),
        (second["task_id"].clone(), json!(true), json!(false))
    );
    assert!(other.message.contains("`k1`"), "{}", other.message);
    let all: Page<TaskView> = manager.get_json("/api/v1/tasks").await;
    assert_eq!(all.items.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_task_is_refused() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));

    for (body, code) in [
        (json!({"app_id": "00000000-0000-4000-8000-000000000000"}).to_string(), ErrorCode::NotFound),
        (json!({"app_id": "hello"}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "input_data": [1]}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "input_data": "x"}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "task_name": "a\u{1b}[2J"}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "task_name": ""}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "key": ""}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "priority": 1e12}).to_string(), ErrorCode::InvalidRequest),
        (json!({"app_id": app.app_id, "inptu_data": {}}).to_string(), ErrorCode::InvalidRequest),
        (format!("{{\"app_id\": \"{}\", \"input_data\": {deep}}}", app.app_id), ErrorCode::InvalidRequest),
    ] {
        let request = manager
            .request(Method::POST, "/api/v1/tasks")
            .header("content-type", "application/json")
            .body(body);
        refusal(request.send().await.unwrap(), code).await;
    }
}

#[tokio::test]
async fn a_task_is_meant_by_id_beginning_or_last() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let first = manager.create_task(app.app_id, json!({})).await;
    let last = manager.create_task(app.app_id, json!({})).await;

    for (text, task) in [(first.as_str(), &first), (&first[..8], &first), ("@last", &last)] {
        let info: TaskInfo = manager.get_json(&format!("/api/v1/tasks/{text}")).await;
        assert_eq!(info.task.task_id.to_string(), *task, "{text}");
    }
    refusal(manager.get("/api/v1/tasks/00000000-0000-4000-8000-000000000000").await, ErrorCode::NotFound)
        .await;
    refusal(manager.get("/api/v1/tasks/abc").await, ErrorCode::InvalidRequest).await;
    refusal(manager.get("/api/v1/tasks/a%25%5F_").await, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_task_runs_on_a_node_and_its_end_is_waited_for() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let app = manager.create_app("hello", manifest(&[("first", &[]), ("second", &["first"])])).await;
    let task = manager.create_task(app.app_id, json!({"greet": "hi"})).await;

    let first = node.assignment().await;
    assert_eq!(first.attempt.action, "first");
    assert_eq!(serde_json::from_str::<Value>(first.input.get()).unwrap()["greet"], "hi");
    node.start(&first.attempt).await;
    let running: TaskInfo = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    node.finish(&first.attempt, 0, Log::Inline(b"one\n")).await;
    let second = node.assignment().await;
    let waiting = manager.wait(&task);
    let finishing = node.finish(&second.attempt, 0, Log::Inline(b""));
    let (view, ()) = tokio::join!(waiting, finishing);

    assert_eq!(
        (running.task.stage, running.actions[0].stage, running.actions[1].stage),
        (Stage::Running, Stage::Running, Stage::Pending)
    );
    assert_eq!(running.actions[0].attempts[0].node_name, "one");
    assert_eq!((view.stage, view.status), (Stage::Finished, Some(Status::Success)));
    let info: TaskInfo = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    let result = &info.result["first"];
    assert_eq!((result.returncode, result.result.get()), (Some(0), "{\"data\": {\"n\": 1}}"));
    assert_eq!(info.actions[1].condition, ["first"]);
}

#[tokio::test]
async fn a_wait_ends_with_its_time_and_an_unknown_task_at_once() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;

    let view: TaskView = manager.get_json(&format!("/api/v1/tasks/{task}/wait?timeout=0.05")).await;

    assert_eq!(view.stage, Stage::Pending);
    for timeout in ["-1", "61", "NaN", "x"] {
        refusal(
            manager.get(&format!("/api/v1/tasks/{task}/wait?timeout={timeout}")).await,
            ErrorCode::InvalidRequest,
        )
        .await;
    }
    refusal(
        manager.get("/api/v1/tasks/00000000-0000-4000-8000-000000000000/wait").await,
        ErrorCode::NotFound,
    )
    .await;
}

#[tokio::test]
async fn why_tells_what_a_task_waits_for_and_why_it_failed() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;

    let waiting: Why = manager.get_json(&format!("/api/v1/tasks/{task}/why")).await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let attempt = node.assignment().await.attempt;
    node.finish(&attempt, 3, Log::Inline(b"oops\n")).await;
    manager.wait(&task).await;
    let failed: Why = manager.get_json(&format!("/api/v1/tasks/{task}/why")).await;

    assert_eq!(waiting.stage, Stage::Pending);
    assert!(waiting.summary.contains("`first`") && waiting.summary.contains("node"), "{}", waiting.summary);
    assert_eq!((failed.stage, failed.status), (Stage::Finished, Some(Status::Fail)));
    assert!(failed.summary.contains("exit code 3"), "{}", failed.summary);
    assert_eq!(failed.actions[0].name, "first");
}

#[tokio::test]
async fn a_stop_is_final_and_a_finished_task_runs_again_or_goes() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let at = |what: &str| format!("/api/v1/tasks/{task}{what}");

    refusal(manager.post(&at("/rerun"), json!({})).await, ErrorCode::Conflict).await;
    refusal(manager.request(Method::DELETE, &at("")).send().await.unwrap(), ErrorCode::Conflict).await;
    refusal(manager.post(&at("/stop"), json!({"signal": 1})).await, ErrorCode::InvalidRequest).await;
    let stopped: TaskView =
        read(manager.request(Method::POST, &at("/stop")).send().await.unwrap(), StatusCode::ACCEPTED).await;
    refusal(manager.post(&at("/stop"), json!({})).await, ErrorCode::Conflict).await;
    let again: TaskView = read(manager.post(&at("/rerun"), json!({})).await, StatusCode::ACCEPTED).await;
    read::<TaskView>(manager.post(&at("/stop"), json!({"signal": -9})).await, StatusCode::ACCEPTED).await;
    let deleted = manager.request(Method::DELETE, &at("")).send().await.unwrap();

    assert_eq!((stopped.stage, stopped.status), (Stage::Finished, Some(Status::Kill)));
    assert_eq!((again.stage, again.status), (Stage::Pending, None));
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    refusal(manager.get(&at("")).await, ErrorCode::NotFound).await;
    refusal(manager.post(&at("/stop"), json!({})).await, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn tasks_are_listed_by_filters_in_pages() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    for n in 0..5 {
        let body = json!({"app_id": app.app_id, "task_name": format!("nightly {n}")});
        read::<Value>(manager.post("/api/v1/tasks", body).await, StatusCode::CREATED).await;
    }
    manager.create_task(app.app_id, json!({})).await;
    let client = ManagerClient::new(&manager.url(""), &manager.token).unwrap();

    let mut names = Vec::new();
    let mut query =
        lp_protocol::views::ListTasks { name: Some("nightly*".into()), limit: Some(2), ..Default::default() };
    loop {
        let page = client.list_tasks(&query).await.unwrap();
        names.extend(page.items.into_iter().map(|task| task.task_name));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }

    assert_eq!(names, ["nightly 4", "nightly 3", "nightly 2", "nightly 1", "nightly 0"]);
    let none: Page<TaskView> = manager.get_json("/api/v1/tasks?stage=finished").await;
    assert!(none.items.is_empty());
    let wild: Page<TaskView> = manager.get_json("/api/v1/tasks?name=%25").await;
    assert!(wild.items.is_empty());
}
