//! What is printed, in each format; piped output has whole ids, exact times and no colours.

use serde_json::{Value, json};

use crate::fixture::{APP, Bench, OTHER_TASK, TASK, action, app, attempt, info, node, page, task};

fn tasks() -> Value {
    let mut other = task("finished", Some("fail"));
    other["task_id"] = OTHER_TASK.into();
    other["task_name"] = "evil \u{1b}[2J\nname".into();
    page(vec![task("running", None), other], None)
}

#[tokio::test]
async fn lists_in_every_format() {
    let bench = Bench::fixed([("GET /tasks?limit=50", 200, tasks())]).await;
    for format in ["table", "wide", "json", "jsonl", "yaml", "name"] {
        let ran = bench.lp(&["task", "list", "-o", format]).await;

        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{format}");
        if format != "wide" {
            insta::assert_snapshot!(format!("task_list_{format}"), ran.stdout);
        }
    }
}

#[tokio::test]
async fn json_is_the_managers_answer_unchanged() {
    let bench = Bench::fixed([("GET /tasks?limit=50", 200, tasks())]).await;

    for arguments in [&["task", "list", "-r"][..], &["task", "list", "-o", "json"]] {
        let ran = bench.lp(arguments).await;
        assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), tasks()["items"]);
    }
}

#[tokio::test]
async fn an_empty_list_is_a_header_or_an_empty_array() {
    let bench = Bench::fixed([("GET /apps?limit=50", 200, page(vec![], None))]).await;
    for (format, stdout) in [
        ("table", "application_id  name  create_at  update_at  version\n"),
        ("json", "[]\n"),
        ("yaml", "[]\n"),
        ("jsonl", ""),
        ("name", ""),
    ] {
        assert_eq!(bench.lp(&["app", "list", "-o", format]).await.stdout, stdout, "{format}");
    }
}

#[tokio::test]
async fn pages_are_fetched_until_there_are_enough() {
    let pages = || {
        let item = |name: &str| app(name);
        [
            ("GET /apps?limit=1000", 200, page(vec![item("a"), item("b")], Some("c1"))),
            ("GET /apps?cursor=c1&limit=1000", 200, page(vec![item("c")], None)),
            ("GET /apps?limit=3", 200, page(vec![item("a"), item("b")], Some("c1"))),
            ("GET /apps?cursor=c1&limit=1", 200, page(vec![item("c"), item("d")], Some("c2"))),
        ]
    };
    for arguments in [&["--all"][..], &["-l", "0"], &["-l", "3"]] {
        let bench = Bench::fixed(pages()).await;
        let mut words = vec!["app", "list", "-o", "name"];
        words.extend(arguments);

        let ran = bench.lp(&words).await;

        assert_eq!(ran.stdout, "a\nb\nc\n", "{arguments:?} {}", ran.stderr);
        assert_eq!(bench.seen().len(), 2, "{arguments:?}");
    }
}

#[tokio::test]
async fn values_are_cut_to_the_width_that_was_asked_for_and_headers_are_not() {
    let bench = Bench::fixed([("GET /apps?limit=50", 200, page(vec![app("a-long-name")], None))]).await;

    let ran = bench.lp(&["-W", "5", "app", "list"]).await;

    assert_eq!(
        ran.stdout,
        "application_id  name   create_at  update_at  version\naaaa…           a-lo…  2026…      2026…      3\n"
    );
}

#[tokio::test]
async fn colours_are_on_when_asked_for_and_off_in_pipes() {
    let bench = Bench::fixed([("GET /tasks?limit=50", 200, tasks())]).await;

    let piped = bench.lp(&["task", "list"]).await;
    let coloured = bench.lp_with(&["task", "list", "--color", "always"], &[("NO_COLOR", "1")], "").await;

    assert!(!piped.stdout.contains('\x1b'));
    assert!(coloured.stdout.contains("\x1b["));
}

#[tokio::test]
async fn a_task_is_reported_with_its_attempts_and_why_it_failed() {
    let first = action(
        "first",
        &[],
        "finished",
        Some("fail"),
        vec![
            attempt(1, "finished", json!({"kind": "signal", "signal": 9})),
            attempt(2, "finished", json!({"kind": "code", "code": 3})),
        ],
    );
    let second = action("second", &["first"], "finished", Some("skipped"), vec![]);
    let mut body = info(task("finished", Some("fail")), vec![first, second]);
    body["result"] = json!({"first": {"name": "first", "stage": "finished", "status": "fail", "node_id": APP,
        "start_at": null, "end_at": null, "returncode": 3, "result": {"data": {"x": 1}}}});
    let bench = Bench::fixed([("GET /tasks/1111", 200, body.clone())]).await;

    let ran = bench.lp(&["task", "info", "1111"]).await;
    insta::assert_snapshot!("task_info", ran.stdout);

    let raw = bench.lp(&["task", "info", "-t", "1111", "-r"]).await;
    let mut raw: Value = serde_json::from_str(&raw.stdout).unwrap();
    for action in raw["actions"].as_array_mut().unwrap() {
        action.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    assert_eq!(raw["input_data"], body["input_data"]);
    assert_eq!(raw["result"], body["result"]);
    assert_eq!(bench.lp(&["task", "info", "1111", "-o", "name"]).await.stdout, format!("{TASK}\n"));
}

#[tokio::test]
async fn an_open_task_is_reported_with_what_it_waits_for() {
    let waiting = action("first", &[], "pending", None, vec![]);
    let why = json!({"task_id": TASK, "stage": "pending", "status": null, "summary": "waits for a free slot",
        "actions": [{"name": "first", "reason": "all 4 slots are taken", "hint": "wait, or add a node"}]});
    let mut pending = task("pending", None);
    pending["start_at"] = Value::Null;
    let bench = Bench::fixed([
        ("GET /tasks/@last", 200, info(pending, vec![waiting])),
        ("GET /tasks/11111111-1111-4111-8111-111111111111/why", 200, why.clone()),
        ("GET /tasks/@last/why", 200, why),
    ])
    .await;

    insta::assert_snapshot!("task_info_pending", bench.lp(&["task", "info", "@last"]).await.stdout);
    insta::assert_snapshot!("why", bench.lp(&["why", "@last"]).await.stdout);
}

#[tokio::test]
async fn nodes_and_the_cluster_are_reported() {
    let status = json!({"version": "0.1.0", "role": "leader", "database": "sqlite", "start_at": "2026-11-22T10:00:00Z",
        "tasks_pending": 2, "tasks_running": 1, "actions_queued": 5, "actions_running": 1, "slots": 4, "slots_in_use": 1,
        "nodes_connected": 1, "nodes": 2});
    let bench = Bench::fixed([
        ("GET /nodes?limit=1000", 200, page(vec![node("ryzen")], None)),
        ("GET /nodes/ryzen", 200, node("ryzen")),
        ("GET /status", 200, status),
    ])
    .await;

    insta::assert_snapshot!("node_list", bench.lp(&["node", "list"]).await.stdout);
    insta::assert_snapshot!("node_info", bench.lp(&["node", "info", "ryzen"]).await.stdout);
    let status = bench.lp(&["status"]).await.stdout;
    assert!(status.contains("tasks        1 running, 2 pending\n"), "{status}");
}

#[tokio::test]
async fn the_version_is_printed_with_a_manager_and_without() {
    let bench = Bench::fixed([("GET /health", 200, json!({"status": "ok", "version": "9.9.9"}))]).await;

    let with = bench.lp(&["version"]).await;
    let without = Bench::without_manager().lp(&["version"]).await;

    assert!(with.stdout.contains("manager 9.9.9 at http://127.0.0.1:"), "{}", with.stdout);
    assert_eq!((without.code, without.stdout.contains("manager not reached")), (0, true));
}

#[tokio::test]
async fn completions_are_there_for_three_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Bench::without_manager().lp(&["completions", shell]).await;
        assert!(ran.code == 0 && ran.stdout.contains("workspace"), "{shell}");
    }
}
