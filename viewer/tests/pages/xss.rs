//! A canary in every text a stranger can choose: it is on the pages, and it is only text.

use std::collections::BTreeMap;

use lp_protocol::views::{LastOutput, NodeState, Why, WhyAction};
use lp_protocol::{Exit, Stage, Status};

use crate::fake::{Cluster, sample};
use crate::world::World;

const CANARY: &str = "canary7\"'><img src=x onerror=alert(1)><script>alert(2)</script></pre></title>{{7*7}}\u{202e}\0`<u7>`&lt;";

fn hostile() -> Cluster {
    let canary = || CANARY.to_owned();
    let mut app = sample::app(CANARY);
    (app.description, app.version.format, app.version.warnings) = (canary(), canary(), vec![canary()]);
    app.version.digest = canary();
    app.manifest = Some(canary());

    let mut node = sample::node(CANARY, NodeState::Disconnected);
    (node.facts.platform, node.facts.version, node.facts.hostname) = (canary(), canary(), canary());
    node.facts.labels = BTreeMap::from([(canary(), canary())]);

    let mut attempt = sample::attempt(1, Some(Exit::NotStarted { reason: canary() }));
    attempt.node_name = canary();
    let action = sample::action(CANARY, &[CANARY], vec![attempt.clone(), attempt]);
    let mut info = sample::task(CANARY, Stage::Finished, Some(Status::Fail));
    (info.task.app_name, info.task.app_id, info.task.reason) = (canary(), app.app_id, Some(canary()));
    info.input_data = sample::raw(&serde_json::json!({ CANARY: CANARY }));
    let result = serde_json::json!({
        "name": CANARY, "stage": "finished", "status": "fail", "node_id": node.node_id,
        "start_at": null, "end_at": null, "returncode": 1, "result": { CANARY: [CANARY] },
    });
    info.result.insert(canary(), serde_json::from_value(result).expect("a result"));
    info.actions = vec![action];

    let id = info.task.task_id.to_string();
    let why = Why {
        task_id: info.task.task_id,
        stage: Stage::Finished,
        status: Some(Status::Fail),
        summary: canary(),
        actions: vec![WhyAction { name: canary(), reason: canary(), hint: Some(canary()) }],
        more: 0,
        last_output: Some(LastOutput { action: CANARY.into(), attempt: 1, line: Some(7), text: canary() }),
    };
    let mut status = sample::status();
    (status.version, status.database, status.nodes) = (canary(), canary(), 1);
    Cluster {
        status: Some(status),
        logs: [((id.clone(), canary(), 1), format!("{CANARY}\n\x1b]0;{CANARY}\x07").into_bytes())].into(),
        files: [((id.clone(), canary(), 1, canary()), canary().into_bytes())].into(),
        why: [(id, why)].into(),
        nodes: vec![node],
        apps: vec![app],
        tasks: vec![info],
        ..Cluster::default()
    }
}

fn assert_harmless(page: &str, body: &str) {
    for live in ["<img", "<script>", "<u7>", "\"'>", "</title>{{", "</pre></title>", "\u{202e}", "\0"] {
        assert!(!body.contains(live), "{page} has {live:?}:\n{body}");
    }
}

#[tokio::test]
async fn what_strangers_write_is_text_on_every_page() {
    let world = World::start(hostile()).await;
    let browser = world.browser().await;

    for page in world.pages() {
        let answer = browser.get(&page).await;
        assert_harmless(&page, &answer.body);
        let has_none = page == "/nowhere" || page.starts_with("/tasks/bulk");
        assert_eq!(answer.body.contains("canary7"), !has_none, "{page}");
    }
}

#[tokio::test]
async fn what_stands_in_the_address_is_text_too() {
    let world = World::start(hostile()).await;
    let browser = world.browser().await;
    let escaped =
        "canary7%22%27%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E";

    for page in [
        format!("/tasks?name={escaped}"),
        format!("/tasks?stage={escaped}"),
        format!("/tasks?app={escaped}"),
        format!("/tasks/{escaped}"),
        format!("/apps/{escaped}"),
        format!("/{escaped}"),
        format!("/login?next=/{escaped}"),
    ] {
        assert_harmless(&page, &browser.get(&page).await.body);
        assert_harmless(&page, &world.stranger().get(&page).await.body);
    }
}

#[tokio::test]
async fn what_comes_live_is_text_too() {
    let world = World::start(hostile()).await;
    let browser = world.browser().await;
    let (id, app) = {
        let cluster = world.manager.cluster();
        (cluster.tasks[0].task.task_id, cluster.apps[0].app_id)
    };
    let (task, app) = (format!("task&task={id}&tab=io"), format!("app&app={app}"));

    for (view, parts) in [("overview", 5), ("tasks", 1), ("nodes", 1), (task.as_str(), 3), (app.as_str(), 1)]
    {
        let mut events = browser.events(&format!("/live?view={view}"), None).await;
        for _ in 0..parts {
            let event = events.wait_for("swap").await;
            assert_harmless(view, event.data["html"].as_str().unwrap());
        }
    }
}
