//! Rules of works, one by one.

use std::sync::Arc;

use lp_protocol::{Exit, Stage, Status, TaskId, WorkId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::bench::Bench;
use super::plans::plan;
use super::work_model::{source, work_plan};
use crate::core::record::StopRequest;
use crate::core::work::{FinishedWork, NewWorkRequest, WorkPlan, WorkRecord, WorkRefusal, task_id};
use crate::core::{ConnectionId, TaskRefusal};

const WORK: WorkId = WorkId(Uuid::from_u128(7));
const STOP: StopRequest = StopRequest { signal: 15, grace: None };

/// A bench with a node and a work whose applications have the one action `x`.
struct Works {
    bench: Bench,
    node: ConnectionId,
    plan: Arc<WorkPlan>,
}

impl Works {
    fn new(plan_of_work: WorkPlan) -> Self {
        let mut bench = Bench::new();
        let node = bench.connect(1, 8);
        let source = source(plan_of_work, 100, || Arc::new(plan("x")));
        bench.model.plans.extend(source.plans.clone());
        let plan = source.plan.clone();
        let request = NewWorkRequest {
            work_id: WORK,
            schedule_id: None,
            name: "work".to_owned(),
            priority: 0,
            source: Arc::new(source),
            input: None,
        };
        bench.core.create_work(bench.now, request);
        bench.turn();
        Self { bench, node, plan }
    }

    fn task(&self, name: &str) -> TaskId {
        let (ordinal, _) = self.plan.apps().find(|(_, app)| app.name == name).unwrap();
        task_id(WORK, self.record().run, ordinal)
    }

    /// Ends the task of an application of the present run, in its first attempt.
    fn end(&mut self, name: &str, code: i32) {
        let task = self.task(name);
        self.end_attempt(task, 1, code);
    }

    fn end_attempt(&mut self, task: TaskId, attempt: u32, code: i32) {
        self.bench.finish(self.node, task, "x", attempt, Exit::Code { code });
        self.bench.turn();
    }

    fn record(&self) -> &WorkRecord {
        &self.bench.model.works.records[&WORK]
    }

    /// `name status` of each task of the work, in the order they were made.
    fn tasks(&self) -> Vec<String> {
        let tasks = self.bench.model.tasks_of_work(WORK);
        let status = |status: Option<Status>| status.map_or("-", Status::as_str);
        tasks.iter().map(|task| format!("{} {}", task.name, status(task.status))).collect()
    }

    fn end_of_work(&self) -> (Stage, Option<Status>) {
        (self.record().stage, self.record().status)
    }

    fn finished(&self) -> FinishedWork {
        self.bench.model.finished_work(WORK)
    }
}

#[test]
fn a_work_ends_when_all_its_applications_have() {
    // LitePipeline ended the work with the first of two applications without conditions
    let mut works = Works::new(work_plan("a; b", &[]));

    works.end("a", 0);
    assert_eq!(works.end_of_work(), (Stage::Running, None));
    works.end("b", 0);

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Success)));
    assert_eq!(works.tasks(), ["a success", "b success"]);
}

#[test]
fn an_application_starts_when_all_it_waits_for_have_succeeded() {
    let mut works = Works::new(work_plan("a; b; c < a b; d < c", &[]));

    works.end("a", 0);
    assert_eq!(works.tasks(), ["a success", "b -"]);
    works.end("b", 0);
    assert_eq!(works.tasks(), ["a success", "b success", "c -"]);
    works.end("c", 0);
    works.end("d", 0);

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Success)));
}

#[test]
fn a_failure_ends_what_depends_on_it_and_nothing_else() {
    let mut works = Works::new(work_plan("a; b; c < a; d < b; e < c d", &["fail"]));

    works.end("a", 3);
    works.end("b", 0);
    assert_eq!(works.tasks(), ["a fail", "b success", "d -"]);
    works.end("d", 0);

    assert_eq!(works.record().status, Some(Status::Fail));
    assert_eq!(works.tasks(), ["a fail", "b success", "d success", "fail -"]);
    works.end("fail", 1);
    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Fail)));
    let reason = works.record().reason.as_deref();
    assert_eq!(reason, Some("application `a` failed: action `x` failed: exit code 3"));
}

#[test]
fn with_fail_fast_the_first_failure_stops_what_runs() {
    let plan = WorkPlan { fail_fast: true, ..work_plan("a; b; c; d < b", &[]) };
    let mut works = Works::new(plan);

    works.end("a", 3);
    let stopped = works.task("b");
    assert_eq!(works.bench.record(stopped).stage, Stage::Stopping);
    works.end("c", 0);
    let task = works.task("b");
    works.bench.finish(works.node, task, "x", 1, Exit::Stopped { returncode: -15 });
    works.bench.turn();

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Fail)));
    // what ended well in spite of the stop was still stopped
    assert_eq!(works.tasks(), ["a fail", "b kill", "c kill"]);
}

#[test]
fn the_success_event_follows_the_last_application_and_cannot_change_the_status() {
    let mut works = Works::new(work_plan("a", &["success", "fail"]));

    works.end("a", 0);
    assert_eq!(works.end_of_work(), (Stage::Running, Some(Status::Success)));
    works.end("success", 1);

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Success)));
    assert_eq!(works.tasks(), ["a success", "success fail"]);
}

#[test]
fn a_stop_starts_nothing_more_stops_the_tasks_and_fires_the_fail_event() {
    let mut works = Works::new(work_plan("a; b < a", &["fail"]));

    works.bench.core.stop_work(works.bench.now, WORK, STOP, "test").unwrap();
    works.bench.turn();
    assert_eq!(works.record().stage, Stage::Stopping);
    let task = works.task("a");
    works.bench.finish(works.node, task, "x", 1, Exit::Stopped { returncode: -15 });
    works.bench.turn();
    assert_eq!(works.tasks(), ["a kill", "fail -"]);
    works.end("fail", 0);

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Kill)));
    let again = works.bench.core.stop_work(works.bench.now, WORK, STOP, "test");
    assert_eq!(again.unwrap_err(), WorkRefusal::NotOpen);
}

#[test]
fn a_task_that_is_stopped_by_itself_ends_the_work_as_killed() {
    let mut works = Works::new(work_plan("a; b < a", &[]));
    let task = works.task("a");

    works.bench.stop(task);
    works.bench.turn();
    works.bench.finish(works.node, task, "x", 1, Exit::Stopped { returncode: -15 });
    works.bench.turn();

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Kill)));
    assert_eq!(works.tasks(), ["a kill"]);
}

#[test]
fn a_rerun_makes_new_tasks_and_keeps_the_copy() {
    let mut works = Works::new(work_plan("a; b < a", &["success"]));
    for name in ["a", "b", "success"] {
        works.end(name, 0);
    }
    let first = works.task("a");

    let finished = works.finished();
    works.bench.core.rerun_work(works.bench.now, finished.clone()).unwrap();
    let twice = works.bench.core.rerun_work(works.bench.now, finished);
    assert_eq!(twice.unwrap_err(), WorkRefusal::StillOpen(Stage::Pending));
    works.bench.turn();
    assert_ne!(works.task("a"), first);
    for name in ["a", "b", "success"] {
        works.end(name, 0);
    }

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Success)));
    assert_eq!(works.tasks().len(), 6);
}

#[test]
fn a_recover_keeps_what_succeeded_and_runs_the_rest() {
    let mut works = Works::new(work_plan("a; b < a; c < b; d < a", &["fail", "success"]));
    works.end("a", 0);
    let failed = works.task("b");
    works.end("d", 0);
    works.end("b", 1);
    works.end("fail", 0);
    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Fail)));

    let finished = works.finished();
    let task = works.bench.model.finished(works.bench.record(failed).clone());
    works.bench.core.recover_work(works.bench.now, finished, vec![task], "test").unwrap();
    works.bench.turn();
    assert_eq!(works.tasks(), ["a success", "b -", "d success", "fail success"]);
    works.end_attempt(failed, 2, 0);
    works.end("c", 0);
    works.end("success", 0);

    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Success)));
    let tasks = ["a success", "b success", "d success", "fail success", "c success", "success success"];
    assert_eq!(works.tasks(), tasks);
    let again = works.finished();
    let refused = works.bench.core.recover_work(works.bench.now, again, vec![], "test");
    assert_eq!(refused.unwrap_err(), WorkRefusal::HasSucceeded);
}

#[test]
fn a_task_cannot_be_taken_from_a_work_that_counts_on_it() {
    let mut works = Works::new(work_plan("a; b", &[]));
    works.end("a", 0);
    let record = works.bench.record(works.task("a")).clone();

    let deleted = works.bench.core.delete_task(&record);
    let task = works.bench.model.finished(record);
    let rerun = works.bench.core.rerun_task(works.bench.now, task, None, "test");

    assert_eq!((deleted, rerun.unwrap_err()), (Err(TaskRefusal::PartOf(WORK)), TaskRefusal::PartOf(WORK)));
}

#[test]
fn a_work_is_deleted_with_the_tasks_of_all_its_runs_once_it_is_finished() {
    let mut works = Works::new(work_plan("a", &[]));
    let tasks = |works: &Works| works.bench.model.tasks.values().cloned().collect::<Vec<_>>();
    let (record, open) = (works.record().clone(), tasks(&works));
    let refused = works.bench.core.delete_work(&record, &open);
    assert_eq!(refused, Err(WorkRefusal::StillOpen(Stage::Pending)));
    works.end("a", 0);
    let finished = works.finished();
    works.bench.core.rerun_work(works.bench.now, finished).unwrap();
    works.bench.turn();
    works.end("a", 0);

    let (record, all) = (works.record().clone(), tasks(&works));
    assert_eq!(all.len(), 2);
    works.bench.core.delete_work(&record, &all).unwrap();
    works.bench.turn();

    assert!(works.bench.model.tasks.is_empty() && works.bench.model.works.records.is_empty());
}

#[test]
fn a_task_whose_input_cannot_be_made_ends_and_so_does_its_work() {
    let mut works = Works::new(work_plan("a; b < a; c < b", &["fail"]));
    let task = works.task("a");
    works.bench.succeed(works.node, task, "x", 1);
    let derived = works.bench.core.take_derived();
    works.bench.core.refuse_task(works.bench.now, derived[0].task, "its input is too large".to_owned());
    works.bench.turn();

    assert_eq!(works.tasks(), ["a success", "b error", "fail -"]);
    works.end("fail", 0);
    assert_eq!(works.end_of_work(), (Stage::Finished, Some(Status::Fail)));
    let reason = works.record().reason.as_deref();
    assert_eq!(reason, Some("application `b` failed: its input is too large"));
}

#[test]
fn why_names_what_an_application_waits_for_and_what_its_task_waits_for() {
    let works = Works::new(work_plan("a; b < a", &[]));

    let why = works.bench.core.why_work(works.bench.now, WORK).unwrap();

    let short = works.task("a").short();
    assert!(why[0].reason.starts_with(&format!("its task {short} is not finished: `x` ")), "{why:?}");
    assert_eq!((why[1].name.as_str(), why[1].reason.as_str()), ("b", "waits for `a` to succeed"));
    assert_eq!(why.len(), 2);
}

#[test]
fn the_input_of_a_work_says_where_its_tasks_run_as_that_of_a_task_does() {
    let mut works = Works::new(work_plan("a; b < a", &[]));
    let task = works.task("a");
    works.bench.succeed(works.node, task, "x", 1);
    let derived = works.bench.core.take_derived();
    let input = r#"{"target_env": {"x": {"platform": "aarch64"}}}"#.to_owned();
    let input = RawValue::from_string(input).unwrap();
    works.bench.core.give_input(works.bench.now, derived[0].task, input);

    works.bench.turn();

    let why = works.bench.core.why_work(works.bench.now, WORK).unwrap();
    assert!(why[0].reason.contains("no connected node suits it: node n1 has platform x86_64"), "{why:?}");
    let seq = derived[0].task;
    assert_eq!(&*works.bench.model.targets[&seq], r#"{"x": {"platform": "aarch64"}}"#);
}
