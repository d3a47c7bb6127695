//! Versions: history, rollback, differences; and retention.

use serde_json::{Value, json};

use crate::fake::{empty, json as answer_json};
use crate::fixture::{Bench, app};

fn version(number: u32, active: bool) -> Value {
    let mut version = app("x")["version"].clone();
    version["number"] = number.into();
    version["version_id"] = (number + 40).into();
    version["active"] = active.into();
    version["create_by"] = "admin".into();
    version["activate_at"] = "2026-11-22T12:00:00Z".into();
    version["description"] = format!("the {number}. one").into();
    version
}

/// Versions 1 to 3 of the app `hello`, of which 3 is active.
async fn bench() -> Bench {
    Bench::new(|request, _| {
        let last = request.split(['/', ' ']).next_back().unwrap_or_default().to_owned();
        std::future::ready(match request.as_str() {
            "GET /apps/hello/versions?limit=50" => {
                answer_json(200, &json!({"items": [version(3, true), version(2, false)]}))
            }
            "GET /apps/hello/versions/previous" => answer_json(200, &version(2, false)),
            "GET /apps/hello/versions/active" => answer_json(200, &version(3, true)),
            request if request.starts_with("GET /apps/hello/versions/") => match last.parse() {
                Ok(number @ 1..=3) => answer_json(200, &version(number, number == 3)),
                _ => answer_json(
                    404,
                    &json!({"code": "not_found", "message": "there is no version `hello@7`"}),
                ),
            },
            "POST /apps/hello/versions/2/activate" => answer_json(200, &version(2, true)),
            "POST /apps/hello/versions/3/activate" => answer_json(200, &version(3, true)),
            request if request.starts_with("DELETE") => empty(204),
            "GET /apps/hello/diff?from=previous&to=active" | "GET /apps/hello/diff?from=1&to=3" => {
                answer_json(200, &diff())
            }
            _ => answer_json(404, &json!({"code": "not_found", "message": request})),
        })
    })
    .await
}

fn diff() -> Value {
    let file = |path: &str, kind: &str| json!({"path": path, "kind": kind, "size_bytes": 12});
    let key = |key: &str, from: Value, to: Value| json!({"key": key, "from": from, "to": to});
    json!({
        "from": version(2, false), "to": version(3, true),
        "files": {
            "added": [file("new\u{1b}[2J", "file")], "removed": [file("old", "link")],
            "changed": [{"path": "run.sh", "from_kind": "file", "to_kind": "program", "from_size_bytes": 5, "to_size_bytes": 5}],
            "added_count": 1, "removed_count": 1, "changed_count": 1, "unchanged_count": 7,
        },
        "manifest": {
            "added_actions": ["b"], "removed_actions": [], "changed_keys": [key("output_action", Value::Null, json!("b"))],
            "changed_actions": [{"name": "a", "keys": [key("main", json!("x"), json!("y"))]}],
        },
    })
}

#[tokio::test]
async fn the_history_shows_which_version_is_active_and_who_uploaded_it() {
    let bench = bench().await;

    let table = bench.lp(&["app", "history", "list", "hello"]).await;
    insta::assert_snapshot!("history", table.stdout);
    assert_eq!(bench.lp(&["app", "history", "list", "-a", "hello", "-o", "name"]).await.stdout, "3\n2\n");
    let info = bench.lp(&["app", "history", "info", "-a", "hello", "-H", "3"]).await;
    assert!(info.stdout.contains("active  hello 3") && info.stdout.contains("by admin"), "{}", info.stdout);
}

#[tokio::test]
async fn a_rollback_says_from_where_to_where_and_names_the_version_by_number() {
    let bench = bench().await;

    let ran = bench.lp(&["app", "rollback", "hello", "-o", "name"]).await;

    assert_eq!((ran.code, ran.stdout.as_str()), (0, "2\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr, "the app `hello` went from version 3 to version 2\n");
    assert_eq!(bench.seen().last().unwrap(), "POST /apps/hello/versions/2/activate");
    let same = bench.lp(&["app", "history", "activate", "-a", "hello", "-H", "3"]).await;
    assert_eq!(same.stderr, "version 3 of the app `hello` is the active one already\n");
    let missing = bench.lp(&["app", "rollback", "hello", "7"]).await;
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.ends_with("hint: lp app history list hello\n"), "{}", missing.stderr);
}

#[tokio::test]
async fn deleting_a_version_needs_a_yes() {
    let bench = bench().await;

    let refused = bench.lp(&["app", "history", "delete", "hello", "1"]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("delete version 1 of the app `hello`"), "{}", refused.stderr);
    let done = bench.lp(&["app", "history", "delete", "-a", "hello", "-H", "1", "-y"]).await;
    assert_eq!((done.code, bench.seen().last().unwrap().as_str()), (0, "DELETE /apps/hello/versions/1"));
}

#[tokio::test]
async fn a_diff_is_for_reading_and_whole_as_json() {
    let bench = bench().await;

    let read = bench.lp(&["app", "diff", "hello"]).await;
    insta::assert_snapshot!("diff", read.stdout);
    let raw = bench.lp(&["app", "diff", "-a", "hello", "1", "3", "-r"]).await;
    assert_eq!(serde_json::from_str::<Value>(&raw.stdout).unwrap(), diff());
}

#[tokio::test]
async fn what_is_no_version_is_wrong_usage() {
    let bench = bench().await;

    for arguments in [
        &["app", "history", "info", "hello"][..],
        &["app", "history", "info", "hello", "latest"],
        &["app", "diff", "hello", "0"],
        &["app", "rollback"],
        &["venv", "rollback", "-v", "libs", "x"],
    ] {
        let ran = bench.lp(arguments).await;
        assert!(ran.code == 2 && ran.stderr.contains("hint: "), "{arguments:?} {}", ran.stderr);
    }
    assert!(bench.seen().is_empty());
}

fn garbage(dry_run: bool, complete: bool, tasks: u64) -> Value {
    json!({"dry_run": dry_run, "complete": complete, "kinds": [
        {"kind": "tasks", "count": tasks, "bytes": 2048 * tasks, "rule": "younger than 90d"},
        {"kind": "workspaces", "count": 0, "bytes": null, "rule": "all"},
    ]})
}

#[tokio::test]
async fn a_collection_is_previewed_confirmed_and_repeated_until_all_is_gone() {
    let bench = Bench::new(|_, asked| async move {
        let body: Value = serde_json::from_slice(&crate::fake::body_of(asked).await).unwrap();
        let is_preview = body["dry_run"] == true;
        static TURN: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let turn = if is_preview { 0 } else { TURN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) };
        answer_json(
            200,
            &garbage(is_preview, is_preview || turn == 1, if is_preview { 5 } else { 3 - turn as u64 }),
        )
    })
    .await;

    let preview = bench.lp(&["gc", "--dry-run"]).await;
    insta::assert_snapshot!("gc", preview.stdout);
    let refused = bench.lp(&["gc"]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("will not remove 5 tasks (10.0 KiB)"), "{}", refused.stderr);
    let done = bench.lp(&["gc", "--yes", "-r"]).await;
    assert_eq!(serde_json::from_str::<Value>(&done.stdout).unwrap(), garbage(false, true, 5));
}
