//! Pages of what is not a task: packages, workflows, works, schedules, services, nodes, the account.

use serde_json::{Value, json};

use crate::fake::{Cluster, sample};
use crate::world::{World, empty};

const ID: &str = "11111111-1111-4111-8111-111111111111";

fn workflow() -> Value {
    json!({
        "workflow_id": ID, "name": "daily", "description": "", "enable": true,
        "create_at": "2026-01-01T00:00:00Z", "update_at": "2026-01-01T00:00:00Z",
        "configuration": {"applications": [{"name": "one", "app": "etl"}, {"name": "two", "app": "etl", "condition": ["one"]}]}
    })
}

fn schedule() -> Value {
    json!({
        "schedule_id": ID, "schedule_name": "nightly", "source": "application", "source_id": ID, "source_name": "etl",
        "minute": -1, "hour": -1, "day_of_month": -1, "day_of_week": -1, "cron": "0 6 * * *", "words": "at 06:00, every day",
        "tz": "UTC", "start_at": null, "end_at": null, "catchup": "none", "overlap": "allow", "jitter": 0.0, "enable": true,
        "next_at": null, "create_at": "2026-01-01T00:00:00Z", "update_at": "2026-01-01T00:00:00Z",
        "input_data": {}, "instants": []
    })
}

fn cluster() -> Cluster {
    let mut cluster = sample::cluster();
    for (path, answer) in [
        (format!("GET /workflows/{ID}"), workflow()),
        (format!("GET /schedules/{ID}"), schedule()),
        (format!("GET /schedules/{ID}/next"), json!([])),
    ] {
        cluster.answers.insert(path, (200, answer));
    }
    cluster
}

#[tokio::test]
async fn an_empty_list_teaches_the_next_command() {
    let world = World::start(empty()).await;
    let browser = world.browser().await;

    for (path, command) in [
        ("/apps", "lp app create -f DIRECTORY"),
        ("/venvs", "lp venv create"),
        ("/workflows", "lp workflow create"),
        ("/works", "lp work create"),
        ("/schedules", "lp schedule create"),
        ("/services", "lp service create"),
        ("/nodes", "lp node token"),
    ] {
        let page = browser.get(path).await;
        assert!(page.status == 200 && page.body.contains(command), "{path}: {}", page.body);
        let filtered = browser.get(&format!("{path}?name=nothing")).await;
        assert_eq!(filtered.status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_form_and_question_is_refused_without_the_sessions_word() {
    let world = World::start(cluster()).await;
    let browser = world.browser().await;
    let app = world.manager.cluster().apps[0].app_id;

    for path in [
        format!("/apps/{app}/run"),
        format!("/apps/{app}/edit"),
        format!("/apps/{app}/delete"),
        format!("/apps/{app}/versions/1/activate"),
        "/workflows/new".to_owned(),
        format!("/workflows/{ID}/edit"),
        format!("/workflows/{ID}/delete"),
        format!("/works/{ID}/stop"),
        "/schedules/new".to_owned(),
        format!("/schedules/{ID}/trigger"),
        "/services/new".to_owned(),
        format!("/services/{ID}/restart"),
        format!("/nodes/{ID}/drain"),
        "/nodes/join".to_owned(),
        "/account/sign-out-everywhere".to_owned(),
    ] {
        for fields in [&[][..], &[("csrf", "guessed")]] {
            let answer = browser.post(&path, fields).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        }
    }
    assert!(world.manager.cluster().deeds.is_empty(), "{:?}", world.manager.cluster().deeds);
}

/// A form as browsers send it where it has a file.
async fn send(
    browser: &crate::browser::Browser,
    path: &str,
    csrf: &str,
    file: &[u8],
) -> crate::browser::Answer {
    let mut body = Vec::new();
    for (name, value) in [("csrf", csrf), ("name", "etl")] {
        let part = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(
        b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"etl.zip\"\r\n\r\n",
    );
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--b--\r\n");
    let request = browser.request(reqwest::Method::POST, path);
    crate::browser::answer(request.header("content-type", "multipart/form-data; boundary=b").body(body)).await
}

#[tokio::test]
async fn an_upload_passes_through_and_needs_the_sessions_word() {
    let mut cluster = empty();
    let blob = json!({"digest": "a".repeat(64), "sha1": "", "size_bytes": 5});
    cluster.answers.insert("POST /blobs".to_owned(), (201, blob));
    let app = serde_json::to_value(sample::app("etl")).unwrap();
    cluster.answers.insert("POST /apps".to_owned(), (201, app));
    let world = World::start(cluster).await;
    let browser = world.browser().await;
    let csrf = browser.get("/apps/new").await.hidden("csrf");

    let refused = send(&browser, "/apps/new", "guessed", b"bytes").await;
    assert_eq!(refused.status, 403);
    assert!(world.manager.cluster().deeds.is_empty());

    let done = send(&browser, "/apps/new", &csrf, b"bytes").await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(done.header("location").starts_with("/apps/"));
    let cluster = world.manager.cluster();
    assert_eq!(cluster.deeds, ["POST /blobs", "POST /apps"]);
    assert_eq!(cluster.sent[0], "bytes");
}

#[tokio::test]
async fn what_the_manager_refuses_stands_beside_the_field_and_what_was_typed_stays() {
    let mut cluster = cluster();
    let error =
        |message: &str| (400, json!({"code": "invalid_request", "message": message, "request_id": "r"}));
    cluster
        .answers
        .insert("POST /schedules".to_owned(), error("`Mars` is not a time zone of the IANA database"));
    cluster
        .answers
        .insert("POST /workflows".to_owned(), error("application `one`: there is no application `x`"));
    let world = World::start(cluster).await;
    let browser = world.browser().await;
    let app = world.manager.cluster().apps[0].app_id;
    let csrf = browser.get("/schedules/new").await.hidden("csrf");

    let runs = format!("application/{app}");
    let fields = [
        ("csrf", csrf.as_str()),
        ("name", "<night>"),
        ("runs", &runs),
        ("cron", "0 6 * * *"),
        ("tz", "Mars"),
    ];
    let page = browser.post("/schedules/new", &fields).await;
    assert_eq!(page.status, 400);
    let at = |body: &str, field: &str| body.find(&format!("id=\"f-{field}-error\"")).is_some();
    assert!(at(&page.body, "tz") && !at(&page.body, "cron"), "{}", page.body);
    assert!(page.body.contains("value=\"&#60;night&#62;\"") && page.body.contains("is not a time zone"));

    let fields =
        [("csrf", csrf.as_str()), ("name", "daily"), ("definition", "applications: [{name: one, app: x}]")];
    let page = browser.post("/workflows/new", &fields).await;
    assert!(at(&page.body, "definition") && page.body.contains("[{name: one, app: x}]"), "{}", page.body);
    // YAML has become JSON on the way
    let sent = world.manager.cluster().sent.last().cloned().unwrap();
    assert!(sent.contains(r#"{"applications":[{"name":"one","app":"x"}]}"#), "{sent}");
}

#[tokio::test]
async fn a_page_asks_the_manager_for_few_things_whatever_there_is() {
    let world = World::start(cluster()).await;
    let browser = world.browser().await;
    let app = world.manager.cluster().apps[0].app_id;

    for (path, most) in [
        ("/".to_owned(), 8),
        ("/apps".to_owned(), 1),
        (format!("/apps/{app}"), 2),
        ("/venvs".to_owned(), 1),
        ("/workflows".to_owned(), 1),
        (format!("/workflows/{ID}"), 2),
        ("/works".to_owned(), 1),
        ("/schedules".to_owned(), 1),
        (format!("/schedules/{ID}"), 3),
        ("/schedules/new".to_owned(), 3),
        ("/services".to_owned(), 1),
        ("/services/new".to_owned(), 1),
        ("/nodes".to_owned(), 1),
        ("/account".to_owned(), 1),
        ("/tokens".to_owned(), 1),
        // the latest inputs are a few tasks
        (format!("/apps/{app}/run"), 7),
    ] {
        world.manager.cluster().asked.clear();
        let page = browser.get(&path).await;
        let asked = world.manager.cluster().asked.clone();
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(asked.len() <= most, "{path} has asked for {asked:?}");
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_the_other_browsers_too() {
    let world = World::start(empty()).await;
    let (one, other) = (world.browser().await, world.browser().await);
    let page = one.get("/account").await;
    assert!(page.body.contains("2 browsers"), "{}", page.body);
    let csrf = one.get("/account/sign-out-everywhere").await.hidden("csrf");

    let answer = one.post("/account/sign-out-everywhere", &[("csrf", &csrf)]).await;

    assert_eq!(answer.status, 303);
    for browser in [one, other] {
        assert_eq!(browser.get("/account").await.status, 401);
    }
}

#[tokio::test]
async fn a_node_is_drained_after_it_was_said_what_happens() {
    let mut cluster = empty();
    let node = sample::node("one", lp_protocol::views::NodeState::Connected);
    let id = node.node_id;
    let view = serde_json::to_value(&node).unwrap();
    cluster.answers.insert(format!("GET /nodes/{id}"), (200, view.clone()));
    cluster.answers.insert(format!("POST /nodes/{id}/drain"), (200, view));
    let world = World::start(cluster).await;
    let browser = world.browser().await;

    let question = browser.get(&format!("/nodes/{id}/drain")).await;
    assert!(question.body.contains("It gets nothing new") && question.body.contains("lp node drain one"));
    let csrf = question.hidden("csrf");
    let done = browser.post(&format!("/nodes/{id}/drain"), &[("csrf", &csrf), ("deadline", "90")]).await;

    assert_eq!((done.status, done.header("location")), (303, format!("/nodes/{id}").as_str()));
    assert_eq!(world.manager.cluster().sent, [r#"{"deadline":90.0}"#]);
    let wrong = browser.post(&format!("/nodes/{id}/drain"), &[("csrf", &csrf), ("deadline", "soon")]).await;
    assert_eq!(wrong.status, 400);
}
