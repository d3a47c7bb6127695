//! Rules of services, one by one.

use std::sync::Arc;

use chrono::TimeDelta;
use lp_protocol::health::Health;
use lp_protocol::plan::Command;
use lp_protocol::{AppId, Exit, ServiceId, Stage, Status, TaskId};
use uuid::Uuid;

use super::bench::Bench;
use super::plans;
use super::standing::service;
use crate::core::record::Origin;
use crate::core::service::record::ServiceRecord;
use crate::core::service::{KEPT, ServiceEdit, ServiceRefusal};
use crate::core::{ConnectionId, Core, Settings, TaskRefusal};

const FAILED: Exit = Exit::Code { code: 1 };

fn app() -> AppId {
    AppId(Uuid::from_u64_pair(3, 7))
}

struct Keeper {
    bench: Bench,
    node: ConnectionId,
    id: ServiceId,
}

impl Keeper {
    fn new(change: impl FnOnce(&mut ServiceRecord)) -> Self {
        let mut bench = Bench::new();
        let node = bench.connect(1, 8);
        let plan = Arc::new(plans::plan("a"));
        for version in [1, 2] {
            bench.model.plans.insert(version, plan.clone());
        }
        bench.model.standing.apps.insert(app(), (1, plan.clone()));
        let mut record = service(1, 1, bench.now.wall);
        change(&mut record);
        let id = record.service_id;
        bench.core.create_service(bench.now, record, plan, None);
        let mut keeper = Self { bench, node, id };
        keeper.turns();
        keeper
    }

    fn turns(&mut self) {
        for _ in 0..4 {
            self.bench.turn();
        }
    }

    /// The task that is not finished.
    fn open(&self) -> Option<TaskId> {
        let mut open =
            self.bench.model.tasks.values().filter(|task| {
                task.origin == Some(Origin::Service(self.id)) && task.stage != Stage::Finished
            });
        let first = open.next().map(|task| task.task_id);
        assert!(open.next().is_none(), "one at most");
        first
    }

    fn record(&self) -> &ServiceRecord {
        &self.bench.model.standing.services[&self.id]
    }

    /// Its task ends by itself.
    fn end(&mut self, exit: Exit) {
        let task = self.open().expect("it runs");
        self.bench.finish(self.node, task, "a", 1, exit);
        self.turns();
    }

    /// Lets so many seconds pass; the node shows that it lives.
    fn pass(&mut self, seconds: f64) {
        self.bench.pass(seconds);
        let beat = lp_protocol::frames::NodeFrame::Heartbeat { load: Default::default() };
        self.bench.core.take_frames(self.bench.now, self.node, vec![beat]);
        self.turns();
    }
}

#[test]
fn an_enabled_service_has_a_task_from_its_creation_and_after_a_restart_of_the_manager() {
    let mut keeper = Keeper::new(|_| {});
    let task = keeper.open().unwrap();

    keeper.bench.core = Core::load(keeper.bench.now, Settings::default(), keeper.bench.model.load());
    keeper.turns();

    assert_eq!(keeper.open(), Some(task), "the one there is goes on");
    assert_eq!(keeper.record().task_id, Some(task));
}

#[test]
fn restarts_come_after_waits_that_double_and_stop_at_the_longest() {
    let mut keeper = Keeper::new(|record| record.backoff.max_delay = std::time::Duration::from_secs(5));
    for (restart, wait) in [1.0, 2.0, 4.0, 5.0, 5.0].into_iter().enumerate() {
        keeper.end(FAILED);
        assert_eq!(keeper.open(), None);
        keeper.pass(wait - 0.1);
        assert_eq!(keeper.open(), None, "restart {restart}");
        keeper.pass(0.2);
        assert!(keeper.open().is_some(), "restart {restart}");
    }

    assert_eq!(keeper.record().restarts, 5);
    assert_eq!(keeper.record().reason.as_deref(), Some("fail: action `a` failed: exit code 1"));
}

#[test]
fn a_health_command_goes_with_each_assignment_also_after_a_start_and_an_unhealthy_end_is_a_failure() {
    let mut keeper = Keeper::new(|record| record.health = Some(Health::new(Command::Line("./ok".into()))));
    keeper.end(Exit::Unhealthy { reason: "the health command failed 3 times in a row".into() });
    let reason = "fail: action `a` failed: unhealthy: the health command failed 3 times in a row";
    assert_eq!((keeper.record().failures, keeper.record().reason.as_deref()), (1, Some(reason)));
    assert_eq!(keeper.open(), None, "it waits");
    keeper.bench.pass(1.1);
    let said: Vec<String> = (0..4).flat_map(|_| keeper.bench.turn()).collect();
    assert!(said.iter().any(|word| word.ends_with("a/1 -> n1, with health")), "{said:?}");

    keeper.bench.core = Core::load(keeper.bench.now, Settings::default(), keeper.bench.model.load());
    keeper.node = keeper.bench.connect(1, 8);
    let said: Vec<String> = (0..4).flat_map(|_| keeper.bench.turn()).collect();
    assert!(said.iter().any(|word| word.ends_with("a/1 -> n1, with health")), "{said:?}");

    let edit = ServiceEdit { health: Some(None), ..ServiceEdit::default() };
    keeper.bench.core.update_service(keeper.bench.now, keeper.id, edit).unwrap();
    keeper.turns();
    assert_eq!(keeper.bench.record(keeper.open().unwrap()).stage, Stage::Stopping);
    let task = keeper.open().unwrap();
    keeper.bench.finish(keeper.node, task, "a", 1, Exit::Stopped { returncode: -15 });
    let said: Vec<String> = (0..4).flat_map(|_| keeper.bench.turn()).collect();
    assert!(said.iter().any(|word| word.ends_with("a/1 -> n1")), "{said:?}");
}

#[test]
fn a_task_that_ran_for_long_makes_the_earlier_ends_forgotten() {
    let mut keeper = Keeper::new(|_| {});
    for wait in [1.1, 2.1, 4.1] {
        keeper.end(FAILED);
        keeper.pass(wait);
    }
    assert_eq!(keeper.record().failures, 3);

    keeper.bench.run = TimeDelta::hours(1);
    keeper.end(Exit::Code { code: 0 });

    assert_eq!(keeper.record().failures, 1);
    keeper.pass(1.1);
    assert!(keeper.open().is_some());
}

#[test]
fn after_so_many_restarts_it_is_given_up_until_somebody_restarts_it() {
    let mut keeper = Keeper::new(|record| record.backoff.max_restarts = Some(2));
    for wait in [1.1, 2.1] {
        keeper.end(FAILED);
        keeper.pass(wait);
    }
    keeper.end(FAILED);
    keeper.pass(10_000.0);

    assert_eq!(keeper.open(), None);
    assert!(keeper.record().given_up);
    let reason = keeper.record().reason.as_deref().unwrap();
    assert_eq!(reason, "given up after 2 restarts; fail: action `a` failed: exit code 1");
    keeper.bench.core.restart_service(keeper.bench.now, keeper.id).unwrap();
    keeper.turns();
    assert!(keeper.open().is_some());
    assert_eq!(keeper.record().failures, 0);
}

#[test]
fn a_service_that_fails_for_ever_keeps_its_newest_tasks_only() {
    let mut keeper = Keeper::new(|_| {});
    for _ in 0..40 {
        keeper.end(FAILED);
        keeper.pass(61.0);
    }

    assert_eq!(keeper.bench.model.tasks.len(), KEPT);
    assert_eq!(keeper.record().restarts, 40);
    assert_eq!(keeper.bench.model.attempts.len(), KEPT);
}

#[test]
fn a_wait_is_neither_shortened_nor_repeated_by_a_restart_of_the_manager() {
    let mut keeper = Keeper::new(|_| {});
    for wait in [1.1, 2.1, 4.1] {
        keeper.end(FAILED);
        keeper.pass(wait);
    }
    keeper.end(FAILED);
    keeper.pass(5.0);

    keeper.bench.core = Core::load(keeper.bench.now, Settings::default(), keeper.bench.model.load());
    keeper.turns();
    keeper.pass(2.9);
    assert_eq!(keeper.open(), None);
    keeper.pass(0.2);

    assert!(keeper.open().is_some());
}

#[test]
fn a_restart_stops_the_task_with_its_signal_and_another_follows_at_once() {
    let mut keeper = Keeper::new(|record| record.signal = 9);
    let first = keeper.open().unwrap();
    keeper.bench.core.restart_service(keeper.bench.now, keeper.id).unwrap();
    keeper.turns();
    assert_eq!(keeper.bench.record(first).stop.map(|stop| stop.signal), Some(9));
    assert_eq!(keeper.bench.record(first).reason.as_deref(), Some("the service was restarted"));

    keeper.end(Exit::Stopped { returncode: -9 });

    assert!(keeper.open().is_some_and(|task| task != first));
    assert_eq!((keeper.record().restarts, keeper.record().failures), (0, 0));
}

#[test]
fn a_disabled_service_has_no_task_and_one_enabled_meanwhile_gets_it_after_the_end() {
    let mut keeper = Keeper::new(|_| {});
    let set = |enable| ServiceEdit { enable: Some(enable), ..ServiceEdit::default() };
    keeper.bench.core.update_service(keeper.bench.now, keeper.id, set(false)).unwrap();
    keeper.turns();
    let refused = keeper.bench.core.restart_service(keeper.bench.now, keeper.id);
    assert_eq!(refused, Err(ServiceRefusal::Disabled(keeper.id)));
    keeper.end(Exit::Stopped { returncode: -15 });
    keeper.pass(1000.0);
    assert_eq!(keeper.open(), None);

    keeper.bench.core.update_service(keeper.bench.now, keeper.id, set(true)).unwrap();
    keeper.turns();
    let second = keeper.open().unwrap();
    keeper.bench.core.update_service(keeper.bench.now, keeper.id, set(false)).unwrap();
    keeper.bench.core.update_service(keeper.bench.now, keeper.id, set(true)).unwrap();
    keeper.turns();
    assert_eq!(keeper.open(), Some(second), "stopping");
    keeper.end(Exit::Stopped { returncode: -15 });

    assert!(keeper.open().is_some_and(|task| task != second));
}

#[test]
fn a_new_version_is_taken_by_an_update_or_by_following() {
    for follow in [false, true] {
        let mut keeper = Keeper::new(|record| record.follow_active = follow);
        let plan = keeper.bench.model.plans[&2].clone();
        keeper.bench.model.standing.apps.insert(app(), (2, plan.clone()));
        keeper.bench.core.app_activated(keeper.bench.now, app(), 2);
        keeper.turns();
        if !follow {
            assert_eq!(keeper.bench.record(keeper.open().unwrap()).stage, Stage::Pending);
            let edit = ServiceEdit { program: Some((app(), 2, plan)), ..ServiceEdit::default() };
            keeper.bench.core.update_service(keeper.bench.now, keeper.id, edit).unwrap();
            keeper.turns();
        }
        assert_eq!(keeper.bench.record(keeper.open().unwrap()).stage, Stage::Stopping);
        keeper.end(Exit::Stopped { returncode: -15 });

        assert_eq!(keeper.bench.record(keeper.open().unwrap()).version_id, 2);
        assert_eq!(keeper.record().version_id, 2);
    }
}

#[test]
fn a_version_that_became_active_while_the_manager_was_down_is_taken_at_its_start() {
    let mut keeper = Keeper::new(|record| record.follow_active = true);
    let plan = keeper.bench.model.plans[&2].clone();
    keeper.bench.model.standing.apps.insert(app(), (2, plan));
    keeper.bench.core = Core::load(keeper.bench.now, Settings::default(), keeper.bench.model.load());
    keeper.turns();

    assert_eq!(keeper.bench.record(keeper.open().unwrap()).stage, Stage::Stopping);
}

#[test]
fn a_deleted_service_stops_its_task_and_makes_no_other() {
    let mut keeper = Keeper::new(|_| {});
    let task = keeper.open().unwrap();
    keeper.bench.core.delete_service(keeper.bench.now, keeper.id).unwrap();
    keeper.turns();

    keeper.bench.finish(keeper.node, task, "a", 1, Exit::Stopped { returncode: -15 });
    keeper.pass(1000.0);

    assert_eq!(keeper.bench.record(task).status, Some(Status::Kill));
    assert_eq!(keeper.open(), None);
    assert!(keeper.bench.model.standing.services.is_empty());
}

#[test]
fn a_finished_task_of_a_service_is_not_run_again_by_hand() {
    let mut keeper = Keeper::new(|_| {});
    let task = keeper.open().unwrap();
    keeper.end(FAILED);
    let record = keeper.bench.record(task).clone();
    let finished = keeper.bench.model.finished(record);

    let rerun = keeper.bench.core.rerun_task(keeper.bench.now, finished.clone(), None, "me");
    let recovered = keeper.bench.core.recover_task(keeper.bench.now, finished, Vec::new(), "me");

    assert_eq!(rerun, Err(TaskRefusal::OfService(keeper.id)));
    assert_eq!(recovered, Err(TaskRefusal::OfService(keeper.id)));
}

#[test]
fn a_service_whose_application_was_deleted_says_so_and_tries_again_ever_more_rarely() {
    let mut keeper = Keeper::new(|_| {});
    keeper.bench.model.standing.apps.clear();
    keeper.end(FAILED);
    keeper.pass(1.1);

    assert_eq!(keeper.open(), None);
    assert!(keeper.record().reason.as_deref().unwrap().contains("was deleted"));
    assert_eq!(keeper.record().failures, 2);
    let plan = keeper.bench.model.plans[&1].clone();
    keeper.bench.model.standing.apps.insert(app(), (1, plan));
    keeper.pass(2.1);
    assert!(keeper.open().is_some());
}
