//! What a person does to a task, and to the page.

use crate::fake::sample;
use crate::world::World;

#[tokio::test]
async fn stopping_and_deleting_ask_first_and_name_the_task() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[1].task.task_id;

    for deed in ["stop", "delete"] {
        let question = browser.get(&format!("/tasks/{id}/{deed}")).await;
        assert!(question.body.contains("train resnet, batch 64"), "{}", question.body);
        assert_eq!(world.manager.cluster().deeds, Vec::<String>::new());
    }
    assert_eq!(browser.get(&format!("/tasks/{id}/explode")).await.status, 404);
}

#[tokio::test]
async fn a_deed_is_done_once_and_leads_to_the_page_that_shows_it() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[1].task.task_id;
    let csrf = browser.get("/").await.hidden("csrf");

    for (deed, call, next) in [
        ("stop", format!("POST /tasks/{id}/stop"), format!("/tasks/{id}")),
        ("rerun", format!("POST /tasks/{id}/rerun"), format!("/tasks/{id}")),
        ("delete", format!("DELETE /tasks/{id}"), "/tasks".to_owned()),
    ] {
        let done = browser.post(&format!("/tasks/{id}/{deed}"), &[("csrf", &csrf)]).await;
        assert_eq!((done.status, done.header("location")), (303, next.as_str()));
        assert_eq!(std::mem::take(&mut world.manager.cluster().deeds), [call]);
    }
}

#[tokio::test]
async fn what_the_manager_refuses_is_said_in_its_words() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[0].task.task_id;
    let csrf = browser.get("/").await.hidden("csrf");

    let refused = browser.post(&format!("/tasks/{id}/stop"), &[("csrf", &csrf)]).await;

    assert!(
        refused.status == 409 && refused.body.contains("Task <code>run 2026-11-22</code> is finished."),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn the_theme_is_kept_by_the_browser() {
    let world = World::start(sample::cluster()).await;
    let mut browser = world.browser().await;
    let csrf = browser.get("/").await.hidden("csrf");

    let answer = browser.post("/theme", &[("csrf", &csrf), ("theme", "dark"), ("next", "/nodes")]).await;
    browser.keep(&answer);

    assert_eq!((answer.status, answer.header("location")), (303, "/nodes"));
    assert!(browser.get("/nodes").await.body.contains("data-theme=\"dark\""));
}

#[tokio::test]
async fn a_manager_that_is_away_is_said_so_on_the_page() {
    let mut cluster = sample::cluster();
    cluster.status = None;
    let world = World::start(cluster).await;

    let answer = world.browser().await.get("/").await;

    assert!(answer.status == 503 && answer.body.contains("The database is away."), "{}", answer.body);
}
