//! What is to end ends, with all its processes, in the right order and under the right name.

mod support;

use std::fs;
use std::time::Duration;

use lp_protocol::frames::{ManagerFrame, Stop};
use lp_protocol::{AttemptKey, Exit};
use support::{Site, assignment, is_alive, until, written_pid};

const FOREVER: &str = "echo $$ > \"$LP_WORKSPACE/pid\"; while :; do sleep 0.01; done #";

fn stop(site: &Site, key: &AttemptKey, signal: i32, grace: Duration) {
    site.manager.send(ManagerFrame::Stop { stops: vec![Stop { attempt: key.clone(), signal, grace }] });
}

#[tokio::test]
async fn a_stop_is_the_signal_and_its_returncode() {
    let site = Site::start("").await;
    for (trap, signal, returncode) in
        [("", 15, -15), ("", 9, -9), ("trap 'exit 3' TERM; ", 15, 3), ("", 2, -2)]
    {
        let key = site.assign_line(&format!("{trap}{FOREVER}"));
        written_pid(&site.workspace(&key).join("pid")).await;

        stop(&site, &key, signal, Duration::from_secs(600));

        assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Stopped { returncode }, "{trap}{signal}");
    }
}

#[tokio::test]
async fn who_ignores_the_signal_is_killed_after_the_grace_with_all_descendants() {
    let site = Site::start("").await;
    let line = format!(
        "trap '' TERM; \
         (trap '' TERM; echo $BASHPID > \"$LP_WORKSPACE/child\"; while :; do sleep 0.01; done) & \
         setsid bash -c 'trap \"\" TERM; echo $$ > \"$LP_WORKSPACE/escaped\"; while :; do sleep 0.01; done' & \
         (setsid bash -c 'trap \"\" TERM; echo $$ > \"$LP_WORKSPACE/orphan\"; while :; do sleep 0.01; done' &) ; \
         {FOREVER}"
    );
    let key = site.assign_line(&line);
    let mut pids = Vec::new();
    for name in ["pid", "child", "escaped", "orphan"] {
        pids.push(written_pid(&site.workspace(&key).join(name)).await);
    }

    stop(&site, &key, 15, Duration::from_millis(50));

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Stopped { returncode: -9 });
    until("all its processes are gone", || pids.iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let site = Site::start("").await;
    let line = "sleep 600 & echo $! > \"$LP_WORKSPACE/group\"; \
                setsid sleep 600 & echo $! > \"$LP_WORKSPACE/session\"; \
                (env -i setsid sleep 600 & echo $! > \"$LP_WORKSPACE/nameless\"); \
                (setsid sh -c 'sleep 600 & wait' & echo $! > \"$LP_WORKSPACE/tree\"); sleep 0.2 #";
    let key = site.assign_line(line);
    let mut pids = Vec::new();
    for name in ["group", "session", "nameless", "tree"] {
        pids.push(written_pid(&site.workspace(&key).join(name)).await);
    }

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Code { code: 0 });
    until("all its processes are gone", || pids.iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn a_crowd_of_daemons_ends_with_its_program() {
    let site = Site::start("").await;
    let line = "for n in {1..200}; do (setsid sleep 600 & echo $! > \"$LP_WORKSPACE/pid$n\"); done #";
    let key = site.assign_line(line);

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::Code { code: 0 });

    for number in 1..=200 {
        let pid = written_pid(&site.workspace(&key).join(format!("pid{number}"))).await;
        until("it has ended", || !is_alive(pid)).await;
    }
    let next = site.assign_line("true");
    assert_eq!(
        site.manager.finish_of(&next).await.exit,
        Exit::Code { code: 0 },
        "the supervisor is none the worse"
    );
}

#[tokio::test]
async fn a_daemon_of_a_running_program_is_left_alone_when_another_ends() {
    let site = Site::start("").await;
    let key =
        site.assign_line(&format!("(setsid sleep 600 & echo $! > \"$LP_WORKSPACE/daemon\"); {FOREVER}"));
    let daemon = written_pid(&site.workspace(&key).join("daemon")).await;

    for _ in 0..5 {
        let other = site.assign_line("true");
        site.manager.finish_of(&other).await;
    }
    assert!(is_alive(daemon));

    stop(&site, &key, 9, Duration::ZERO);
    until("it ends with its program", || !is_alive(daemon)).await;
}

#[tokio::test]
async fn a_timeout_is_told_apart_and_reaches_grandchildren() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let mut order = assignment(
        &app,
        &format!("trap '' TERM; setsid sleep 600 & echo $! > \"$LP_WORKSPACE/child\"; {FOREVER}"),
    );
    order.timeout = Some(Duration::from_secs(1));
    order.grace = Duration::from_millis(50);

    let key = site.assign(&order);

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::TimedOut);
    let child = written_pid(&site.workspace(&key).join("child")).await;
    until("its child is gone", || !is_alive(child)).await;
}

#[tokio::test]
async fn a_timeout_counts_while_no_node_runs() {
    let mut site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let mut order = assignment(&app, FOREVER);
    order.timeout = Some(Duration::from_millis(300));
    let key = site.assign(&order);
    written_pid(&site.workspace(&key).join("pid")).await;

    site.kill_node();
    site.start_node();

    assert_eq!(site.manager.finish_of(&key).await.exit, Exit::TimedOut);
}

#[tokio::test]
async fn who_waits_is_stopped_or_handed_back_at_once_and_never_starts() {
    let site = Site::start("action_slots: 1").await;
    let running = site.assign_line(FOREVER);
    written_pid(&site.workspace(&running).join("pid")).await;
    let (stopped, recalled) = (site.assign_line("true"), site.assign_line("true"));

    stop(&site, &stopped, 15, Duration::from_secs(1));
    site.manager.send(ManagerFrame::Recall { attempts: vec![recalled.clone(), running.clone()] });

    let finish = site.manager.finish_of(&stopped).await;
    assert_eq!((finish.exit, finish.start_at), (Exit::Stopped { returncode: -15 }, None));
    let is_return = |report: &lp_protocol::frames::Report| {
        report.attempt == recalled && matches!(report.event, lp_protocol::frames::AttemptEvent::Returned)
    };
    site.manager.wait("the return", |facts| facts.reports.iter().any(is_return).then_some(())).await;
    assert!(site.manager.facts().finishes(&running).is_empty(), "what runs is not handed back");
    stop(&site, &running, 9, Duration::ZERO);
    site.manager.finish_of(&running).await;
    assert!(!site.workspace(&stopped).exists() && !site.workspace(&recalled).exists());
}

#[tokio::test]
async fn higher_priority_goes_first_and_slots_are_not_exceeded() {
    let site = Site::start("action_slots: 1").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let first = site.assign_line("until [ -e \"$LP_WORKSPACE/go\" ]; do sleep 0.01; done #");
    site.manager.started(&first).await;
    let order = |priority: i32| {
        let mut order = assignment(&app, "sleep 0.05 #");
        order.priority = priority;
        order
    };
    let orders = [order(0), order(5), order(5), order(-1)];

    site.manager.send(ManagerFrame::Assign { assignments: orders.to_vec() });
    fs::write(site.workspace(&first).join("go"), "").unwrap();

    let mut spans = Vec::new();
    for order in [&orders[1], &orders[2], &orders[0], &orders[3]] {
        let finish = site.manager.finish_of(&order.attempt).await;
        spans.push((finish.start_at.unwrap(), finish.end_at));
    }
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
}

#[tokio::test]
async fn an_exclusive_program_is_stopped_before_the_manager_may_give_it_away() {
    let site = Site::unstarted("").await;
    {
        let mut facts = site.manager.facts();
        facts.settings.lost_after = Duration::from_secs(2);
        facts.settings.heartbeat = Duration::from_millis(100);
    }
    let mut site = site;
    site.start_node();
    site.manager.linked().await;
    let app = site.app(&[("configuration.json", "{}")]);
    let mut order = assignment(&app, FOREVER);
    order.exclusive = true;
    order.grace = Duration::from_millis(100);
    let (exclusive, ordinary) = (site.assign(&order), site.assign_line(FOREVER));
    let pid = written_pid(&site.workspace(&exclusive).join("pid")).await;
    let other = written_pid(&site.workspace(&ordinary).join("pid")).await;

    // killed, so that nobody but the supervisor can keep the promise
    site.manager.go_down();
    site.kill_node();
    until("the exclusive program has ended", || !is_alive(pid)).await;
    assert!(is_alive(other));
    site.start_node();
    site.manager.come_up();

    assert!(matches!(site.manager.finish_of(&exclusive).await.exit, Exit::Lost { .. }));
    stop(&site, &ordinary, 9, Duration::ZERO);
    site.manager.finish_of(&ordinary).await;
}
