//! Lists of nothing, of one, of many, and of more than a page.

use lp_protocol::views::NodeState;
use lp_protocol::{Stage, Status};

use crate::fake::{Cluster, sample};
use crate::world::{World, empty};

fn of(count: usize) -> Cluster {
    Cluster {
        tasks: (0..count)
            .map(|n| sample::task(&format!("row {n}."), Stage::Finished, Some(Status::Success)))
            .collect(),
        apps: (0..count).map(|n| sample::app(&format!("row {n}."))).collect(),
        nodes: (0..count).map(|n| sample::node(&format!("row {n}."), NodeState::Connected)).collect(),
        ..empty()
    }
}

#[tokio::test]
async fn an_empty_cluster_teaches_the_next_command() {
    let world = World::start(of(0)).await;
    let browser = world.browser().await;

    for (page, command) in [
        ("/", "lp task create"),
        ("/", "lp node"),
        ("/", "Nothing needs attention."),
        ("/tasks", "lp app create -f"),
        ("/apps", "lp app create -f"),
        ("/nodes", "lp node"),
        ("/tasks?status=fail", "No task fits"),
    ] {
        let answer = browser.get(page).await;
        assert!(answer.status == 200 && answer.body.contains(command), "{page}: {command}");
    }
}

#[tokio::test]
async fn lists_show_each_row_once() {
    for count in [1, 50] {
        let world = World::start(of(count)).await;
        let browser = world.browser().await;

        for page in ["/tasks", "/apps", "/nodes"] {
            let body = browser.get(page).await.body;
            for n in 0..count {
                assert_eq!(body.matches(&format!(">row {n}.<")).count(), 1, "{page} {n}");
            }
            assert!(!body.contains(">Older<"), "{page}");
        }
        assert_eq!(browser.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let world = World::start(of(120)).await;
    let browser = world.browser().await;

    let mut path = "/tasks?status=success".to_owned();
    let mut seen = 0;
    for page in 0..3 {
        let body = browser.get(&path).await.body;
        seen += body.matches(">row ").count();
        assert_eq!(body.contains("data-live"), page == 0, "an older page stands still");
        let older = body.split("rel=\"next\" href=\"").nth(1);
        match older {
            Some(rest) => path = rest.split('"').next().unwrap().replace("&#38;", "&"),
            None => assert_eq!(page, 2),
        }
    }

    assert_eq!(seen, 120);
}

#[tokio::test]
async fn the_filter_is_in_the_address_and_in_the_form() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;

    let body = browser.get("/tasks?status=kill&name=image").await.body;

    assert!(
        body.contains("<option value=\"kill\" selected>kill</option>") && body.contains("value=\"image\""),
        "{body}"
    );
    assert!(!body.contains(">running</span>") && body.contains("run image-resize"));
    let wrong = browser.get("/tasks?status=broken").await;
    assert!(wrong.status == 400 && wrong.body.contains("is not one of"), "{}", wrong.body);
}

#[tokio::test]
async fn what_needs_attention_is_grouped_and_leads_on() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let newest = world.manager.cluster().tasks[0].task.task_id;

    let body = browser.get("/").await.body;

    assert!(body.contains("9 tasks failed"), "one application's failures are one line");
    assert!(body.contains(&format!("href=\"/tasks/{newest}\"")));
    assert!(body.contains("gpu-box.lab.example</bdi></a> <bdi>is away"));
    assert!(body.contains("9.0 GiB of its 400 GiB disk left"));
}
