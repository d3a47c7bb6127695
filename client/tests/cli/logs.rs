//! Logs: raw, under names, followed over lost connections and new attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::fake::{Answer, answer, json as answer_json, streamed};
use crate::fixture::{Bench, TASK, action, attempt, breaks_off, info, task};

fn done() -> Value {
    json!({"kind": "code", "code": 0})
}

fn log(offset: u64, text: impl Into<Bytes>) -> Answer {
    let mut answer = answer(200, "text/plain; charset=utf-8", text);
    answer.headers_mut().insert("x-offset", offset.into());
    answer
}

fn event(stage: &str) -> Bytes {
    let event = json!({"event": "task", "task_id": TASK, "stage": stage, "status": null});
    Bytes::from(format!("data: {event}\n\n"))
}

fn attempt_event(action: &str, number: u32) -> Bytes {
    let event = json!({"event": "attempt", "task_id": TASK, "action": action, "attempt": number, "stage": "running", "status": null});
    Bytes::from(format!(": ping\ndata: {event}\n\n"))
}

fn two_finished() -> Value {
    let one =
        |name: &str| action(name, &[], "finished", Some("success"), vec![attempt(1, "finished", done())]);
    info(task("finished", Some("success")), vec![one("first"), one("second")])
}

#[tokio::test]
async fn one_action_is_printed_as_it_is_and_several_under_their_names() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request {
            request if request.contains("/first/") => log(0, "\x1b[2Jone\ntwo"),
            request if request.contains("/second/") => log(0, "three\r\n\n"),
            _ => answer_json(200, &two_finished()),
        })
    })
    .await;

    let one = bench.lp(&["logs", "@last", "first"]).await;
    let by_flags = bench.lp(&["logs", "-t", "@last", "-n", "first"]).await;
    let all = bench.lp(&["logs", "@last"]).await;

    assert_eq!(one.stdout, "\x1b[2Jone\ntwo", "{}", one.stderr);
    assert_eq!(by_flags.stdout, one.stdout);
    assert_eq!(all.stdout, "first | \x1b[2Jone\nfirst | two\nsecond | three\r\nsecond | \n");
}

#[tokio::test]
async fn timestamps_are_those_of_the_marks_and_no_line_is_held_back_for_want_of_them() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request {
            request if request.contains("/first/attempts/1/log/times") => answer_json(
                200,
                &json!({
                    "attempt": 1, "start_at": "2026-11-22T10:00:00Z", "end_at": "2026-11-22T10:00:09.500Z", "precision_ms": 100,
                    "marks": [{"offset": 4, "at": "2026-11-22T10:00:01.250Z"}, {"offset": 9, "at": "2026-11-22T10:00:09Z"}],
                }),
            ),
            request if request.contains("/log/times") => {
                answer_json(503, &json!({"code": "node_unreachable", "message": "it is away"}))
            }
            request if request.contains("/first/") => log(0, "one\ntwo\nthree"),
            request if request.contains("/second/") => log(0, "four\n"),
            _ => answer_json(200, &two_finished()),
        })
    })
    .await;

    let one = bench.lp(&["logs", "@last", "first", "--timestamps"]).await;
    let all = bench.lp(&["logs", "@last", "-T"]).await;

    let lines =
        ["2026-11-22T10:00:01.250Z one", "2026-11-22T10:00:09.000Z two", "2026-11-22T10:00:09.500Z three"];
    assert_eq!(one.stdout.lines().collect::<Vec<_>>(), lines, "{}", one.stderr);
    let named: Vec<_> = all.stdout.lines().collect();
    assert_eq!(named[..3], lines.map(|line| format!("first | {line}")));
    assert!(named[3].starts_with("second | ~20") && named[3].ends_with("Z four"), "{}", named[3]);
}

#[tokio::test]
async fn an_action_or_attempt_that_is_not_there_is_not_found() {
    let bench = Bench::new(|_, _| std::future::ready(answer_json(200, &two_finished()))).await;

    let action = bench.lp(&["logs", "@last", "third"]).await;
    let attempt = bench.lp(&["logs", "@last", "first", "--attempt", "7"]).await;

    assert_eq!((action.code, attempt.code), (3, 3));
    assert!(action.stderr.contains("no action `third`") && action.stderr.contains("it has first, second"));
}

#[tokio::test]
async fn the_tail_is_counted_in_lines() {
    let text: String = (0..1000).map(|number| format!("line {number}\n")).collect();
    let bench = Bench::new(move |request, _| {
        let query = request.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        std::future::ready(match query.split('&').find_map(|part| part.strip_prefix("tail_bytes=")) {
            Some(bytes) => {
                let start = text.len().saturating_sub(bytes.parse().unwrap());
                log(start as u64, text[start..].to_owned())
            }
            None => match query.split('&').find_map(|part| part.strip_prefix("offset=")) {
                Some(offset) => log(0, text[offset.parse::<usize>().unwrap()..].to_owned()),
                None => answer_json(200, &two_finished()),
            },
        })
    })
    .await;

    let two = bench.lp(&["logs", "@last", "first", "--tail", "2"]).await;
    let none = bench.lp(&["logs", "@last", "first", "--tail", "0"]).await;
    let all = bench.lp(&["logs", "@last", "first", "--tail", "5000"]).await;

    assert_eq!(two.stdout, "line 998\nline 999\n", "{}", two.stderr);
    assert_eq!((none.stdout.as_str(), all.stdout.lines().count()), ("", 1000));
}

#[tokio::test]
async fn following_goes_on_at_the_byte_where_the_connection_broke() {
    let asked = Arc::new(AtomicUsize::new(0));
    let bench = Bench::new(move |request, _| {
        let turn = if request.contains("/log") { asked.fetch_add(1, Ordering::Relaxed) } else { 0 };
        async move {
            if request.starts_with("GET /events") {
                return streamed("text/event-stream", stream::pending());
            }
            if !request.contains("/log") {
                let one =
                    action("first", &[], "finished", Some("success"), vec![attempt(1, "finished", done())]);
                return answer_json(200, &info(task("finished", Some("success")), vec![one]));
            }
            match turn {
                0 => {
                    assert!(request.contains("offset=0&"), "{request}");
                    breaks_off("text/plain", b"one\ntw")
                }
                _ => {
                    assert!(request.contains("offset=6&"), "{request}");
                    log(6, "o\nthree\n")
                }
            }
        }
    })
    .await;

    let ran = bench.lp(&["logs", "-f", TASK]).await;

    assert_eq!((ran.code, ran.stdout.as_str()), (0, "one\ntwo\nthree\n"), "{}", ran.stderr);
}

#[tokio::test]
async fn following_finds_actions_and_attempts_as_they_start_and_ends_with_the_task() {
    let read = Arc::new(AtomicUsize::new(0));
    let all_read = Arc::new(Notify::new());
    let bench = Bench::new(move |request, _| {
        let (read, all_read) = (read.clone(), all_read.clone());
        async move {
            if request.starts_with("GET /events") {
                let ends = stream::once(async move {
                    all_read.notified().await;
                    Ok(event("finished"))
                });
                let begins = [
                    Ok(attempt_event("first", 1)),
                    Ok(attempt_event("first", 2)),
                    Ok(attempt_event("second", 1)),
                ];
                return streamed(
                    "text/event-stream",
                    stream::iter(begins).chain(ends).chain(stream::pending()),
                );
            }
            let Some((_, rest)) = request.split_once("/actions/") else {
                if read.load(Ordering::Relaxed) < 3 {
                    let pending = |name: &str| action(name, &[], "pending", None, vec![]);
                    return answer_json(
                        200,
                        &info(task("running", None), vec![pending("first"), pending("second")]),
                    );
                }
                return answer_json(200, &two_finished());
            };
            let text = match rest.split('?').next() {
                Some("first/attempts/1/log") => "try\n",
                Some("first/attempts/2/log") => "again\n",
                _ => "then\n",
            };
            if read.fetch_add(1, Ordering::Relaxed) == 2 {
                all_read.notify_one();
            }
            log(0, text)
        }
    })
    .await;

    let ran = bench.lp(&["logs", "--follow", TASK]).await;

    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut lines: Vec<_> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["first | again", "first | try", "second | then"]);
}

#[tokio::test]
async fn creating_with_follow_prints_the_output_and_ends_as_the_task_does() {
    for (status, code) in [("success", 0), ("fail", 1)] {
        let bench = Bench::new(move |request, _| {
            std::future::ready(match request {
                request if request.starts_with("POST") => {
                    answer_json(201, &json!({"task_id": TASK, "created": true}))
                }
                request if request.starts_with("GET /events") => {
                    streamed("text/event-stream", stream::pending())
                }
                request if request.contains("/log") => log(0, "hello\n"),
                _ => {
                    let one =
                        action("first", &[], "finished", Some(status), vec![attempt(1, "finished", done())]);
                    answer_json(200, &info(task("finished", Some(status)), vec![one]))
                }
            })
        })
        .await;

        let ran = bench.lp(&["task", "create", "-a", crate::fixture::APP, "--follow"]).await;

        assert_eq!((ran.code, ran.stdout.as_str()), (code, "hello\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains(status), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_log_that_is_gone_does_not_hide_the_others() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request {
            request if request.contains("/first/") => {
                answer_json(410, &json!({"code": "gone", "message": "the log has expired"}))
            }
            request if request.contains("/second/") => log(0, "two\n"),
            _ => answer_json(200, &two_finished()),
        })
    })
    .await;

    let all = bench.lp(&["logs", "@last"]).await;
    let one = bench.lp(&["logs", "@last", "first"]).await;

    assert_eq!((all.code, all.stdout.as_str()), (0, "second | two\n"));
    assert!(all.stderr.contains("warning: first: the log has expired"), "{}", all.stderr);
    assert_eq!(one.code, 3);
}
