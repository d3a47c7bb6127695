//! The views of a task: graph, timeline, actions, history, and what is open of one action.

use lp_protocol::{Exit, Stage, Status};

use crate::fake::{Cluster, sample};
use crate::world::{World, empty};

async fn open(cluster: Cluster, task: usize, query: &str) -> (World, String) {
    let id = cluster.tasks[task].task.task_id;
    let world = World::start(cluster).await;
    let answer = world.browser().await.get(&format!("/tasks/{id}{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    (world, answer.body)
}

#[tokio::test]
async fn a_large_fan_out_is_one_box_with_counts_that_leads_to_its_actions() {
    let (world, body) = open(sample::cluster(), 2, "").await;
    let id = world.manager.cluster().tasks[2].task.task_id;

    assert!(body.contains("200 × shard") && body.contains("1 ✕ · 10 ◉ · 10 ◔ · 179 ✓"), "{body}");
    assert_eq!(body.matches("<g id=").count(), 4);
    let listed = world.browser().await.get(&format!("/tasks/{id}?tab=actions&find=shard")).await.body;
    assert!(listed.contains("200 found") && !listed.contains(">publish<"), "{listed}");
}

#[tokio::test]
async fn ten_thousand_actions_are_a_small_drawing() {
    let mut info = sample::task("huge", Stage::Running, None);
    info.actions = (0..10_000)
        .map(|n| {
            let before = format!("action-{}", n / 3);
            let condition: &[&str] = if n == 0 { &[] } else { &[&before] };
            sample::action(&format!("action-{n}"), condition, Vec::new())
        })
        .collect();

    let (_world, body) = open(Cluster { tasks: vec![info], ..empty() }, 0, "").await;

    assert!(body.contains("10000 in all") && body.len() < 200 << 10, "{}", body.len());
}

#[tokio::test]
async fn the_timeline_tells_waiting_preparing_and_running_apart() {
    let (_world, body) = open(sample::cluster(), 0, "?tab=timeline").await;

    for (class, count) in [("wait", 4), ("prepare", 5), ("success", 1), ("fail", 3)] {
        assert_eq!(
            body.matches(&format!("<rect class=\"{class}\" x=\"")).count() - 1,
            count,
            "{class}: {body}"
        );
    }
    assert!(body.contains("build requirements.txt: 42 packages from 3 wheels, 21 s"), "{body}");
}

#[tokio::test]
async fn what_still_runs_grows_in_the_timeline() {
    let (_world, body) = open(sample::cluster(), 1, "?tab=timeline").await;

    assert!(body.contains("data-grows=\"") && body.contains("data-axis=\""), "{body}");
}

#[tokio::test]
async fn actions_are_sorted_by_what_the_address_says() {
    let mut info = sample::task("t", Stage::Finished, Some(Status::Success));
    info.actions = ["b", "c", "a"].map(|name| sample::action(name, &[], Vec::new())).into();
    let order = |body: &str| {
        let mut places: Vec<(usize, &str)> =
            ["a", "b", "c"].map(|name| (body.find(&format!("<bdi>{name}</bdi></a>")).unwrap(), name)).into();
        places.sort_unstable();
        places.into_iter().map(|(_, name)| name).collect::<String>()
    };

    for (sort, expected) in [("", "bca"), ("name", "abc"), ("-name", "cba"), ("nonsense", "bca")] {
        let query = format!("?tab=actions&sort={sort}");
        let (_world, body) = open(Cluster { tasks: vec![info.clone()], ..empty() }, 0, &query).await;
        assert_eq!(order(&body), expected, "{sort}");
    }
}

#[tokio::test]
async fn the_history_says_who_did_what() {
    let (_world, body) = open(sample::cluster(), 0, "?tab=history").await;

    assert!(
        body.contains("told to stop") && body.contains("with signal 15") && body.contains(">admin<"),
        "{body}"
    );
}

#[tokio::test]
async fn a_workspace_is_looked_into_file_by_file() {
    let query = "?action=load&show=workspace";
    let (world, body) = open(sample::cluster(), 0, query).await;
    let id = world.manager.cluster().tasks[0].task.task_id;
    let browser = world.browser().await;

    assert!(body.contains(">columns.txt<") && body.contains("workspace.tar.gz"), "{body}");
    let page = |file: &str| format!("/tasks/{id}{query}&file={file}");
    assert!(
        browser.get(&page("report/columns.txt")).await.body.contains("id: missing\nprice: float\n</pre>")
    );
    assert!(browser.get(&page("input.data")).await.body.contains("data-json-view"));
    assert!(browser.get(&page("report/plot.png")).await.body.contains("This is no text."));
    assert!(browser.get(&page("nothing")).await.body.contains("There is no such file."));

    let base = format!("/tasks/{id}/actions/load/attempts/3/workspace");
    let file = browser.get(&format!("{base}/file?path=report/plot.png")).await;
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"plot.png\"");
    assert_eq!(browser.get(&format!("{base}.tar.gz")).await.body, "an archive");
    assert_eq!(browser.get(&format!("{base}/file?path=../../etc/passwd")).await.status, 404);
}

#[tokio::test]
async fn a_workspace_that_is_gone_does_not_hide_the_task() {
    let (_world, body) = open(sample::cluster(), 1, "?action=train&show=workspace").await;

    assert!(
        body.contains("There is no workspace of it any more.") && body.contains("train resnet"),
        "{body}"
    );
}

#[tokio::test]
async fn an_action_says_what_it_was_given_what_it_left_and_why() {
    let (_world, input) = open(sample::cluster(), 0, "?action=load&show=input").await;
    assert!(input.contains("18233"), "{input}");
    let (_world, output) = open(sample::cluster(), 0, "?action=fetch&show=output").await;
    assert!(output.contains("orders-2.csv"), "{output}");
    let (_world, none) = open(sample::cluster(), 0, "?action=load&show=output").await;
    assert!(none.contains("It has left no output"), "{none}");
    let (_world, why) = open(sample::cluster(), 0, "?action=load&attempt=1&show=why").await;
    assert!(why.contains("Prepared before it started") && why.contains("42 packages"), "{why}");
    let (_world, waits) = open(sample::cluster(), 1, "?action=evaluate&show=why").await;
    assert!(waits.contains("Waits for <code>train</code>, which runs on node ryzen-2."), "{waits}");
}

#[tokio::test]
async fn a_piece_of_the_output_is_what_was_written() {
    let mut cluster = sample::cluster();
    let id = cluster.tasks[0].task.task_id.to_string();
    let log = b"\x1b[31mred\x1b[0m\n".repeat(200_000);
    cluster.logs.insert((id.clone(), "load".to_owned(), 3), log.clone());
    let world = World::start(cluster).await;
    let browser = world.browser().await;
    let piece = |offset: usize| format!("/tasks/{id}/actions/load/attempts/3/log/piece?offset={offset}");

    let first = browser.get(&piece(0)).await;
    let last = browser.get(&piece(2 << 20)).await;

    assert_eq!(first.body.as_bytes(), &log[..1 << 20]);
    assert_eq!(last.body.as_bytes(), &log[2 << 20..]);
    assert_eq!(first.header("content-type"), "application/octet-stream");
    assert!(first.header("content-disposition").starts_with("attachment"));
}

#[tokio::test]
async fn what_an_action_made_stands_behind_it() {
    let mut info = sample::task("t", Stage::Finished, Some(Status::Success));
    let done = || vec![sample::attempt(1, Some(Exit::Code { code: 0 }))];
    let mut made = sample::action("made", &[], done());
    made.generated_by = Some("maker".to_owned());
    info.actions = vec![sample::action("maker", &[], done()), made];

    let (_world, body) = open(Cluster { tasks: vec![info], ..empty() }, 0, "").await;

    assert_eq!(body.matches("class=\"edge free\"").count(), 1, "{body}");
    assert!(body.contains("box success generated"), "{body}");
}
