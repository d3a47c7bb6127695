//! The pages of tokens, and the session of a reader.

use serde_json::{Value, json};

use crate::fake::{Cluster, sample};
use crate::world::{World, empty};

const ID: &str = "11111111-1111-4111-8111-111111111111";
const SECRET: &str = "lp_a-secret-that-is-shown-once";

fn token() -> Value {
    json!({
        "token_id": ID, "name": "<b>ci</b>", "role": "reader", "create_at": "2026-01-01T00:00:00Z", "expire_at": null,
        "expired": false, "used_at": "2026-01-02T00:00:00Z", "created_by": null, "current": true
    })
}

fn cluster() -> Cluster {
    let mut cluster = empty();
    for (path, status, answer) in [
        ("GET /tokens", 200, json!({"items": [token()], "next_cursor": "next"})),
        ("POST /tokens", 201, json!({"secret": SECRET, "token": token()})),
        (&format!("GET /tokens/{ID}"), 200, token()),
        (&format!("DELETE /tokens/{ID}"), 200, json!({})),
    ] {
        cluster.answers.insert(path.to_owned(), (status, answer));
    }
    cluster
}

fn reading() -> Cluster {
    let mut cluster = sample::cluster();
    let who = json!({"token_id": ID, "name": "dashboard", "role": "reader"});
    cluster.answers.insert("GET /whoami".to_owned(), (200, who));
    cluster
}

#[tokio::test]
async fn tokens_are_listed_with_what_one_needs_to_know_before_revoking_one() {
    let world = World::start(cluster()).await;
    let browser = world.browser().await;

    let page = browser.get("/tokens").await;
    for part in [
        "&#60;b&#62;ci&#60;/b&#62;",
        "reader",
        "the manager",
        "this browser's",
        "/tokens?cursor=next",
        "/tokens/new",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let question = browser.get(&format!("/tokens/{ID}/revoke")).await;
    for part in [
        "&#60;b&#62;ci&#60;/b&#62;",
        "last used",
        "data directory",
        "you are signed in with",
        "lp token revoke",
    ] {
        assert!(question.body.contains(part), "{part}: {}", question.body);
    }
    assert_eq!(world.manager.cluster().deeds, Vec::<String>::new());
    let csrf = question.hidden("csrf");
    let done = browser.post(&format!("/tokens/{ID}/revoke"), &[("csrf", &csrf)]).await;
    assert_eq!((done.status, done.header("location")), (303, "/tokens"));
    assert_eq!(world.manager.cluster().deeds, [format!("DELETE /tokens/{ID}")]);
}

#[tokio::test]
async fn a_secret_is_on_the_page_that_answers_the_form_and_nowhere_else() {
    let world = World::start(cluster()).await;
    let browser = world.browser().await;
    let form = browser.get("/tokens/new").await;
    let csrf = form.hidden("csrf");

    let fields = [("csrf", csrf.as_str()), ("name", "ci"), ("role", "reader"), ("expire_after", "90d")];
    let made = browser.post("/tokens/new", &fields).await;

    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"));
    assert_eq!(made.body.matches(SECRET).count(), 2, "to be seen and to be copied");
    assert!(!format!("{:?}", made.headers).contains(SECRET));
    assert_eq!(world.manager.cluster().sent, [r#"{"name":"ci","role":"reader","expire_after":7776000.0}"#]);
    for path in ["/tokens", "/tokens/new", "/account"] {
        assert!(!browser.get(path).await.body.contains(SECRET), "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_said_at_its_field_and_what_was_typed_stays() {
    let mut cluster = cluster();
    let taken = json!({"code": "conflict", "message": "the token name `ci` is taken", "request_id": "r"});
    cluster.answers.insert("POST /tokens".to_owned(), (409, taken));
    let world = World::start(cluster).await;
    let browser = world.browser().await;
    let csrf = browser.get("/tokens/new").await.hidden("csrf");

    for (role, expire, status, field) in
        [("reader", "", 409, "name"), ("root", "", 400, "role"), ("reader", "soon", 400, "expire_after")]
    {
        let fields = [("csrf", csrf.as_str()), ("name", "ci"), ("role", role), ("expire_after", expire)];
        let page = browser.post("/tokens/new", &fields).await;
        assert_eq!(page.status, status, "{field}");
        assert!(page.body.contains(&format!("id=\"f-{field}-error\"")), "{field}: {}", page.body);
        assert!(page.body.contains("value=\"ci\""), "{}", page.body);
    }
}

#[tokio::test]
async fn a_reader_is_told_once_on_each_page_and_not_asked_to_do_what_it_may_not() {
    let world = World::start(reading()).await;
    let browser = world.browser().await;
    let task = world.manager.cluster().tasks[1].task.task_id;

    for path in ["/", "/tasks", "/account", &format!("/tasks/{task}")] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.body.matches("signed in with a reader's token").count(), 1, "{path}");
        assert!(page.body.contains("data-access=\"reading\""), "{path}");
    }
    let csrf = browser.get("/account").await.hidden("csrf");
    for path in [
        "/apps/new",
        "/tasks/bulk?do=stop",
        "/nodes/join",
        "/tokens",
        "/tokens/new",
        &format!("/tasks/{task}/stop"),
    ] {
        let page = browser.get(path).await;
        assert!(page.status == 403 && page.body.contains("role administrator"), "{path}: {}", page.body);
    }
    for path in
        ["/apps/new", "/tasks/bulk", "/nodes/join", "/tokens/new", "/later", &format!("/tasks/{task}/stop")]
    {
        let page = browser.post(path, &[("csrf", &csrf)]).await;
        assert!(page.status == 403 && page.body.contains("role administrator"), "{path}: {}", page.body);
    }
    assert_eq!(world.manager.cluster().deeds, Vec::<String>::new());
    assert_eq!(browser.post("/theme", &[("csrf", &csrf), ("theme", "dark")]).await.status, 303);
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status, 303);
}

#[tokio::test]
async fn an_administrator_is_told_nothing_of_the_kind() {
    let world = World::start(sample::cluster()).await;

    let page = world.browser().await.get("/").await;

    assert!(!page.body.contains("reader's token") && !page.body.contains("data-access"));
}

#[tokio::test]
async fn whose_token_was_revoked_is_told_so_where_one_signs_in() {
    let world = World::start(sample::cluster()).await;
    let (browser, stranger) = (world.browser().await, world.stranger());

    world.manager.cluster().is_token_revoked = true;

    let page = browser.get("/tasks").await;
    assert!(page.status == 401 && page.body.contains("was revoked or has expired"), "{}", page.body);
    // that was this session; the next page knows of none
    assert!(!browser.get("/tasks").await.body.contains("was revoked"));
    assert!(!stranger.get("/tasks").await.body.contains("was revoked"));
    let by_link = world.stranger().get(&world.viewer.login_url().unwrap()).await;
    assert!(
        by_link.status == 403 && by_link.body.contains("this viewer makes links for"),
        "{}",
        by_link.body
    );
}
