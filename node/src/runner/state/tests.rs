//! The rules of the state machine, one by one. Time is a number, files are the journal's alone.

mod bench;
mod giving;

use std::time::Duration;

use lp_protocol::Exit;
use lp_protocol::frames::Stop;
use lp_protocol::health::Health;

use crate::runner::conclude::Log;
use crate::runner::effects::{Effects, Job, Left};
use crate::runner::order::Order;
use crate::runner::order::tests::assignment;
use crate::supervisor::wire::{Event, How, Known, Moment, Request};

use bench::{Bench, ended};

#[test]
fn nothing_starts_before_the_supervisor_is_there() {
    let mut bench = Bench::unconnected(1);
    let key = bench.assign(|_| ());
    assert!(!bench.is_spawned(&key));

    bench.supervisor_up("first", vec![]);

    assert!(bench.is_spawned(&key));
}

#[test]
fn a_large_attempt_is_not_passed_by_small_ones_that_want_the_same() {
    let mut bench = Bench::new(2);
    let running = bench.assign(|_| ());
    let large = bench.assign(|assignment| assignment.resources.slots = 2);
    let small = bench.assign(|_| ());
    assert!(!bench.is_spawned(&large) && !bench.is_spawned(&small));

    bench.end(&running, How::Code(0));

    assert!(bench.is_spawned(&large) && !bench.is_spawned(&small));
}

#[test]
fn who_waits_for_something_else_lets_others_go_ahead() {
    let mut bench = Bench::new(3);
    let gpu = |assignment: &mut lp_protocol::frames::Assignment| assignment.resources.gpus = 1;
    bench.assign(gpu);
    let waiting = bench.assign(gpu);
    let other = bench.assign(|_| ());

    assert!(!bench.is_spawned(&waiting) && bench.is_spawned(&other));
}

#[test]
fn a_node_with_enough_to_do_tells_ends_together() {
    let mut bench = Bench::new(1);
    let keys: Vec<_> = (0..8).map(|_| bench.assign(|_| ())).collect();
    bench.rung = false;

    bench.end(&keys[0], How::Code(0));
    bench.end(&keys[1], How::Code(0));
    assert!(!bench.rung, "five wait: nothing hurries");
    bench.end(&keys[2], How::Code(0));
    bench.end(&keys[3], How::Code(0));

    assert!(bench.rung, "three wait: the node may run dry");
    assert_eq!(bench.told().len(), 4);
}

#[test]
fn ends_wait_for_company_only_so_long() {
    let mut bench = Bench::new(1);
    let keys: Vec<_> = (0..8).map(|_| bench.assign(|_| ())).collect();
    bench.end(&keys[0], How::Code(0));
    bench.rung = false;

    bench.tick(19);
    assert!(!bench.rung);
    assert_eq!(bench.state.arm(), Some(20));
    bench.tick(20);

    assert!(bench.rung);
}

#[test]
fn a_start_is_told_after_its_time_or_not_at_all() {
    let mut bench = Bench::new(2);
    let (short, long) = (bench.assign(|_| ()), bench.assign(|_| ()));
    bench.end(&short, How::Code(0));

    bench.tick(39);
    assert_eq!(bench.told(), [(short, "exit code 0".to_owned())]);
    bench.tick(40);
    assert_eq!(bench.told(), [(long, "started".to_owned())]);
}

#[test]
fn an_attempt_is_held_until_its_end_is_acknowledged() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|_| ());
    bench.end(&key, How::Code(3));
    assert_eq!(bench.state.held(), std::slice::from_ref(&key));

    bench.act(|state, _, effects| state.ack(1, effects));

    assert!(bench.state.held().is_empty());
    // that it was acknowledged need not be written down: the manager says so again
    let mut bench = bench.restart();
    bench.welcome(vec![key], 1);
    assert!(bench.state.held().is_empty() && bench.told().is_empty());
}

#[test]
fn the_supervisor_may_forget_only_what_is_written_down() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|_| ());
    bench.state.break_journal();

    bench.end(&key, How::Code(0));

    let forgets =
        |bench: &Bench| bench.requests.iter().any(|request| matches!(request, Request::Forget { .. }));
    assert!(!forgets(&bench) && bench.told().is_empty());
    bench.state.mend_journal();
    bench.tick(1000);
    bench.tick(1001);
    assert!(forgets(&bench));
    assert_eq!(bench.told().len(), 1);
}

#[test]
fn a_timeout_is_term_then_kill_and_a_later_end_is_a_timeout() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|assignment| {
        assignment.timeout = Some(Duration::from_secs(10));
        assignment.grace = Duration::from_secs(3);
    });

    bench.tick(9_999);
    assert!(bench.signals().is_empty());
    bench.tick(10_000);
    bench.tick(12_999);
    assert_eq!(bench.signals(), [15]);
    bench.tick(13_000);
    assert_eq!(bench.signals(), [15, 9]);
    bench.end(&key, How::Signal(9));
    assert_eq!(bench.told().last().unwrap().1, "timed out");
    assert_eq!(bench.state.arm(), None);
}

#[test]
fn a_second_stop_may_only_hurry() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|_| ());
    let stop = |signal: i32, seconds: u64| Stop {
        attempt: key.clone(),
        signal,
        grace: Duration::from_secs(seconds),
    };

    bench.act(|state, now, effects| state.stop(&stop(15, 5), now, effects));
    bench.act(|state, now, effects| state.stop(&stop(15, 60), now, effects));
    bench.tick(5_000);

    assert_eq!(bench.signals(), [15, 15, 9]);
}

#[test]
fn a_restart_finds_the_same_attempts_reports_and_numbers() {
    let mut bench = Bench::new(2);
    let (done, running) = (bench.assign(|_| ()), bench.assign(|_| ()));
    bench.end(&done, How::Code(0));

    let mut bench = bench.restart();
    bench.supervisor_up("first", vec![Known::Running { key: running.to_string(), start: Moment::default() }]);
    bench.end(&running, How::Code(7));

    assert_eq!(bench.told(), [(done, "exit code 0".to_owned()), (running, "exit code 7".to_owned())]);
    assert!(bench.spawned.is_empty(), "neither runs again");
}

#[test]
fn a_rewritten_journal_says_the_same() {
    let mut bench = Bench::new(1);
    let (done, running) = (bench.assign(|_| ()), bench.assign(|_| ()));
    let waiting = bench.assign(|assignment| assignment.priority = -1);
    bench.end(&done, How::Code(0));
    let stop = Stop { attempt: running.clone(), signal: 15, grace: Duration::from_secs(5) };
    bench.act(|state, now, effects| state.stop(&stop, now, effects));
    bench.state.rewrite_journal();

    let mut bench = bench.restart();
    bench.supervisor_up("first", vec![Known::Running { key: running.to_string(), start: Moment::default() }]);
    bench.end(&running, How::Signal(15));

    assert_eq!(bench.told(), [(done, "exit code 0".to_owned()), (running, "stopped on request".to_owned())]);
    assert!(bench.is_spawned(&waiting));
}

#[test]
fn what_a_supervisor_does_not_know_was_never_started_or_is_lost_with_the_old_one() {
    for (instance, spawned, told) in [("first", true, None), ("second", false, Some("lost: "))] {
        let mut bench = Bench::new(1);
        let key = bench.assign(|_| ());

        let mut bench = bench.restart();
        bench.supervisor_up(instance, vec![]);

        assert_eq!(bench.is_spawned(&key), spawned, "{instance}");
        let found = bench.told();
        assert_eq!(found.is_empty(), told.is_none(), "{instance}: {found:?}");
        assert!(told.is_none_or(|begin| found[0].1.starts_with(begin)), "{found:?}");
    }
}

#[test]
fn a_broken_connection_to_a_living_supervisor_costs_nothing() {
    let mut bench = Bench::new(2);
    let (known, unknown) = (bench.assign(|_| ()), bench.assign(|_| ()));
    bench.act(|state, _, _| state.supervisor_down());
    bench.requests.clear();
    bench.spawned.clear();

    bench.supervisor_up("first", vec![Known::Running { key: known.to_string(), start: Moment::default() }]);

    assert_eq!(bench.spawned, [unknown.to_string()], "what did not arrive is handed over again");
    assert!(bench.told().is_empty());
}

#[test]
fn programs_nobody_knows_are_killed_and_forgotten() {
    let mut bench = Bench::unconnected(1);
    let stranger = Order::new(assignment("x")).0.assignment.attempt;

    bench
        .supervisor_up("first", vec![Known::Running { key: stranger.to_string(), start: Moment::default() }]);
    bench.end(&stranger, How::Signal(9));

    assert_eq!(bench.signals(), [9]);
    assert!(bench.requests.iter().any(|request| matches!(request, Request::Forget { .. })));
    assert!(bench.told().is_empty());
}

#[test]
fn what_the_manager_has_given_up_is_ended_without_a_word() {
    let mut bench = Bench::new(1);
    let (running, waiting) = (bench.assign(|_| ()), bench.assign(|_| ()));

    bench.welcome(vec![], 0);
    assert!(bench.state.held().is_empty());
    assert_eq!(bench.signals(), [15]);
    bench.end(&running, How::Signal(15));

    assert!(bench.told().is_empty());
    assert!(!bench.is_spawned(&waiting));
    assert!(bench.restart().state.held().is_empty());
}

#[test]
fn a_manager_that_knows_later_numbers_is_not_told_old_ones() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|_| ());
    bench.end(&key, How::Code(0));

    bench.welcome(vec![key.clone()], 100);

    assert_eq!(bench.told().len(), 1);
    bench.act(|state, _, effects| state.ack(101, effects));
    assert!(bench.state.held().is_empty());
    assert_eq!(bench.restart().state.outbox.next_seq(), 102);
}

#[test]
fn an_exclusive_attempt_does_not_start_without_word_from_the_manager() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|assignment| assignment.exclusive = true);
    assert!(!bench.is_spawned(&key));

    bench.act(|state, _, effects| state.contact(5_000, Duration::from_secs(60), effects));

    let Some(Request::Spawn(spawn)) = bench.requests.last() else { panic!("{:?}", bench.requests) };
    let lease = spawn.lease.unwrap();
    assert_eq!((lease.until_boot_ms, lease.term_at()), (50_000, 40_000));
}

#[test]
fn a_refused_spawn_frees_its_place() {
    let mut bench = Bench::new(1);
    let (refused, next) = (bench.assign(|_| ()), bench.assign(|_| ()));

    let event = Event::NotStarted { key: refused.to_string(), errno: 2 };
    bench.act(|state, now, effects| state.supervisor_events(vec![event], now, effects));

    assert_eq!(bench.told(), [(refused, Exit::NotStarted { reason: "a reason".into() }.to_string())]);
    assert!(bench.is_spawned(&next));
}

#[test]
fn a_workspace_in_use_is_deleted_when_it_is_not() {
    let mut bench = Bench::new(1);
    let key = bench.assign(|_| ());
    let mut trashed = Vec::new();

    let mut effects = Effects::default();
    bench.state.delete_workspaces(std::slice::from_ref(&key), &mut effects);
    assert!(effects.trash.is_empty());
    let left = Left { output: Ok(None), log: Log::default(), container: None };
    bench.state.ended(&key, ended(&key, How::Code(0)), &mut effects);
    let Some(Job::Conclude { order, ended, .. }) = effects.jobs.pop() else { panic!("{effects:?}") };
    bench.state.concluded(&order, &ended, left, &mut effects);
    trashed.append(&mut effects.trash);

    assert_eq!(trashed, [key]);
}

#[test]
fn the_health_of_each_start_is_watched_once_and_an_ill_one_that_is_over_ends_nothing() {
    let mut bench = Bench::new(2);
    let health = Health::new(lp_protocol::plan::Command::Line("./ok".into()));
    bench.assign(|_| ());
    let key = bench.assign(|assignment| assignment.health = Some(health));
    let launched = bench.watched.clone();
    assert_eq!(launched.len(), 1, "who has none is not watched");
    let start = Moment { mono_ms: 7, ..Moment::default() };
    for _ in 0..2 {
        bench.supervisor_up("first", vec![Known::Running { key: key.to_string(), start }]);
    }
    assert_eq!(bench.watched[1..], [start], "the supervisor knows the moment better; it says the same again");

    bench.act(|state, now, effects| state.unhealthy(&key, launched[0], "ill".into(), now, effects));
    assert_eq!(bench.signals(), [] as [i32; 0]);
    bench.act(|state, now, effects| state.unhealthy(&key, start, "ill".into(), now, effects));
    bench.act(|state, now, effects| state.unhealthy(&key, start, "worse".into(), now, effects));
    assert_eq!(bench.signals(), [15]);

    let mut bench = bench.restart();
    bench.supervisor_up("first", vec![Known::Ended(ended(&key, How::Code(0)))]);
    assert!(bench.told().contains(&(key, "unhealthy: ill".to_owned())));
}
