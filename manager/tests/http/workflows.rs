//! Workflows: what is refused, what is kept, and that an update changes what it names and nothing else.

use lp_protocol::ErrorCode;
use lp_protocol::views::{Page, WorkflowView};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, hello, read, refusal};
use crate::node::{FakeNode, Log};

async fn post(manager: &Manager, body: Value) -> Response {
    manager.post("/api/v1/workflows", body).await
}

async fn patch(manager: &Manager, name: &str, body: Value) -> Response {
    let path = format!("/api/v1/workflows/{name}");
    manager.request(Method::PATCH, &path).json(&body).send().await.unwrap()
}

fn small() -> Value {
    json!({"applications": [{"name": "a", "app": "hello"}]})
}

#[tokio::test]
async fn a_workflow_is_kept_as_it_was_written_and_found_by_name_id_or_beginning() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let configuration = json!({
        "applications": [{"name": "b", "app_id": app.app_id, "condition": []}],
        "event_applications": {"fail": {"app_id": app.app_id}},
        "note": 1.50,
    });

    let response =
        post(&manager, json!({"name": "nightly", "configuration": configuration, "description": "d"})).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let made: WorkflowView = read(response, StatusCode::CREATED).await;

    assert!(made.enable);
    assert_eq!(made.warnings, ["the unknown key `note` is ignored"]);
    let id = made.workflow_id.to_string();
    for path in [location.as_str(), "/api/v1/workflows/nightly", &format!("/api/v1/workflows/{}", &id[..8])] {
        let found: WorkflowView = manager.get_json(path).await;
        assert_eq!(found.workflow_id, made.workflow_id);
        assert_eq!(serde_json::from_str::<Value>(found.configuration.get()).unwrap(), configuration);
    }
    let again = post(&manager, json!({"name": "nightly", "configuration": small()})).await;
    assert!(refusal(again, ErrorCode::Conflict).await.message.contains("`nightly`"));
    let strict = json!({"name": "strict", "configuration": {"applications": [{"name": "a", "app": "hello", "x": 1}]}, "strict": true});
    refusal(post(&manager, strict).await, ErrorCode::InvalidManifest).await;
    let deleted = manager.request(Method::DELETE, &location).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    refusal(manager.get(&location).await, ErrorCode::NotFound).await;
    read::<WorkflowView>(
        post(&manager, json!({"name": "nightly", "configuration": small()})).await,
        StatusCode::CREATED,
    )
    .await;
    let list: Page<WorkflowView> = manager.get_json("/api/v1/workflows?name=night*").await;
    assert_eq!(list.items.len(), 1);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    // in LitePipeline any update without `-e true` disabled the workflow
    let manager = Manager::start().await;
    manager.create_app("hello", hello()).await;
    post(&manager, json!({"name": "w", "configuration": small(), "description": "old"})).await;
    post(&manager, json!({"name": "other", "configuration": small()})).await;

    let described: WorkflowView =
        read(patch(&manager, "w", json!({"description": "new"})).await, StatusCode::OK).await;
    assert!(described.enable);
    assert_eq!((described.name.as_str(), described.description.as_str()), ("w", "new"));
    let disabled: WorkflowView =
        read(patch(&manager, "w", json!({"enable": false})).await, StatusCode::OK).await;
    let body = json!({"workflow_id": disabled.workflow_id});
    let refused = refusal(manager.post("/api/v1/works", body).await, ErrorCode::Conflict).await;
    assert_eq!(refused.message, "the workflow `w` is disabled");
    let renamed: WorkflowView = read(patch(&manager, "w", json!({"name": "v"})).await, StatusCode::OK).await;
    assert_eq!((renamed.enable, renamed.description.as_str()), (false, "new"));
    refusal(patch(&manager, "v", json!({"name": "other"})).await, ErrorCode::Conflict).await;
    refusal(
        patch(&manager, "v", json!({"configuration": {"applications": []}})).await,
        ErrorCode::InvalidManifest,
    )
    .await;
    refusal(patch(&manager, "w", json!({"name": "x"})).await, ErrorCode::NotFound).await;
    let kept: WorkflowView = manager.get_json("/api/v1/workflows/v").await;
    assert_eq!(serde_json::from_str::<Value>(kept.configuration.get()).unwrap(), small());
}

#[tokio::test]
async fn a_bad_workflow_is_refused_with_the_reason_and_jams_nobody() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    manager.create_app("other", hello()).await;
    let mut node = FakeNode::connect(&manager, "node").await;
    let id = "00000000-0000-4000-8000-000000000000";
    let of = |application: Value| json!({"applications": [application]});

    for (configuration, said) in [
        (json!({}), "`applications` is missing".to_owned()),
        (json!([]), "the workflow must be an object, found a list".to_owned()),
        (json!({"applications": []}), "`applications` must have at least one application".to_owned()),
        (of(json!({"name": "a", "app_id": id})), format!("the application `{id}` of `a` does not exist")),
        (
            of(json!({"name": "a", "app": "hallo"})),
            "the application `hallo` of `a` does not exist".to_owned(),
        ),
        (
            of(json!({"name": "a", "app": "hello", "version": 99})),
            "version 99 of `a` is none of the application `hello`".to_owned(),
        ),
        (
            of(json!({"name": "a", "app": "hello", "condition": ["a"]})),
            "the application `a` waits for itself: a -> a".to_owned(),
        ),
        (
            of(json!({"name": "a", "app": "hello", "condition": ["b"]})),
            "application `a`: `condition` names the unknown application `b`".to_owned(),
        ),
        (
            json!({"applications": [{"name": "a", "app": "hello"}], "event_applications": {"fail": {"app_id": id}}}),
            format!("the application `{id}` of `fail` does not exist"),
        ),
        (of(json!({"name": "success", "app": "hello"})), "is reserved for the event application".to_owned()),
    ] {
        let body = json!({"name": "bad", "configuration": configuration});
        let refused = refusal(post(&manager, body).await, ErrorCode::InvalidManifest).await;
        assert!(refused.message.contains(&said), "{configuration}: {}", refused.message);
        // the canary
        let task = manager.create_task(app.app_id, json!({})).await;
        let attempt = node.assignment().await.attempt;
        node.finish(&attempt, 0, Log::Inline(b"")).await;
        assert!(!manager.wait(&task).await.stage.is_open());
    }
    for body in [
        json!({"name": "a/b", "configuration": small()}),
        json!({"name": "x"}),
        json!({"name": "x", "configuration": small(), "enabel": true}),
        json!({"name": "x", "configuration": small(), "enable": "yes"}),
    ] {
        refusal(post(&manager, body).await, ErrorCode::InvalidRequest).await;
    }
    let none: Page<WorkflowView> = manager.get_json("/api/v1/workflows").await;
    assert!(none.items.is_empty());
}
