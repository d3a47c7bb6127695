//! Pages that keep themselves up to date.

use lp_protocol::views::Event;
use lp_protocol::{Exit, Stage, Status};

use crate::fake::{Cluster, Fake, LogNews, sample};
use crate::world::{World, empty};

#[tokio::test]
async fn a_change_reaches_the_open_page_and_only_what_has_changed() {
    let world = World::start(sample::cluster()).await;
    let mut events = world.browser().await.events("/live?view=overview", None).await;
    events.wait_for("fresh").await;
    events.wait_for_part("tasks", "train resnet").await;

    let task_id = {
        let mut cluster = world.manager.cluster();
        let task = &mut cluster.tasks[1].task;
        (task.stage, task.status) = (Stage::Finished, Some(Status::Terminate));
        task.task_id
    };
    assert!(world.manager.tell(Event::Task {
        task_id,
        stage: Stage::Finished,
        status: Some(Status::Terminate)
    }));

    // it runs no more, and of the latest tasks one row is different
    assert_eq!(events.wait_for("swap").await.data["part"], "running");
    let next = events.wait_for("patch").await;
    let rows = next.data["rows"].as_object().unwrap();
    assert_eq!((next.data["part"].as_str(), rows.len()), (Some("tasks"), 1));
    assert!(rows[&format!("t-{task_id}")].as_str().unwrap().contains("terminate"));
}

#[tokio::test]
async fn output_is_followed_from_where_the_page_ends_and_until_it_ends() {
    let (world, path) = following().await;
    let mut events = world.browser().await.events(&format!("{path}&offset=6"), None).await;

    let first = events.wait_for("log").await;
    write(&world.manager, b"\x1b[1mbold\x1b[0m \xc3").await;
    let second = events.wait_for("log").await;
    write(&world.manager, b"\xa9\n").await;
    let third = events.wait_for("log").await;
    assert!(world.manager.write(LogNews::End));
    events.wait_for("logend").await;

    // as it was written: colours and characters are the browser's business
    assert_eq!((written(&first), first.id.as_deref()), (b"line 2\n".to_vec(), Some("13")));
    assert_eq!((written(&second), second.id.as_deref()), (b"\x1b[1mbold\x1b[0m \xc3".to_vec(), Some("27")));
    assert_eq!((written(&third), third.data["next"].as_u64()), (b"\xa9\n".to_vec(), Some(29)));
}

#[tokio::test]
async fn a_browser_that_comes_back_gets_no_line_twice() {
    let (world, path) = following().await;

    let mut events = world.browser().await.events(&format!("{path}&offset=0"), Some(6)).await;

    assert_eq!(written(&events.wait_for("log").await), b"line 2\n");
}

fn written(event: &crate::browser::Event) -> Vec<u8> {
    use base64::Engine as _;
    let bytes = event.data["bytes"].as_str().expect("bytes");
    base64::engine::general_purpose::STANDARD.decode(bytes).expect("base64")
}

async fn following() -> (World, String) {
    let mut info = sample::task("t", Stage::Running, None);
    info.actions = vec![sample::action("a b", &[], vec![sample::attempt(1, None)])];
    let id = info.task.task_id;
    let logs = [((id.to_string(), "a b".to_owned(), 1), b"line1\nline 2\n".to_vec())].into();
    let world = World::start(Cluster { tasks: vec![info], logs, ..empty() }).await;
    (world, format!("/live?view=task&task={id}&open_action=a%20b&open_attempt=1"))
}

/// Writes to the log as soon as somebody follows it.
async fn write(manager: &Fake, text: &[u8]) {
    while !manager.write(LogNews::Text(text.to_vec())) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_next_attempt_makes_the_page_load_itself_anew() {
    let (world, path) = following().await;
    let mut events = world.browser().await.events(&path, None).await;
    events.wait_for_part("graph", "running").await;

    let task_id = {
        let mut cluster = world.manager.cluster();
        let info = &mut cluster.tasks[0];
        let attempts = vec![sample::attempt(1, Some(Exit::TimedOut)), sample::attempt(2, None)];
        info.actions = vec![sample::action("a b", &[], attempts)];
        info.task.task_id
    };
    world.manager.tell(Event::Attempt {
        task_id,
        action: "a b".to_owned(),
        attempt: 2,
        stage: Stage::Running,
        status: None,
    });

    events.wait_for("reload").await;
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_page_says_when_it_is_not_up_to_date() {
    let mut cluster = sample::cluster();
    cluster.status = None;
    let world = World::start(cluster).await;
    let mut events = world.browser().await.events("/live?view=overview", None).await;

    let stale = events.wait_for("stale").await;
    world.manager.cluster().status = Some(sample::status());
    events.wait_for("fresh").await;

    assert_eq!(stale.data["message"], "The database is away.");
    events.wait_for_part("figures", "Busy slots").await;
}

#[tokio::test]
async fn a_page_of_somebody_signed_out_ends() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    world.manager.cluster().is_token_revoked = true;

    let mut events = browser.events("/live?view=nodes", None).await;

    assert!(
        events.wait_for("over").await.data["message"]
            .as_str()
            .unwrap()
            .contains("was revoked or has expired")
    );
    assert!(events.next().await.is_none());
    assert_eq!(browser.get("/live?view=nodes").await.status, 401);
}

#[tokio::test]
async fn a_page_of_a_task_that_is_gone_ends() {
    let (world, path) = following().await;
    let mut events = world.browser().await.events(&path, None).await;
    events.wait_for_part("head", "running").await;

    let task_id = world.manager.cluster().tasks.remove(0).task.task_id;
    world.manager.tell(Event::Task { task_id, stage: Stage::Finished, status: None });

    assert!(events.wait_for("over").await.data["message"].as_str().unwrap().starts_with("There is no task"));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn live_pages_do_not_keep_the_viewer_from_stopping() {
    let mut world = World::start(sample::cluster()).await;
    let mut events = world.browser().await.events("/live?view=overview", None).await;
    events.wait_for("fresh").await;

    world.stop.cancel();

    (&mut world.running).await.unwrap().unwrap();
    events.wait_for("stale").await;
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_address_of_no_page_is_refused() {
    let world = World::start(empty()).await;
    let browser = world.browser().await;

    for (path, status) in
        [("/live", 400), ("/live?view=x", 400), ("/live?view=task", 404), ("/live?view=task&task=../x", 404)]
    {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
}
