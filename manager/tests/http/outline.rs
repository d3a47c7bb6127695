//! What pages ask for: a task in columns, and what it was given and has left piece by piece.

use lp_protocol::views::{AppView, Outlined, TaskInfo, TaskOutline, Why};
use lp_protocol::{ErrorCode, Status};
use serde_json::{Value, json};

use crate::harness::{Manager, manifest, refusal};
use crate::node::{FakeNode, Log};

#[tokio::test]
async fn an_outline_has_the_actions_and_only_what_is_asked_for() {
    let manager = Manager::start().await;
    let mut node = FakeNode::connect(&manager, "one").await;
    node.heartbeat().await;
    let all = manifest(&[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["b"])]);
    let app = manager.create_app("hello", all).await;
    let task = manager.create_task(app.app_id, json!({"x": 1})).await;
    let first = node.assignment().await.attempt;
    node.finish(&first, 0, Log::Inline(b"")).await;
    let second = node.assignment().await.attempt;
    node.finish(&second, 3, Log::Inline(b"oops")).await;
    manager.wait(&task).await;
    let at = |rest: &str| format!("/api/v1/tasks/{task}{rest}");

    let info: TaskInfo = manager.get_json(&at("")).await;
    let bare: Value = manager.get_json(&at("/outline")).await;
    let outline: TaskOutline = manager.get_json(&at("/outline?why=1&why_action=d&results=10")).await;

    assert!(bare.get("why").is_none() && bare.get("left").is_none(), "{bare}");
    let why = outline.why.clone().unwrap();
    let told: Vec<&str> = why.actions.iter().map(|action| action.name.as_str()).collect();
    assert_eq!((told, why.more), (vec!["b", "d"], 1));
    assert!(why.summary.contains("exit") || why.summary.contains("code"), "{}", why.summary);
    let Outlined { info: same, why: _, has_more } = outline.into();
    assert!(!has_more);
    assert_eq!(serde_json::to_value(&same.actions).unwrap(), serde_json::to_value(&info.actions).unwrap());
    assert_eq!(same.input_data.get(), r#"{"x":1}"#);
    assert_eq!(same.result.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(
        same.output.map(|output| output.get().to_owned()),
        info.output.map(|output| output.get().to_owned())
    );
    let none: TaskOutline = manager.get_json(&at("/outline?results=0")).await;
    let left = none.left.unwrap();
    assert!(left.results.is_empty() && left.has_more);

    let input: Value = manager.get_json(&at("/input")).await;
    let output: Value = manager.get_json(&at("/actions/a/output")).await;
    assert_eq!((input, output), (json!({"x": 1}), json!({"data": {"n": 1}})));
    for path in ["/actions/b/output", "/actions/nothing/output"] {
        refusal(manager.get(&at(path)).await, ErrorCode::NotFound).await;
    }
    let whole: Why = manager.get_json(&at("/why")).await;
    let one: Why = manager.get_json(&at("/why?limit=0")).await;
    assert_eq!((whole.actions.len(), whole.more, whole.status), (3, 0, Some(Status::Fail)));
    assert_eq!((one.actions.len(), one.more, &one.summary), (1, 2, &whole.summary));
}

#[tokio::test]
async fn an_open_task_tells_of_as_many_actions_as_are_asked_for() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", manifest(&[("a", &[]), ("b", &["a"]), ("c", &["a"])])).await;
    let task = manager.create_task(app.app_id, json!({})).await;

    let outline: TaskOutline = manager.get_json(&format!("/api/v1/tasks/{task}/outline?why=2")).await;

    let why = outline.why.unwrap();
    assert_eq!((why.actions.len(), why.more), (2, 1));
    assert!(why.summary.contains("`a`") && why.summary.contains("and 2 more actions"), "{}", why.summary);
}

#[tokio::test]
async fn an_application_is_told_without_its_plan() {
    let manager = Manager::start().await;
    manager.create_app("hello", manifest(&[("a", &[])])).await;

    let whole: AppView = manager.get_json("/api/v1/apps/hello").await;
    let head: AppView = manager.get_json("/api/v1/apps/hello?plan=false").await;

    assert!(whole.plan.is_some() && whole.manifest.is_some());
    assert!(head.plan.is_none() && head.manifest.is_none());
    assert_eq!((head.app_id, head.version.number), (whole.app_id, 1));
    refusal(manager.get("/api/v1/apps/hello?plan=maybe").await, ErrorCode::InvalidRequest).await;
    refusal(manager.get("/api/v1/apps/other?plan=false").await, ErrorCode::NotFound).await;
}
