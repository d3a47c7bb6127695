//! Works: made of a workflow's copy, run application by application, stopped, run again, recovered, deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use lp_protocol::client::ManagerClient;
use lp_protocol::frames::{Assignment, AttemptEvent, Finish, ManagerFrame, Usage};
use lp_protocol::views::{
    Event, Garbage, GarbageName, Page, TaskInfo, TaskView, WhyWork, WorkInfo, WorkView, WorkflowView,
};
use lp_protocol::{ErrorCode, Exit, Stage, Status};
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::harness::{Manager, app_archive, hello, manifest, read, refusal, within};
use crate::node::{FakeNode, Log};

/// A manager with the apps `one` and `two`, and a node.
async fn start() -> (Manager, FakeNode) {
    let manager = Manager::start().await;
    manager.create_app("one", hello()).await;
    manager.create_app("two", manifest(&[("first", &[]), ("second", &["first"])])).await;
    let node = FakeNode::connect(&manager, "node").await;
    (manager, node)
}

async fn create_workflow(manager: &Manager, name: &str, configuration: Value) -> WorkflowView {
    let body = json!({"name": name, "configuration": configuration});
    read(manager.post("/api/v1/workflows", body).await, StatusCode::CREATED).await
}

/// Makes a work of a new workflow.
async fn create_work(manager: &Manager, configuration: Value, input: Value) -> WorkView {
    let workflow =
        create_workflow(manager, &uuid::Uuid::new_v4().simple().to_string()[..20], configuration).await;
    let body = json!({"workflow_id": workflow.workflow_id, "name": "w", "input_data": input});
    read(manager.post("/api/v1/works", body).await, StatusCode::CREATED).await
}

async fn info(manager: &Manager, work: &WorkView) -> WorkInfo {
    manager.get_json(&format!("/api/v1/works/{}", work.work_id)).await
}

async fn wait(manager: &Manager, work: &WorkView) -> WorkView {
    manager.get_json(&format!("/api/v1/works/{}/wait?timeout=20", work.work_id)).await
}

/// The next assignments, of as many tasks, by the name of the task.
async fn assignments(node: &mut FakeNode, count: usize) -> BTreeMap<String, Assignment> {
    let mut found = BTreeMap::new();
    while found.len() < count {
        let more = node.find(|frame| match frame {
            ManagerFrame::Assign { assignments } => Some(assignments),
            _ => None,
        });
        found.extend(more.await.into_iter().map(|assignment| (assignment.task_name.clone(), assignment)));
    }
    found
}

fn input_of(assignment: &Assignment) -> Value {
    serde_json::from_str(assignment.input.get()).unwrap()
}

/// Ends an attempt with this output, if any.
async fn leave(node: &mut FakeNode, assignment: &Assignment, output: Option<&str>) {
    let now = chrono::Utc::now();
    let finish = Finish {
        exit: Exit::Code { code: 0 },
        start_at: Some(now),
        end_at: now,
        output: output.map(|output| RawValue::from_string(output.to_owned()).unwrap()),
        log_bytes: 0,
        log: None,
        log_times: None,
        usage: Usage::default(),
        preparing: Vec::new(),
    };
    node.report(&assignment.attempt, AttemptEvent::Finished(Box::new(finish))).await;
}

async fn fail(node: &mut FakeNode, assignment: &Assignment) {
    node.finish(&assignment.attempt, 3, Log::Inline(b"")).await;
}

#[tokio::test]
async fn results_are_handed_on_as_in_litepipeline() {
    let (manager, mut node) = start().await;
    let work = create_work(
        &manager,
        json!({
            "applications": [
                {"name": "a", "app": "one", "condition": [], "input": {"x": "a's own", "n": 1.10}},
                {"name": "b", "app": "one"},
                {"name": "c", "app": "one", "condition": ["a", "b"]},
            ],
            "event_applications": {"success": {"app": "one", "input": {"event": true}}},
        }),
        json!({"x": "the work's", "y": 2}),
    )
    .await;

    let first = assignments(&mut node, 2).await;
    assert_eq!(input_of(&first["a"]), json!({"x": "a's own", "n": 1.10, "y": 2}));
    assert_eq!(input_of(&first["b"]), json!({"x": "the work's", "y": 2}));
    leave(&mut node, &first["a"], Some(r#"{"data": {"left": [1, 1.50]}, "actions": []}"#)).await;
    // LitePipeline's work would run for ever after an application that leaves nothing
    leave(&mut node, &first["b"], None).await;
    let c = assignments(&mut node, 1).await.remove("c").unwrap();
    assert_eq!(input_of(&c), json!({"x": "the work's", "y": 2, "a": {"left": [1, 1.50]}, "b": {}}));
    leave(&mut node, &c, Some(r#"{"data": {"c": 3}}"#)).await;
    let event = assignments(&mut node, 1).await.remove("success").unwrap();
    let told = input_of(&event);
    leave(&mut node, &event, None).await;

    let view = wait(&manager, &work).await;
    assert_eq!((view.stage, view.status), (Stage::Finished, Some(Status::Success)));
    let info = info(&manager, &work).await;
    for (name, result) in [("a", json!({"left": [1, 1.50]})), ("b", json!({})), ("c", json!({"c": 3}))] {
        let entry = serde_json::to_value(&info.result[name]).unwrap();
        assert_eq!(told[name], entry, "the event is told what the work shows");
        assert_eq!((&entry["result"], &entry["status"]), (&result, &json!("success")));
    }
    assert_eq!((&told["x"], &told["event"]), (&json!("the work's"), &json!(true)));
    let names: Vec<&str> = info.applications.iter().map(|application| application.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "success"]);
    assert_eq!(info.applications[2].condition, ["a", "b"]);
    // the rows of the tasks have their true input
    let task: TaskInfo =
        manager.get_json(&format!("/api/v1/tasks/{}", info.applications[2].task_id.unwrap())).await;
    assert_eq!((task.task.task_name.as_str(), task.task.work_id), ("c", Some(work.work_id)));
    assert_eq!(serde_json::from_str::<Value>(task.input_data.get()).unwrap(), input_of(&c));
    assert_eq!(task.output.unwrap().get(), r#"{"c": 3}"#);
    let of_work: Page<TaskView> = manager.get_json(&format!("/api/v1/tasks?work_id={}", work.work_id)).await;
    assert_eq!(of_work.items.len(), 4);
}

#[tokio::test]
async fn the_copy_is_taken_when_the_work_is_made() {
    let (manager, mut node) = start().await;
    let configuration = json!({"applications": [{"name": "a", "app": "one"}, {"name": "b", "app": "two", "condition": ["a"]}]});
    let work = create_work(&manager, configuration, json!({})).await;
    let a = assignments(&mut node, 1).await.remove("a").unwrap();
    let before = info(&manager, &work).await.applications[1].version_id;
    let blob = manager.upload(app_archive(&manifest(&[("other", &[])]).to_string())).await;
    let changed = manager
        .request(Method::PATCH, "/api/v1/apps/two")
        .json(&json!({"digest": blob.digest}))
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    let path = format!("/api/v1/workflows/{}", work.workflow_id);
    let only = json!({"configuration": {"applications": [{"name": "z", "app": "one"}]}});
    let changed = manager.request(Method::PATCH, &path).json(&only).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);

    leave(&mut node, &a, None).await;
    let b = assignments(&mut node, 1).await.remove("b").unwrap();

    assert_eq!(b.attempt.action, "first");
    assert_ne!(b.app.digest, blob.digest);
    let info = info(&manager, &work).await;
    assert_eq!((info.applications[1].name.as_str(), info.applications[1].version_id), ("b", before));
    assert!(info.configuration.get().contains("two"));
}

#[tokio::test]
async fn a_work_goes_on_where_it_was_after_a_restart() {
    let (manager, mut node) = start().await;
    let configuration = json!({"applications": [
        {"name": "a", "app": "one"}, {"name": "b", "app": "one"}, {"name": "c", "app": "one", "condition": ["a", "b"]}]});
    let work = create_work(&manager, configuration, json!({"x": 1})).await;
    let first = assignments(&mut node, 2).await;
    node.finish(&first["a"].attempt, 0, Log::Inline(b"")).await;
    let (node_id, credential, token) = (node.node_id, node.credential.clone(), manager.token.clone());
    drop(node);
    let directory = manager.stop().await;

    let manager = Manager::start_in(directory, |_| ()).await;
    assert_eq!(manager.token, token);
    let held = vec![first["b"].attempt.clone()];
    let mut node = FakeNode::reconnect_holding(&manager, node_id, credential, "node", held).await;
    node.finish(&first["b"].attempt, 0, Log::Inline(b"")).await;
    let c = assignments(&mut node, 1).await.remove("c").unwrap();
    assert_eq!(input_of(&c), json!({"x": 1, "a": {"n": 1}, "b": {"n": 1}}));
    leave(&mut node, &c, None).await;

    assert_eq!(wait(&manager, &work).await.status, Some(Status::Success));
}

#[tokio::test]
async fn a_failed_work_says_why_and_is_recovered_from_where_it_failed() {
    let (manager, mut node) = start().await;
    let configuration = json!({
        "applications": [{"name": "a", "app": "one"}, {"name": "b", "app": "two", "condition": ["a"]},
                         {"name": "c", "app": "one", "condition": ["b"]}],
        "event_applications": {"fail": {"app": "one"}},
    });
    let work = create_work(&manager, configuration, json!({})).await;
    let a = assignments(&mut node, 1).await.remove("a").unwrap();
    let why: WhyWork = manager.get_json(&format!("/api/v1/works/{}/why", work.work_id)).await;
    assert_eq!(why.applications[1].reason, "waits for `a` to succeed");
    leave(&mut node, &a, Some(r#"{"data": {"kept": true}}"#)).await;
    let b = assignments(&mut node, 1).await.remove("b").unwrap();
    leave(&mut node, &b, Some(r#"{"data": {"first": true}}"#)).await;
    let second = assignments(&mut node, 1).await.remove("b").unwrap();
    fail(&mut node, &second).await;
    let event = assignments(&mut node, 1).await.remove("fail").unwrap();
    assert_eq!(input_of(&event)["b"]["status"], "fail");
    assert_eq!(
        input_of(&event)["c"],
        json!({
            "name": "c", "app_id": input_of(&event)["a"]["app_id"], "task_id": null, "stage": "finished",
            "status": "skipped", "result": {},
        })
    );
    leave(&mut node, &event, None).await;

    let failed = wait(&manager, &work).await;
    assert_eq!(failed.status, Some(Status::Fail));
    let reason = "application `b` failed: action `second` failed: exit code 3";
    assert_eq!(failed.reason.as_deref(), Some(reason));
    let why: WhyWork = manager.get_json(&format!("/api/v1/works/{}/why", work.work_id)).await;
    assert_eq!(why.summary, format!("the work has failed: {reason}"));
    assert_eq!(why.applications[1].reason, "was not started because what it waits for did not succeed");

    let path = format!("/api/v1/works/{}/recover", work.work_id);
    let view: WorkView = read(manager.post(&path, json!({})).await, StatusCode::ACCEPTED).await;
    assert_eq!((view.stage, view.run), (Stage::Pending, 2));
    // only what failed runs again: not a, and not the first action of b
    let again = assignments(&mut node, 1).await.remove("b").unwrap();
    assert_eq!((again.attempt.action.as_str(), again.attempt.attempt), ("second", 2));
    assert_eq!(again.attempt.task_id, second.attempt.task_id);
    leave(&mut node, &again, None).await;
    let c = assignments(&mut node, 1).await.remove("c").unwrap();
    // the result is that of the `output_action`, which the recover has kept
    assert_eq!(input_of(&c), json!({"b": {"first": true}}));
    leave(&mut node, &c, None).await;
    assert_eq!(wait(&manager, &work).await.status, Some(Status::Success));
    assert_eq!(info(&manager, &work).await.result["a"].result.get(), r#"{"kept": true}"#);
    let refused = refusal(manager.post(&path, json!({})).await, ErrorCode::Conflict).await;
    assert!(refused.message.contains("nothing to recover"), "{}", refused.message);
}

#[tokio::test]
async fn a_stopped_work_starts_nothing_more_and_can_be_run_again_and_deleted() {
    let (manager, mut node) = start().await;
    let configuration = json!({"applications": [{"name": "a", "app": "one"}, {"name": "b", "app": "one", "condition": ["a"]}]});
    let work = create_work(&manager, configuration, json!({"x": 1})).await;
    let path = format!("/api/v1/works/{}", work.work_id);
    let a = assignments(&mut node, 1).await.remove("a").unwrap();

    let delete = || async { manager.request(Method::DELETE, &path).send().await.unwrap() };
    refusal(delete().await, ErrorCode::Conflict).await;
    refusal(manager.post(&format!("{path}/rerun"), json!({})).await, ErrorCode::Conflict).await;
    let task = format!("/api/v1/tasks/{}", a.attempt.task_id);
    refusal(manager.request(Method::DELETE, &task).send().await.unwrap(), ErrorCode::Conflict).await;
    let stopping: WorkView =
        read(manager.post(&format!("{path}/stop"), json!({})).await, StatusCode::ACCEPTED).await;
    assert_eq!(stopping.stage, Stage::Stopping);
    node.find(|frame| matches!(frame, ManagerFrame::Stop { .. }).then_some(())).await;
    leave(&mut node, &a, None).await;
    let stopped = wait(&manager, &work).await;
    assert_eq!((stopped.status, stopped.reason.as_deref()), (Some(Status::Kill), Some("stopped on request")));
    refusal(manager.post(&format!("{path}/stop"), json!({})).await, ErrorCode::Conflict).await;

    let rerun: WorkView =
        read(manager.post(&format!("{path}/rerun"), json!({})).await, StatusCode::ACCEPTED).await;
    assert_eq!(rerun.run, 2);
    let again = assignments(&mut node, 1).await.remove("a").unwrap();
    assert_ne!(again.attempt.task_id, a.attempt.task_id);
    assert_eq!(input_of(&again), json!({"x": 1}));
    leave(&mut node, &again, None).await;
    let b = assignments(&mut node, 1).await.remove("b").unwrap();
    leave(&mut node, &b, None).await;
    wait(&manager, &work).await;
    let list: Page<WorkView> =
        manager.get_json(&format!("/api/v1/works?workflow_id={}&status=success", work.workflow_id)).await;
    assert_eq!(list.items.len(), 1);

    assert_eq!(delete().await.status(), StatusCode::NO_CONTENT);
    refusal(manager.get(&path).await, ErrorCode::NotFound).await;
    refusal(manager.get(&task).await, ErrorCode::NotFound).await;
    let tasks: Page<TaskView> = manager.get_json("/api/v1/tasks").await;
    assert!(tasks.items.is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_ambiguous_names_are_told() {
    let (manager, _node) = start().await;
    let unknown = "/api/v1/works/00000000-0000-4000-8000-000000000000";
    refusal(manager.get(unknown).await, ErrorCode::NotFound).await;
    refusal(manager.get(&format!("{unknown}/wait?timeout=1")).await, ErrorCode::NotFound).await;
    refusal(manager.get(&format!("{unknown}/why")).await, ErrorCode::NotFound).await;
    for deed in ["stop", "rerun", "recover"] {
        refusal(manager.post(&format!("{unknown}/{deed}"), json!({})).await, ErrorCode::NotFound).await;
    }
    for path in [unknown.to_owned(), format!("{unknown}?force=true")] {
        refusal(manager.request(Method::DELETE, &path).send().await.unwrap(), ErrorCode::NotFound).await;
    }
    refusal(manager.get("/api/v1/works/@last").await, ErrorCode::NotFound).await;
    refusal(manager.get("/api/v1/works?workflow_id=x").await, ErrorCode::InvalidRequest).await;
    let body = json!({"workflow_id": "00000000-0000-4000-8000-000000000000"});
    refusal(manager.post("/api/v1/works", body).await, ErrorCode::NotFound).await;
    let work = create_work(&manager, json!({"applications": [{"name": "a", "app": "one"}]}), json!({})).await;
    let last: WorkInfo = manager.get_json("/api/v1/works/@last").await;
    let short: WorkInfo = manager.get_json(&format!("/api/v1/works/{}", work.work_id.short())).await;
    assert_eq!((last.work.work_id, short.work.work_id), (work.work_id, work.work_id));
}

#[tokio::test]
async fn an_application_whose_app_goes_is_in_the_way_and_an_innocent_task_beside_it_is_not() {
    let (manager, mut node) = start().await;
    let configuration = json!({"applications": [{"name": "a", "app": "one"}, {"name": "b", "app": "two", "condition": ["a"]}]});
    let work = create_work(&manager, configuration, json!({})).await;
    let a = assignments(&mut node, 1).await.remove("a").unwrap();

    // no task of it is open yet
    let delete = manager.request(Method::DELETE, "/api/v1/apps/two");
    let refused = refusal(delete.send().await.unwrap(), ErrorCode::Conflict).await;
    assert!(refused.message.contains("`two`"), "{}", refused.message);
    fail(&mut node, &a).await;
    wait(&manager, &work).await;
    let delete = manager.request(Method::DELETE, "/api/v1/apps/two");
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let path = format!("/api/v1/works/{}/rerun", work.work_id);
    let refused = refusal(manager.post(&path, json!({})).await, ErrorCode::NotFound).await;
    assert!(refused.message.contains("`two`"), "{}", refused.message);
    let body = json!({"workflow_id": work.workflow_id});
    let refused = refusal(manager.post("/api/v1/works", body).await, ErrorCode::InvalidManifest).await;
    assert!(refused.message.contains("the application `two` of `b` does not exist"), "{}", refused.message);
}

#[tokio::test]
async fn watchers_hear_of_a_work_as_it_is_made_runs_and_ends() {
    let (manager, mut node) = start().await;
    let client = ManagerClient::new(&manager.url(""), &manager.token).unwrap();
    let mut events = client.events(None).await.unwrap();
    let work = create_work(&manager, json!({"applications": [{"name": "a", "app": "one"}]}), json!({})).await;
    let a = assignments(&mut node, 1).await.remove("a").unwrap();
    node.start(&a.attempt).await;
    leave(&mut node, &a, None).await;

    let mut heard = Vec::new();
    while heard.last() != Some(&(Stage::Finished, Some(Status::Success))) {
        if let Event::Work { work_id, stage, status } = within(events.next()).await.unwrap().unwrap() {
            assert_eq!(work_id, work.work_id);
            heard.push((stage, status));
        }
    }

    assert_eq!(heard[..2], [(Stage::Pending, None), (Stage::Running, None)]);
}

#[tokio::test]
async fn a_version_of_an_open_work_stays_and_a_work_of_long_ago_goes_with_its_tasks() {
    let (manager, mut node) = start().await;
    let chain = json!({"applications": [{"name": "a", "app": "one"}, {"name": "b", "app": "two", "condition": ["a"]}]});
    let old = create_work(&manager, json!({"applications": [{"name": "a", "app": "one"}]}), json!({})).await;
    let a = assignments(&mut node, 1).await.remove("a").unwrap();
    leave(&mut node, &a, None).await;
    wait(&manager, &old).await;
    let open = create_work(&manager, chain, json!({})).await;
    let a = assignments(&mut node, 1).await.remove("a").unwrap();
    leave(&mut node, &a, None).await;
    assignments(&mut node, 1).await;
    let blob = manager.upload(app_archive(&manifest(&[("other", &[])]).to_string())).await;
    let update = manager.request(Method::PATCH, "/api/v1/apps/one").json(&json!({"digest": blob.digest}));
    assert_eq!(update.send().await.unwrap().status(), StatusCode::OK);

    // its task of that version is finished, but a recover would want it
    let delete = manager.request(Method::DELETE, "/api/v1/apps/one/versions/1");
    let refused = refusal(delete.send().await.unwrap(), ErrorCode::Conflict).await;
    assert!(refused.message.contains("is used by a work that is not finished"), "{}", refused.message);
    drop(node);
    let directory = manager.stop().await;
    let manager = Manager::start_in(directory, |config| config.keep_tasks = Some(Duration::ZERO)).await;
    for dry_run in [true, false] {
        let garbage: Garbage =
            read(manager.post("/api/v1/gc", json!({"dry_run": dry_run})).await, StatusCode::OK).await;
        assert_eq!((garbage.kinds[0].kind, garbage.kinds[0].count), (GarbageName::Tasks, 1), "{dry_run}");
    }

    refusal(manager.get(&format!("/api/v1/works/{}", old.work_id)).await, ErrorCode::NotFound).await;
    let kept = info(&manager, &open).await;
    assert_eq!(kept.applications[0].status, Some(Status::Success));
    let tasks: Page<TaskView> = manager.get_json("/api/v1/tasks").await;
    assert_eq!(tasks.items.len(), 2);
}
