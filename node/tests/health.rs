//! A program whose health command fails is ended; one whose health command succeeds is left alone.

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use lp_protocol::frames::{Assignment, ManagerFrame, Stop};
use lp_protocol::health::{Health, MIN_INTERVAL};
use lp_protocol::plan::Command;
use lp_protocol::{AttemptKey, Exit};
use support::{Site, assignment, is_alive, until, written_pid};

const FOREVER: &str = "echo $$ > \"$LP_WORKSPACE/pid\"; while :; do sleep 0.01; done #";

/// Counts its runs, then does what is given.
const COUNTED: &str = "echo run >> \"$LP_WORKSPACE/checks\"; ";

/// An order whose health is looked at often, and counts from the start.
fn order(site: &Site, line: &str, check: &str) -> Assignment {
    let app = site.app(&[("configuration.json", "{}"), ("healthy", "yes")]);
    let mut order = assignment(&app, line);
    order.health = Some(Health {
        interval: MIN_INTERVAL,
        failures: 2,
        grace: Duration::ZERO,
        ..Health::new(Command::Line(format!("{COUNTED}{check}")))
    });
    order
}

fn checks(workspace: &Path) -> usize {
    fs::read_to_string(workspace.join("checks")).unwrap_or_default().lines().count()
}

async fn until_checked(workspace: &Path, times: usize) {
    until("it is checked", || checks(workspace) >= times).await;
}

async fn reason(site: &Site, key: &AttemptKey) -> String {
    match site.manager.finish_of(key).await.exit {
        Exit::Unhealthy { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_healthy_program_is_left_alone_and_its_checks_end_with_it() {
    let site = Site::start("").await;
    // fails every other time: never twice in a row; sees what its program sees
    let check = "test \"$LP_ACTION\" = 'first action' && test -e healthy && test \"$(( $(wc -l < \"$LP_WORKSPACE/checks\") % 2 ))\" = 1 #";
    let mut order = order(&site, FOREVER, check);
    order.environ = [("A".to_owned(), "b".to_owned())].into();
    let key = site.assign(&order);
    let workspace = site.workspace(&key);

    until_checked(&workspace, 6).await;
    assert!(is_alive(written_pid(&workspace.join("pid")).await));
    site.manager.send(ManagerFrame::Stop {
        stops: vec![Stop { attempt: key.clone(), signal: 15, grace: Duration::ZERO }],
    });
    assert!(matches!(site.manager.finish_of(&key).await.exit, Exit::Stopped { .. }));

    let before = checks(&workspace);
    let other = site.assign_line("sleep 0.3 #");
    site.manager.finish_of(&other).await;
    assert_eq!(checks(&workspace), before, "nobody checks what has ended");
}

#[tokio::test]
async fn a_program_whose_check_fails_in_a_row_is_ended_with_all_descendants() {
    let site = Site::start("").await;
    let line = format!(
        "trap '' TERM; (setsid bash -c 'trap \"\" TERM; echo $$ > \"$LP_WORKSPACE/escaped\"; while :; do sleep 0.01; done' &); {FOREVER}"
    );
    let mut order = order(&site, &line, "echo first; echo ' not\tready ' >&2; exit 7 #");
    order.grace = Duration::from_millis(50);
    let key = site.assign(&order);
    let mut pids = Vec::new();
    for name in ["pid", "escaped"] {
        pids.push(written_pid(&site.workspace(&key).join(name)).await);
    }

    let reason = reason(&site, &key).await;

    assert_eq!(reason, "the health command failed 2 times in a row: exit code 7: not ready");
    assert_eq!(checks(&site.workspace(&key)), 2);
    until("all its processes are gone", || pids.iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn a_check_that_hangs_has_failed_and_is_killed_with_its_group() {
    let site = Site::start("").await;
    let check = "echo $$ > \"$LP_WORKSPACE/check\"; sleep 600 & echo $! > \"$LP_WORKSPACE/child\"; echo waiting; wait #";
    let mut order = order(&site, FOREVER, check);
    let health = order.health.as_mut().unwrap();
    (health.timeout, health.failures) = (Duration::from_millis(300), 1);

    let key = site.assign(&order);

    let reason = reason(&site, &key).await;
    assert_eq!(reason, "the health command failed: it took longer than 300ms: waiting");
    for name in ["check", "child"] {
        let pid = written_pid(&site.workspace(&key).join(name)).await;
        until("it is gone", || !is_alive(pid)).await;
    }
}

#[tokio::test]
async fn failures_in_the_grace_after_the_start_do_not_count() {
    let site = Site::start("").await;
    let mut order = order(&site, FOREVER, "exit 1 #");
    order.health.as_mut().unwrap().grace = Duration::from_millis(800);
    let key = site.assign(&order);

    reason(&site, &key).await;

    let finish = site.manager.finish_of(&key).await;
    let ran = finish.end_at - finish.start_at.unwrap();
    assert!(ran.num_milliseconds() >= 800, "{ran}");
    assert!(checks(&site.workspace(&key)) > 2);
}

#[tokio::test]
async fn a_check_that_cannot_be_run_has_failed_and_says_why() {
    let site = Site::start("").await;
    let mut order = order(&site, FOREVER, "");
    order.health.as_mut().unwrap().command = Command::Words(vec!["./absent".into()]);

    let key = site.assign(&order);

    let reason = reason(&site, &key).await;
    assert!(
        reason.starts_with("the health command failed 2 times in a row: ") && reason.contains("absent"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_node_that_adopts_a_program_goes_on_checking_it() {
    let mut site = Site::start("").await;
    let key = site.assign(&order(&site, FOREVER, "test ! -e \"$LP_WORKSPACE/ill\" #"));
    let workspace = site.workspace(&key);
    until_checked(&workspace, 2).await;

    site.kill_node();
    site.start_node();
    site.manager.linked().await;
    until_checked(&workspace, checks(&workspace) + 2).await;
    assert!(site.manager.facts().finishes(&key).is_empty());
    fs::write(workspace.join("ill"), "").unwrap();

    assert_eq!(reason(&site, &key).await, "the health command failed 2 times in a row: exit code 1");
}

#[tokio::test]
async fn a_node_that_is_killed_while_it_ends_an_ill_program_tells_so_afterwards() {
    let mut site = Site::start("").await;
    let line = format!("trap 'echo told > \"$LP_WORKSPACE/told\"' TERM; {FOREVER}");
    let mut order = order(&site, &line, "exit 3 #");
    order.grace = Duration::from_secs(2);
    let key = site.assign(&order);
    let told = site.workspace(&key).join("told");
    until("it is told to end", || told.exists()).await;

    site.kill_node();
    site.start_node();

    assert_eq!(reason(&site, &key).await, "the health command failed 2 times in a row: exit code 3");
}
