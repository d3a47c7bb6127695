//! The client against a manager that answers as the test wants.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use serde_json::json;

use super::fake::{Fake, answer, body_of, empty, json as answer_json, streamed};
use super::*;
use crate::views::{CreateTasks, Event, ListTasks, ReadLog};
use crate::{ApiError, AppId, ErrorCode, Stage, TaskId};

fn client(fake: &Fake) -> ManagerClient {
    ManagerClient::new(&fake.url(), "sesame").unwrap()
}

fn task_json(stage: &str) -> serde_json::Value {
    let id = uuid::Uuid::nil();
    json!({"task_id": id, "task_name": "t", "app_id": id, "app_name": "a", "version_id": 1, "stage": stage,
           "status": null, "priority": 0, "create_at": "2026-11-22T10:00:00Z", "start_at": null, "end_at": null})
}

#[tokio::test]
async fn every_code_of_the_manager_arrives_with_its_sentence_hint_and_request_id() {
    for code in ErrorCode::ALL {
        let fake = Fake::start(move |_| async move {
            let mut error = ApiError::new(*code, "no").with_hint("try");
            error.request_id = "r1".into();
            answer_json(code.http_status(), &error)
        })
        .await;

        let error = client(&fake).fetch_task("abcd").await.unwrap_err();

        let Error::Api { error: api, status } = &error else { panic!("{error:?}") };
        assert_eq!((api.code, *status, api.hint.as_deref()), (*code, code.http_status(), Some("try")));
        assert_eq!((api.message.as_str(), api.request_id.as_str()), ("no", "r1"));
        assert_eq!(error.exit_code(), code.exit_code());
    }
}

#[tokio::test]
async fn a_code_of_the_future_is_read_by_its_status() {
    let fake =
        Fake::start(|_| async { answer_json(409, &json!({"code": "overbooked", "message": "no room"})) })
            .await;

    let error = client(&fake).fetch_status().await.unwrap_err();

    assert_eq!((error.code(), error.to_string()), (Some(ErrorCode::Conflict), "no room".to_owned()));
}

#[tokio::test]
async fn an_answer_of_something_else_is_not_taken_for_a_managers() {
    for (status, exit) in [(200, 1), (404, 1), (502, 7)] {
        let fake = Fake::start(move |_| async move { answer(status, "text/html", "<html>") }).await;

        let error = client(&fake).fetch_status().await.unwrap_err();

        assert!(matches!(error, Error::Protocol { .. }), "{status}: {error:?}");
        assert_eq!(error.exit_code(), exit, "{status}");
    }
}

#[tokio::test]
async fn a_manager_that_is_not_there_is_unreachable() {
    let fake = Fake::start(|_| async { empty(200) }).await;
    let client = client(&fake);
    drop(fake);
    // the port is closed once the server task is gone
    let error = loop {
        match client.fetch_status().await {
            Err(error @ Error::Unreachable { .. }) => break error,
            _ => tokio::task::yield_now().await,
        }
    };

    assert_eq!(error.exit_code(), 7);
}

#[tokio::test]
async fn redirects_are_not_followed_so_the_token_stays() {
    let fake = Fake::start(|asked| async move {
        assert!(!asked.uri().path().contains("elsewhere"));
        let mut answer = empty(302);
        answer.headers_mut().insert("location", "/elsewhere".parse().unwrap());
        answer
    })
    .await;

    assert!(matches!(client(&fake).fetch_status().await, Err(Error::Protocol { status: 302, .. })));
}

#[tokio::test]
async fn requests_carry_token_and_query_and_no_content_encoding() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let fake = Fake::start(move |asked| {
        kept.lock().unwrap().push((asked.uri().to_string(), asked.headers().clone()));
        async { answer_json(200, &json!({"items": []})) }
    })
    .await;

    let query = ListTasks { name: Some("a*%&".into()), stage: Some(Stage::Running), ..ListTasks::default() };
    client(&fake).list_tasks(&query).await.unwrap();

    let seen = seen.lock().unwrap();
    let (uri, headers) = &seen[0];
    assert_eq!(uri, "/api/v1/tasks?name=a*%25%26&stage=running");
    assert_eq!(headers["authorization"], "Bearer sesame");
    assert!(!headers.contains_key("content-encoding") && !headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn a_blob_is_there_not_there_or_not_for_us() {
    let fake = Fake::start(|asked| async move {
        match asked.uri().path().rsplit('/').next() {
            Some("aa") => empty(200),
            Some("bb") => empty(404),
            _ => empty(401),
        }
    })
    .await;
    let client = client(&fake);

    assert!(client.has_blob("aa").await.unwrap());
    assert!(!client.has_blob("bb").await.unwrap());
    assert_eq!(client.has_blob("cc").await.unwrap_err().exit_code(), 4);
}

#[tokio::test]
async fn an_upload_says_its_length_counts_its_progress_and_arrives_whole() {
    let fake = Fake::start(|asked| async move {
        let length = asked.headers()["content-length"].to_str().unwrap().to_owned();
        let body = body_of(asked).await;
        assert_eq!(body.len().to_string(), length);
        answer_json(201, &json!({"digest": "d", "sha1": "s", "size_bytes": body.len()}))
    })
    .await;
    let sent = Arc::new(AtomicU64::new(0));
    let counter = sent.clone();
    let chunks = stream::iter((0..100).map(|_| Ok(Bytes::from(vec![7; 1000]))));
    let progress: Progress = Arc::new(move |bytes| {
        counter.fetch_add(bytes, Ordering::Relaxed);
    });

    let blob =
        client(&fake).upload_blob("d", Upload::stream(chunks, Some(100_000), Some(progress))).await.unwrap();

    assert_eq!((blob.size_bytes, sent.load(Ordering::Relaxed)), (100_000, 100_000));
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_told_from_a_lost_connection() {
    let fake = Fake::start(|asked| async move {
        body_of(asked).await;
        empty(200)
    })
    .await;
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(io::Error::other("disk on fire"))]);

    let error = client(&fake).upload_unnamed_blob(Upload::stream(broken, None, None)).await.unwrap_err();

    assert!(matches!(&error, Error::Source(source) if source.to_string() == "disk on fire"), "{error:?}");
}

#[tokio::test]
async fn a_batch_answers_while_the_inputs_are_still_sent() {
    let fake = Fake::start(|asked| async move {
        assert!(asked.uri().query().unwrap().contains("key=k"));
        let answers = asked.into_body().into_data_stream().map(|_| {
            Ok(Bytes::from(format!("{}\n", json!({"task_id": uuid::Uuid::nil(), "created": true}))))
        });
        streamed("application/x-ndjson", SyncStream(Mutex::new(Box::pin(answers))))
    })
    .await;
    let (sender, inputs) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
    let inputs =
        stream::unfold(inputs, |mut inputs| async { inputs.recv().await.map(|item| (item, inputs)) });
    let query =
        CreateTasks { app_id: AppId(uuid::Uuid::nil()), task_name: None, priority: 0, key: Some("k".into()) };

    sender.send(Ok(Bytes::from_static(b"{}\n"))).await.unwrap();
    let mut created = client(&fake).create_tasks(&query, inputs).await.unwrap();
    assert!(created.next().await.unwrap().unwrap().created);
    sender.send(Ok(Bytes::from_static(b"{}\n"))).await.unwrap();
    assert!(created.next().await.unwrap().unwrap().created);
    drop(sender);

    assert!(created.next().await.is_none());
}

#[tokio::test]
async fn a_refused_line_ends_a_batch_after_what_was_created() {
    let fake = Fake::start(|_| async {
        let created = json!({"task_id": uuid::Uuid::nil(), "created": true});
        let refused = json!({"error": {"code": "invalid_request", "message": "line 2 is no object"}});
        answer(200, "application/x-ndjson", format!("{created}\n{refused}\n"))
    })
    .await;
    let query = CreateTasks { app_id: AppId(uuid::Uuid::nil()), task_name: None, priority: 0, key: None };

    let items: Vec<_> = client(&fake).create_tasks(&query, stream::empty()).await.unwrap().collect().await;

    assert!(items[0].is_ok());
    assert_eq!(items[1].as_ref().unwrap_err().to_string(), "line 2 is no object");
}

#[tokio::test]
async fn events_come_as_they_are_sent() {
    let fake = Fake::start(|asked| async move {
        assert_eq!(asked.uri().query(), Some("task_id=00000000-0000-0000-0000-000000000000"));
        let event = Event::Task { task_id: TaskId(uuid::Uuid::nil()), stage: Stage::Running, status: None };
        let text = format!(": hello\n\ndata: {}\n\n", serde_json::to_string(&event).unwrap());
        streamed("text/event-stream", stream::iter([Ok(Bytes::from(text))]).chain(stream::pending()))
    })
    .await;

    let mut events = client(&fake).events(Some(TaskId(uuid::Uuid::nil()))).await.unwrap();

    assert!(matches!(events.next().await, Some(Ok(Event::Task { stage: Stage::Running, .. }))));
}

#[tokio::test]
async fn a_log_says_where_it_begins_and_breaks_with_an_error() {
    let arrived = Arc::new(tokio::sync::Notify::new());
    let wait = arrived.clone();
    let fake = Fake::start(move |asked| {
        assert_eq!(asked.uri().query(), Some("offset=5&follow=true"));
        assert!(asked.uri().path().ends_with("/actions/first%20action/attempts/2/log"));
        let wait = wait.clone();
        let breaks = stream::once(async move {
            wait.notified().await;
            Err(io::Error::other("gone"))
        });
        let mut answer = streamed("text/plain", stream::iter([Ok(Bytes::from_static(b"abc"))]).chain(breaks));
        answer.headers_mut().insert("x-attempt", 2.into());
        std::future::ready(answer)
    })
    .await;
    let query = ReadLog { offset: 5, tail_bytes: None, follow: true };

    let mut log =
        client(&fake).read_log("@last", "first action", AttemptRef::Number(2), &query).await.unwrap();

    assert_eq!((log.attempt, log.offset), (Some(2), Some(5)));
    assert_eq!(log.bytes.next().await.unwrap().unwrap(), "abc");
    arrived.notify_one();
    assert!(matches!(log.bytes.next().await, Some(Err(Error::Unreachable { .. }))));
}

#[tokio::test]
async fn waiting_outlasts_a_manager_that_is_away_for_a_while() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let fake = Fake::start(move |_| {
        let turn = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            match turn {
                0 => answer_json(200, &task_json("running")),
                1 => answer_json(503, &ApiError::new(ErrorCode::Unavailable, "starting")),
                _ => answer_json(200, &task_json("finished")),
            }
        }
    })
    .await;

    let task = client(&fake).wait_until_finished("abcd", None).await.unwrap();

    assert_eq!((task.stage, asked.load(Ordering::Relaxed)), (Stage::Finished, 3));
}

#[tokio::test]
async fn waiting_ends_with_its_time_and_at_once_with_a_refusal() {
    let fake = Fake::start(|asked| async move {
        match asked.uri().path().contains("gone") {
            true => answer_json(404, &ApiError::not_found("task", "gone")),
            false => answer_json(200, &task_json("running")),
        }
    })
    .await;
    let client = client(&fake);

    let task = client.wait_until_finished("abcd", Some(Duration::ZERO)).await.unwrap();

    assert_eq!(task.stage, Stage::Running);
    assert_eq!(client.wait_until_finished("gone", None).await.unwrap_err().exit_code(), 3);
}

#[tokio::test]
async fn health_is_read_from_a_manager_that_is_not_well() {
    let fake = Fake::start(|asked| async move {
        assert_eq!(asked.uri().path(), "/health");
        answer_json(503, &json!({"status": "bad", "version": "0", "reason": "no database"}))
    })
    .await;

    assert_eq!(client(&fake).fetch_health().await.unwrap().reason.as_deref(), Some("no database"));
}

/// A body stream need only be Sync for the fake's box.
struct SyncStream<S>(Mutex<S>);

impl<S: futures_util::Stream + Unpin> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.0.lock().unwrap().poll_next_unpin(context)
    }
}
