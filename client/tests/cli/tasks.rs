//! Creating, waiting, stopping, deleting.

use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::fake::{Answer, answer, body_of, empty, json as answer_json};
use crate::fixture::{APP, Bench, OTHER_TASK, TASK, app, info, task, write};

/// A manager whose every task ends as told.
async fn ending(stage: &'static str, status: Option<&'static str>) -> Bench {
    Bench::new(move |request, asked| async move {
        if request == "GET /apps/hello" {
            return answer_json(200, &app("hello"));
        }
        if request == "POST /tasks" {
            let body: Value = serde_json::from_slice(&body_of(asked).await).unwrap();
            assert_eq!(body["app_id"], APP);
            return answer_json(201, &json!({"task_id": TASK, "created": true}));
        }
        assert!(request.contains("/wait?"), "{request}");
        answer_json(200, &task(stage, status))
    })
    .await
}

#[tokio::test]
async fn creating_prints_the_id_and_asks_by_name_once() {
    let bench = ending("running", None).await;

    let ran = bench.lp(&["task", "create", "-a", "hello", "-o", "name"]).await;

    assert_eq!((ran.code, ran.stdout), (0, format!("{TASK}\n")));
    assert_eq!(bench.seen(), ["GET /apps/hello", "POST /tasks"]);
}

#[tokio::test]
async fn a_whole_id_is_not_asked_for() {
    let bench = ending("running", None).await;

    bench.lp(&["task", "create", "-a", APP]).await;

    assert_eq!(bench.seen(), ["POST /tasks"]);
}

#[tokio::test]
async fn waiting_ends_as_the_task_does() {
    for (stage, status, code) in [
        ("finished", Some("success"), 0),
        ("finished", Some("fail"), 1),
        ("finished", Some("kill"), 1),
        ("running", None, 6),
    ] {
        let bench = ending(stage, status).await;

        let created = bench.lp(&["task", "create", "-a", "hello", "--wait", "--timeout", "10ms"]).await;
        let waited = bench.lp(&["task", "wait", "1111", "--timeout", "10ms"]).await;

        assert_eq!((created.code, waited.code), (code, code), "{status:?} {}", created.stderr);
        assert!(waited.stdout.contains(TASK));
    }
}

#[tokio::test]
async fn inputs_come_from_the_line_a_file_or_stdin_as_they_are() {
    let text = r#"{"x": 1.50, "big": 123456789012345678901}"#;
    for (given, stdin) in [(text, ""), ("@input.json", ""), ("-", text)] {
        let bench = Bench::new(|_, asked| async move {
            let body = body_of(asked).await;
            let body = std::str::from_utf8(&body).unwrap();
            assert!(body.contains(r#""input_data":{"x": 1.50, "big": 123456789012345678901}"#), "{body}");
            answer_json(201, &json!({"task_id": TASK, "created": true}))
        })
        .await;
        write(&bench.path("input.json"), text);

        let ran = bench.lp_with(&["task", "create", "-a", APP, "-i", given], &[], stdin).await;

        assert_eq!(ran.code, 0, "{given}: {}", ran.stderr);
    }
}

/// Answers each line of a batch with a task.
async fn batch(asked: crate::fake::Asked) -> Answer {
    let mut body = asked.into_body().into_data_stream();
    let mut lines = 0;
    while let Some(chunk) = body.next().await {
        lines += chunk.unwrap().iter().filter(|byte| **byte == b'\n').count();
    }
    let line = json!({"task_id": TASK, "created": true}).to_string() + "\n";
    answer(200, "application/x-ndjson", line.repeat(lines))
}

#[tokio::test]
async fn each_line_makes_a_task_in_one_request() {
    let bench = Bench::new(|request, asked| async move {
        assert_eq!(request, format!("POST /tasks/batch?app_id={APP}&priority=0&key=k"));
        batch(asked).await
    })
    .await;
    write(&bench.path("inputs.jsonl"), "{\"n\": 1}\n".repeat(5000));

    let from_file =
        bench.lp(&["task", "create", "-a", APP, "--each", "inputs.jsonl", "--key", "k", "-o", "name"]).await;
    let from_stdin = bench
        .lp_with(&["task", "create", "-a", APP, "--each", "-", "-k", "k", "-o", "name"], &[], "{}\n{}\n")
        .await;

    assert_eq!(from_file.stdout, format!("{TASK}\n").repeat(5000), "{}", from_file.stderr);
    assert!(from_file.stderr.starts_with("created 5000 tasks in "), "{}", from_file.stderr);
    assert_eq!(from_stdin.stdout, format!("{TASK}\n").repeat(2));
    assert_eq!(bench.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_line_is_told_after_what_was_created() {
    let bench = Bench::new(|_, asked| async move {
        body_of(asked).await;
        let created = json!({"task_id": TASK, "created": true});
        let refused = json!({"error": {"code": "invalid_request", "message": "line 2 is not a JSON object"}});
        answer(200, "application/x-ndjson", format!("{created}\n{refused}\n"))
    })
    .await;

    let ran =
        bench.lp_with(&["task", "create", "-a", APP, "--each", "-", "-o", "name"], &[], "{}\nx\n{}\n").await;

    assert_eq!((ran.code, ran.stdout), (5, format!("{TASK}\n")));
    assert!(ran.stderr.contains("error: line 2 is not a JSON object"), "{}", ran.stderr);
}

#[tokio::test]
async fn lines_without_an_answer_are_noticed() {
    let bench = Bench::new(|_, asked| async move {
        body_of(asked).await;
        answer(200, "application/x-ndjson", "")
    })
    .await;

    let ran = bench.lp_with(&["task", "create", "-a", APP, "--each", "-"], &[], "{}\n{}").await;

    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("2 lines were sent and 0 answered"), "{}", ran.stderr);
}

#[tokio::test]
async fn filters_reach_the_manager() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request.as_str() {
            "GET /apps/hello" => answer_json(200, &app("hello")),
            _ => answer_json(200, &json!({"items": []})),
        })
    })
    .await;
    let arguments = [
        "task",
        "list",
        "-a",
        "hello",
        "-n",
        "run*",
        "-s",
        "finished",
        "-S",
        "fail",
        "--since",
        "2026-11-22T00:00:00Z",
        "-l",
        "5",
    ];

    assert_eq!(bench.lp(&arguments).await.code, 0);

    let expected = format!(
        "GET /tasks?app_id={APP}&name=run*&stage=finished&status=fail&since=2026-11-22T00%3A00%3A00Z&limit=5"
    );
    assert_eq!(bench.seen()[1], expected);
}

#[tokio::test]
async fn stopping_takes_litepipelines_signals() {
    for (signal, number) in [("-9", 9), ("-15", 15), ("KILL", 9)] {
        let bench = Bench::new(move |request, asked| async move {
            assert_eq!(request, "POST /tasks/1111/stop");
            let body: Value = serde_json::from_slice(&body_of(asked).await).unwrap();
            assert_eq!(body, json!({"signal": number, "grace": 90.0}));
            answer_json(202, &task("stopping", None))
        })
        .await;

        let ran = bench.lp(&["task", "stop", "-t", "1111", "-g", signal, "--grace", "1m 30s"]).await;

        assert_eq!((ran.code, ran.stdout.contains("stopping")), (0, true), "{signal} {}", ran.stderr);
    }
}

#[tokio::test]
async fn of_several_tasks_all_are_tried_and_the_first_failure_is_the_exit_code() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request.as_str() {
            "GET /tasks/1111" => answer_json(200, &info(task("finished", Some("success")), vec![])),
            "GET /tasks/2222" => {
                answer_json(404, &json!({"code": "not_found", "message": "there is no task `2222`"}))
            }
            _ => empty(204),
        })
    })
    .await;

    let ran = bench.lp(&["task", "delete", "2222", "1111", "--yes"]).await;

    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("there is no task `2222`")
            && ran.stderr.contains(&format!("deleted the task {TASK}"))
    );
    assert_eq!(bench.seen().last().unwrap(), &format!("DELETE /tasks/{TASK}"));
    assert!(!ran.stderr.contains(OTHER_TASK));
}
