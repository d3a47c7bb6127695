//! Nodes, supervisors and links may die at any moment; programs end once and their ends are told once.

mod support;

use std::fs;
use std::time::Duration;

use lp_protocol::Exit;
use lp_protocol::frames::{Finish, ManagerFrame};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Site, assignment, is_alive, until, written_pid};

/// Writes its number, waits for a file named `go` in the workspace, then ends with code 5.
const WAITER: &str =
    "echo $$ > \"$LP_WORKSPACE/pid\"; until [ -e \"$LP_WORKSPACE/go\" ]; do sleep 0.01; done; exit 5 #";

#[tokio::test]
async fn a_running_program_is_adopted_by_the_next_node() {
    let mut site = Site::start("").await;
    let key = site.assign_line(WAITER);
    let pid = written_pid(&site.workspace(&key).join("pid")).await;

    site.kill_node();
    assert!(is_alive(pid));
    site.start_node();
    site.manager.started(&key).await;
    fs::write(site.workspace(&key).join("go"), "").unwrap();

    let finish = site.manager.finish_of(&key).await;
    assert_eq!(finish.exit, Exit::Code { code: 5 });
    let facts = site.manager.facts();
    assert_eq!(facts.hellos.last().unwrap().held, std::slice::from_ref(&key), "the second hello names it");
    assert_eq!(facts.finishes(&key).len(), 1);
}

#[tokio::test]
async fn an_exit_code_waits_for_the_next_node() {
    let mut site = Site::start("").await;
    let key = site.assign_line(WAITER);
    let pid = written_pid(&site.workspace(&key).join("pid")).await;

    site.kill_node();
    fs::write(site.workspace(&key).join("go"), "").unwrap();
    until("the program has ended", || !is_alive(pid)).await;
    site.start_node();

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Code { code: 5 });
}

#[tokio::test]
async fn an_orderly_end_leaves_programs_to_the_supervisor_and_an_idle_supervisor_ends() {
    let mut site = Site::start("").await;
    let key = site.assign_line(WAITER);
    let pid = written_pid(&site.workspace(&key).join("pid")).await;
    let supervisor = site.supervisor_pid();

    assert!(site.stop_node().await.success());
    assert!(is_alive(pid) && is_alive(supervisor));
    site.start_node();
    site.manager.linked().await;
    fs::write(site.workspace(&key).join("go"), "").unwrap();
    site.manager.finish_of(&key).await;
    assert!(site.stop_node().await.success());
    until("the supervisor has ended", || !is_alive(supervisor)).await;
}

#[tokio::test]
async fn reports_that_were_not_acknowledged_are_sent_again_with_their_numbers() {
    let mut site = Site::start("").await;
    site.manager.facts().settings.acks = false;
    let key = site.assign_line("true");
    site.manager.finish_of(&key).await;
    let before: Vec<u64> = site.manager.facts().reports.drain(..).map(|report| report.seq).collect();

    site.kill_node();
    {
        let mut facts = site.manager.facts();
        facts.settings.acks = true;
        facts.seqs.clear();
    }
    site.start_node();

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Code { code: 0 });
    let again: Vec<u64> = site.manager.facts().reports.iter().map(|report| report.seq).collect();
    assert_eq!(again, before);
    let next = site.assign_line("true");
    site.manager.finish_of(&next).await;
    assert!(site.manager.facts().reports.last().unwrap().seq > before[before.len() - 1]);
}

#[tokio::test]
async fn with_the_supervisor_programs_are_ended_and_lost() {
    let site = Site::start("").await;
    let key = site.assign_line(&format!("setsid sleep 600 & {WAITER}"));
    let pid = written_pid(&site.workspace(&key).join("pid")).await;

    kill(Pid::from_raw(site.supervisor_pid()), Signal::SIGKILL).unwrap();

    let finish = site.manager.finish_of(&key).await;
    assert!(matches!(finish.exit, Exit::Lost { .. }), "{finish:?}");
    assert!(!is_alive(pid), "it is dead before it is called lost");
    let next = site.assign_line("true");
    assert_eq!(site.manager.finish_of(&next).await.exit, Exit::Code { code: 0 }, "a new supervisor is there");
}

#[tokio::test]
async fn with_node_and_supervisor_programs_are_ended_and_lost() {
    let mut site = Site::start("action_slots: 1").await;
    let key = site.assign_line(WAITER);
    let pid = written_pid(&site.workspace(&key).join("pid")).await;
    let waiting = site.assign_line("true");

    // the link is one queue: what came before this is with the node
    let last = site.assign_line("true");
    until("the node has written it down", || {
        fs::read_to_string(site.data().join("journal")).unwrap().contains(&last.task_id.to_string())
    })
    .await;
    let supervisor = site.supervisor_pid();
    site.kill_node();
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    assert!(is_alive(pid), "nobody has killed the program yet");
    site.start_node();

    assert!(matches!(site.manager.finish_of(&key).await.exit, Exit::Lost { .. }));
    assert!(!is_alive(pid));
    assert_eq!(
        site.manager.finish_of(&waiting).await.exit,
        Exit::Code { code: 0 },
        "it had not started and is started now"
    );
}

#[tokio::test]
async fn programs_go_on_while_the_manager_is_away() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let order = assignment(&app, WAITER);
    let key = site.assign(&order);
    let pid = written_pid(&site.workspace(&key).join("pid")).await;

    site.manager.go_down();
    fs::write(site.workspace(&key).join("go"), "").unwrap();
    until("the program has ended", || !is_alive(pid)).await;
    site.manager.come_up();

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Code { code: 5 });
}

#[tokio::test]
async fn attempts_the_manager_has_given_up_are_stopped_and_not_reported() {
    let site = Site::start("").await;
    let key = site.assign_line(WAITER);
    let pid = written_pid(&site.workspace(&key).join("pid")).await;

    {
        let mut facts = site.manager.facts();
        facts.settings.given_up = vec![key.clone()];
    }
    site.manager.go_down();
    site.manager.come_up();

    until("the program has been stopped", || !is_alive(pid)).await;
    let marker = site.wait_link_and_assign("true").await;
    site.manager.finish_of(&marker).await;
    assert!(site.manager.facts().finishes(&key).is_empty());
}

#[tokio::test]
async fn a_stop_goes_on_after_the_node_was_killed() {
    let mut site = Site::start("").await;
    let key = site.assign_line(&format!("trap '' TERM; {WAITER}"));
    let pid = written_pid(&site.workspace(&key).join("pid")).await;
    let stop =
        lp_protocol::frames::Stop { attempt: key.clone(), signal: 15, grace: Duration::from_secs(600) };

    site.manager.send(ManagerFrame::Stop { stops: vec![stop] });
    until("the stop is written down", || {
        fs::read_to_string(site.data().join("journal")).unwrap().contains("ending")
    })
    .await;
    site.kill_node();
    fs::write(site.workspace(&key).join("go"), "").unwrap();
    until("the program has ended", || !is_alive(pid)).await;
    site.start_node();

    let Finish { exit, .. } = site.manager.finish_of(&key).await;
    assert_eq!(exit, Exit::Stopped { returncode: 5 });
}

#[tokio::test]
async fn killed_at_random_moments_a_node_loses_and_doubles_nothing() {
    let seed: u64 =
        std::env::var("LP_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand_seed);
    println!("LP_TEST_SEED={seed}");
    let mut lot = seed;
    let mut site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let script = "echo x >> \"$LP_WORKSPACE/effects\"; sleep 0.0$((RANDOM % 9)); exit 0 #";
    let orders: Vec<_> = (0..60).map(|_| assignment(&app, script)).collect();

    site.manager.send(ManagerFrame::Assign { assignments: orders.clone() });
    let last = orders.last().unwrap().attempt.task_id.to_string();
    until("all are accepted", || {
        fs::read_to_string(site.data().join("journal")).unwrap_or_default().contains(&last)
    })
    .await;
    for _ in 0..8 {
        lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_millis(lot >> 57)).await;
        site.kill_node();
        site.start_node();
    }

    for order in &orders {
        let finish = site.manager.finish_of(&order.attempt).await;
        assert_eq!(finish.exit, Exit::Code { code: 0 }, "seed {seed}");
        assert_eq!(site.manager.facts().finishes(&order.attempt).len(), 1, "seed {seed}");
        let effects = fs::read_to_string(site.workspace(&order.attempt).join("effects")).unwrap();
        assert_eq!(effects, "x\n", "seed {seed}: {}", order.attempt);
    }
}

fn rand_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}
