//! Services.

use lp_protocol::views::{AppView, Page, ServiceInfo, ServiceView, TaskInfo, TaskView};
use lp_protocol::{ErrorCode, Stage, Status};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, SOON, hello, read, refusal};

const SERVICES: &str = "/api/v1/services";

async fn create(manager: &Manager, app: &AppView, fields: Value) -> ServiceView {
    let mut body = json!({"name": "web", "app_id": app.app_id});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    read(manager.post(SERVICES, body).await, StatusCode::CREATED).await
}

async fn patch(manager: &Manager, fields: Value) -> reqwest::Response {
    manager.request(Method::PATCH, &format!("{SERVICES}/web")).json(&fields).send().await.unwrap()
}

async fn show(manager: &Manager) -> ServiceView {
    manager.get_json::<ServiceInfo>(&format!("{SERVICES}/web")).await.service
}

/// Asks until it is so.
async fn until(manager: &Manager, holds: impl Fn(&ServiceView) -> bool) -> ServiceView {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let service = show(manager).await;
        if holds(&service) {
            return service;
        }
        assert!(tokio::time::Instant::now() < deadline, "{service:?}");
    }
}

#[tokio::test]
async fn an_enabled_service_makes_a_task_and_a_stopped_one_is_followed_by_another() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let fields = json!({"enable": true, "delay": 0.1, "input_data": {"port": 80}});
    create(&manager, &app, fields).await;

    let first = until(&manager, |service| service.task_id.is_some()).await.task_id.unwrap();
    let task: TaskInfo = manager.get_json(&format!("/api/v1/tasks/{first}")).await;
    assert_eq!((task.task.task_name.as_str(), task.input_data.get()), ("web", "{\"port\":80}"));
    let stopped = manager.post(&format!("/api/v1/tasks/{first}/stop"), json!({})).await;
    read::<TaskView>(stopped, StatusCode::ACCEPTED).await;
    let next = until(&manager, |service| service.task_id != Some(first)).await;

    assert_eq!((next.restarts, next.failures), (1, 1));
    assert_eq!(next.reason.as_deref(), Some("kill: stopped on request"));
    let refused = manager.post(&format!("/api/v1/tasks/{first}/rerun"), json!({})).await;
    assert!(refusal(refused, ErrorCode::Conflict).await.message.contains("belongs to the service"));
}

#[tokio::test]
async fn a_disabled_service_has_no_task_and_can_be_enabled_restarted_and_deleted() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let made = create(&manager, &app, json!({"signal": -9, "grace": 2.5})).await;
    assert_eq!((made.enable, made.task_id, made.signal, made.grace), (false, None, 9, Some(2.5)));
    let restart = format!("{SERVICES}/web/restart");
    refusal(manager.post(&restart, json!({})).await, ErrorCode::Conflict).await;

    read::<ServiceView>(patch(&manager, json!({"enable": true})).await, StatusCode::OK).await;
    let first = until(&manager, |service| service.task_id.is_some()).await;
    read::<ServiceView>(manager.post(&restart, json!({})).await, StatusCode::ACCEPTED).await;
    let second = until(&manager, |service| service.task_id != first.task_id).await;
    assert_eq!((second.restarts, second.stage), (0, Some(Stage::Pending)));
    let disabled: ServiceView = read(patch(&manager, json!({"enable": false})).await, StatusCode::OK).await;
    assert_eq!((disabled.stage, disabled.status), (Some(Stage::Finished), Some(Status::Kill)));

    let deleted = manager.request(Method::DELETE, &format!("{SERVICES}/web")).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    refusal(manager.get(&format!("{SERVICES}/web")).await, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_new_version_is_taken_by_an_update_or_at_once_by_one_that_follows() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    create(&manager, &app, json!({"enable": true})).await;
    let first = until(&manager, |service| service.task_id.is_some()).await;
    let upload = async |name: &str| {
        let blob = manager
            .upload(crate::harness::archive(&[
                ("app/configuration.json", hello().to_string().as_bytes()),
                (&format!("app/{name}"), b"x"),
            ]))
            .await;
        let path = format!("/api/v1/apps/{}", app.app_id);
        let body = json!({"digest": blob.digest});
        let response = manager.request(Method::PATCH, &path).json(&body).send().await.unwrap();
        read::<AppView>(response, StatusCode::OK).await.version.version_id
    };

    let second = upload("two").await;
    assert_eq!(show(&manager).await.version_id, first.version_id);
    read::<ServiceView>(patch(&manager, json!({"follow_active": true})).await, StatusCode::OK).await;
    until(&manager, |service| service.version_id == second && service.task_id != first.task_id).await;
    let third = upload("three").await;

    let last = until(&manager, |service| service.version_id == third).await;
    assert_eq!(last.restarts, 0);
}

#[tokio::test]
async fn a_health_command_is_given_changed_and_taken_away_and_a_change_starts_the_task_anew() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let health = json!({"command": "./ok", "interval": "2s"});
    let made = create(&manager, &app, json!({"enable": true, "health": health})).await;
    let whole = json!({"command": "./ok", "interval": 2.0, "timeout": 5.0, "failures": 3, "grace": 10.0});
    assert_eq!(serde_json::to_value(&made.health).unwrap(), whole);
    let first = until(&manager, |service| service.task_id.is_some()).await;

    let same = json!({"health": {"failures": 3}});
    let same: ServiceView = read(patch(&manager, same).await, StatusCode::OK).await;
    assert_eq!((same.health, same.stage), (made.health, Some(Stage::Pending)));
    let changed = json!({"health": {"command": ["./ok", "{workspace}"], "failures": 1}});
    let changed: ServiceView = read(patch(&manager, changed).await, StatusCode::OK).await;
    let changed = serde_json::to_value(&changed.health).unwrap();
    assert_eq!(
        (&changed["command"], &changed["failures"], &changed["interval"]),
        (&json!(["./ok", "{workspace}"]), &json!(1), &json!(2.0))
    );
    until(&manager, |service| service.task_id != first.task_id).await;
    let none: ServiceView = read(patch(&manager, json!({"health": null})).await, StatusCode::OK).await;
    assert_eq!(none.health, None);
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_changes_nothing() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    create(&manager, &app, json!({})).await;
    for (fields, part) in [
        (json!({"signal": 1}), "not a signal"),
        (json!({"grace": -1}), "not a grace"),
        (json!({"delay": 0.01}), "at least 0.1"),
        (json!({"delay": 10, "max_delay": 5}), "shorter than"),
        (json!({"reset_after": -1}), "not a number of seconds"),
        (json!({"max_restarts": -1}), "invalid value"),
        (json!({"health": {"interval": 3}}), "`health.command` is missing"),
        (json!({"health": {"command": "x", "timeout": 0}}), "`health.timeout` must be longer than 0"),
        (json!({"health": {"command": "x", "every": 3}}), "did you mean `interval`"),
        (json!({"health": "x"}), "must be an object"),
        (json!({"name": ""}), "the name is empty"),
        (json!({"input_data": 1}), "must be a JSON object"),
        (json!({"colour": 1}), "unknown field"),
    ] {
        let refused = refusal(patch(&manager, fields.clone()).await, ErrorCode::InvalidRequest).await;
        assert!(refused.message.contains(part), "{}", refused.message);
        let mut body = json!({"name": "other", "app_id": app.app_id});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        refusal(manager.post(SERVICES, body).await, ErrorCode::InvalidRequest).await;
    }
    let gone = json!({"name": "x", "app_id": uuid::Uuid::nil()});
    refusal(manager.post(SERVICES, gone).await, ErrorCode::NotFound).await;

    let page: Page<ServiceView> = manager.get_json(SERVICES).await;
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].delay, 1.0);
}
