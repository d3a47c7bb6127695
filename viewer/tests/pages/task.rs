//! The page of a task: what broke is open already.

use lp_protocol::{Exit, Stage, Status};

use crate::fake::{Cluster, sample};
use crate::world::{World, empty};

#[tokio::test]
async fn the_action_that_failed_is_open_with_its_last_attempt_and_output() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[0].task.task_id;

    let body = browser.get(&format!("/tasks/{id}")).await.body;

    assert!(body.contains("<title>✕ run 2026-11-22 · lp</title>"));
    assert!(
        body.contains("<strong>Why</strong> <bdi>Action <code>load</code> failed on attempt 3 of 3"),
        "{body}"
    );
    assert!(body.contains("ValueError: column &#39;id&#39; missing\n</pre>"), "{body}");
    assert!(body.contains(&format!("/tasks/{id}/actions/load/attempts/3/log")));
    assert!(body.contains("<q><bdi>ValueError: column &#39;id&#39; missing</bdi></q>"), "{body}");
    assert!(body.contains("href=\"?action=load#L212\">log line 212</a>"), "{body}");
    assert!(body.contains("box fail"), "{body}");
    assert!(!body.contains("\x1b"));
}

#[tokio::test]
async fn another_action_and_attempt_can_be_chosen_in_the_address() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[0].task.task_id;

    let second = browser.get(&format!("/tasks/{id}?action=load&attempt=2")).await.body;
    let untried = browser.get(&format!("/tasks/{id}?action=report")).await.body;
    let unknown = browser.get(&format!("/tasks/{id}?action=nothing&attempt=9999999999")).await.body;

    assert!(second.contains("Traceback ..."));
    assert!(untried.contains("has not started yet"));
    assert!(unknown.contains("attempts/3/log"), "an unknown choice is none");
}

#[tokio::test]
async fn input_and_results_are_readable_and_unchanged() {
    let mut info = sample::task("t", Stage::Finished, Some(Status::Success));
    info.input_data = sample::raw(&serde_json::json!({"a": {"b": [1, 2]}}));
    let id = info.task.task_id;
    let world = World::start(Cluster { tasks: vec![info], ..empty() }).await;

    let body = world.browser().await.get(&format!("/tasks/{id}?tab=io")).await.body;

    assert!(
        body.contains("{\n  &#34;a&#34;: {\n    &#34;b&#34;: [\n      1,\n      2\n    ]\n  }\n}</pre>"),
        "{body}"
    );
    assert!(body.contains("No action has left a result."));
}

#[tokio::test]
async fn a_long_output_is_shown_from_its_end() {
    let mut cluster = sample::cluster();
    let id = cluster.tasks[0].task.task_id.to_string();
    let log: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    cluster.logs.insert((id.clone(), "load".to_owned(), 3), log.into_bytes());
    let world = World::start(cluster).await;

    let body = world.browser().await.get(&format!("/tasks/{id}")).await.body;

    assert!(body.contains("line 19999\n</pre>") && !body.contains("line 10000\n"));
    assert!(body.contains("are not shown; the <a href="));
    assert!(body.len() < 100 << 10, "{}", body.len());
}

#[tokio::test]
async fn an_output_nobody_can_read_does_not_hide_the_task() {
    let mut info = sample::task("t", Stage::Finished, Some(Status::Fail));
    info.actions = vec![sample::action("a", &[], vec![sample::attempt(1, Some(Exit::TimedOut))])];
    let id = info.task.task_id;
    let world = World::start(Cluster { tasks: vec![info], ..empty() }).await;

    let answer = world.browser().await.get(&format!("/tasks/{id}")).await;

    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("timed out") && answer.body.contains("There is no output yet."),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn of_thousands_of_actions_the_failed_one_is_shown() {
    let mut info = sample::task("fan-out", Stage::Running, None);
    info.actions = (0..10_000)
        .map(|n| {
            let exit = if n == 9_000 { Exit::Code { code: 3 } } else { Exit::Code { code: 0 } };
            sample::action(&format!("shard-{n}"), &[], vec![sample::attempt(1, Some(exit))])
        })
        .collect();
    let id = info.task.task_id;
    let world = World::start(Cluster { tasks: vec![info], ..empty() }).await;

    let body = world.browser().await.get(&format!("/tasks/{id}?tab=actions")).await.body;

    assert!(body.contains(">shard-9000<") && body.contains("exit code 3"));
    assert!(body.contains("9800 more actions are not shown"));
    assert!(body.len() < 300 << 10, "{}", body.len());
}

#[tokio::test]
async fn an_unknown_task_is_explained_in_the_managers_words() {
    let world = World::start(empty()).await;

    let answer = world.browser().await.get("/tasks/abcd").await;

    assert_eq!(answer.status, 404);
    for text in
        ["There is no task <code>abcd</code>.", "List them with <code>lp task list</code>.", "fake-request"]
    {
        assert!(answer.body.contains(text), "{text}: {}", answer.body);
    }
}
