//! Rules of schedules that run a workflow.

use std::sync::Arc;

use lp_protocol::frames::NodeFrame;
use lp_protocol::{Exit, InstantState, Overlap, Stage, Status};

use super::bench::Bench;
use super::plans;
use super::schedule_rules::{bench, create};
use super::standing::{schedule, workflow};
use super::work_model::{source, work_plan};
use crate::core::record::TaskRecord;
use crate::core::schedule::record::{InstantRecord, ScheduleRecord, Target};
use crate::core::work::WorkRecord;

/// A bench at this time, with a workflow of two applications that follow each other.
fn with_workflow(at: &str) -> Bench {
    let mut bench = bench(at);
    let source = source(work_plan("a; b < a", &[]), 100, || Arc::new(plans::plan("x")));
    bench.model.plans.extend(source.plans.clone());
    bench.model.standing.workflows.insert(workflow(), Ok(Arc::new(source)));
    bench
}

fn hourly(bench: &Bench, overlap: Overlap) -> ScheduleRecord {
    let target = Target::Workflow(workflow());
    ScheduleRecord { overlap, target, ..schedule(1, "@hourly", "UTC", bench.now.wall) }
}

fn works(bench: &Bench) -> Vec<&WorkRecord> {
    let mut works: Vec<&WorkRecord> = bench.model.works.records.values().collect();
    works.sort_by_key(|work| work.create_at);
    works
}

fn open_works(bench: &Bench) -> usize {
    works(bench).iter().filter(|work| work.stage.is_open()).count()
}

fn rows(bench: &Bench) -> Vec<&InstantRecord> {
    bench.model.standing.instants.values().collect()
}

fn states(bench: &Bench) -> Vec<&'static str> {
    rows(bench).iter().map(|row| row.state.as_str()).collect()
}

/// The open task of the oldest work.
fn first_task(bench: &Bench) -> TaskRecord {
    let task = bench.model.tasks.values().find(|task| task.stage.is_open());
    task.expect("one is open").clone()
}

#[test]
fn an_instant_of_a_workflow_makes_one_work_whatever_restarts() {
    let mut bench = with_workflow("2026-11-22T12:30:00Z");
    let record = hourly(&bench, Overlap::Allow);
    let id = create(&mut bench, record);

    bench.reach("2026-11-22T13:00:00Z");
    // a batch that is not committed has made nothing
    let sources = bench.model.standing.sources(&bench.core.wanted_sources(bench.now));
    bench.core.fire_timers(bench.now, &sources);
    let lost = bench.core.take_outcome().changes.new_works[0].record.work_id;
    bench.reload();
    bench.turns();
    bench.reload();
    bench.turns();

    assert_eq!(bench.history(), ["22 13:00 fired"]);
    let made = works(&bench);
    assert_eq!(made.len(), 1);
    assert_eq!(
        (made[0].work_id, made[0].schedule_id, &*made[0].name, made[0].stage),
        (lost, Some(id), "nightly", Stage::Pending)
    );
    assert_eq!((rows(&bench)[0].work_id, rows(&bench)[0].task_id), (Some(lost), None));
    assert_eq!(bench.model.tasks_of_work(lost).len(), 1, "its first application has begun");
}

#[test]
fn overlap_counts_works_until_their_last_application_has_ended() {
    for (overlap, history, open) in [
        (Overlap::Allow, ["fired", "fired", "fired"], 3),
        (Overlap::Skip, ["fired", "skipped", "skipped"], 1),
        (Overlap::Queue, ["fired", "waiting", "waiting"], 1),
        (Overlap::Kill, ["fired", "skipped", "waiting"], 1),
    ] {
        let mut bench = with_workflow("2026-11-22T12:30:00Z");
        let node = bench.connect(1, 8);
        let record = hourly(&bench, overlap);
        create(&mut bench, record);
        for hour in 13..=15 {
            bench.reach(&format!("2026-11-22T{hour}:00:00Z"));
            let beat = NodeFrame::Heartbeat { load: Default::default() };
            bench.core.take_frames(bench.now, node, vec![beat]);
            bench.turns();
        }
        assert_eq!(states(&bench), history, "{overlap}");
        assert_eq!(open_works(&bench), open, "{overlap}");
        let first = works(&bench)[0].clone();
        if overlap == Overlap::Kill {
            assert_eq!(first.stage, Stage::Stopping);
            assert_eq!(first.reason.as_deref(), Some("a later instant of its schedule has come"));
            assert_eq!(
                first_task(&bench).reason.as_deref(),
                Some("a later instant of its schedule has come")
            );
        }

        // the first application of it ends: the work is over where it was stopped, and otherwise goes on
        bench.finish(node, first_task(&bench).task_id, "x", 1, Exit::Code { code: 0 });
        bench.turns();
        let fired = |bench: &Bench| rows(bench).iter().filter(|row| row.state == InstantState::Fired).count();
        let expected = if overlap == Overlap::Kill { 2 } else { history_fired(&history) };
        assert_eq!(fired(&bench), expected, "{overlap}");
        if overlap == Overlap::Queue {
            bench.finish(node, first_task(&bench).task_id, "x", 1, Exit::Code { code: 0 });
            bench.turns();
            assert_eq!(fired(&bench), 2);
        }
    }
}

fn history_fired(history: &[&str]) -> usize {
    history.iter().filter(|state| **state == "fired").count()
}

#[test]
fn overlap_counts_works_after_a_restart_as_before() {
    for (overlap, history, open) in [
        (Overlap::Allow, ["fired", "fired", "fired"], 3),
        (Overlap::Skip, ["fired", "skipped", "skipped"], 1),
        (Overlap::Queue, ["fired", "waiting", "waiting"], 1),
        // nothing of them has begun, so that a stop is their end
        (Overlap::Kill, ["fired", "fired", "fired"], 1),
    ] {
        let mut bench = with_workflow("2026-11-22T12:30:00Z");
        let record = hourly(&bench, overlap);
        create(&mut bench, record);
        for hour in 13..=15 {
            bench.reload();
            bench.reach(&format!("2026-11-22T{hour}:00:00Z"));
            bench.turns();
        }

        assert_eq!(states(&bench), history, "{overlap}");
        assert_eq!(open_works(&bench), open, "{overlap}");
        for work in works(&bench).into_iter().filter(|work| !work.stage.is_open()) {
            assert_eq!(work.status, Some(Status::Kill));
            assert_eq!(work.reason.as_deref(), Some("a later instant of its schedule has come"));
        }
    }
}

#[test]
fn a_work_that_is_run_again_counts_again() {
    let mut bench = with_workflow("2026-11-22T12:30:00Z");
    let record = hourly(&bench, Overlap::Skip);
    create(&mut bench, record);
    bench.reach("2026-11-22T13:00:00Z");
    bench.turns();
    let work_id = works(&bench)[0].work_id;
    let stop = crate::core::record::StopRequest { signal: 15, grace: None };
    bench.core.stop_work(bench.now, work_id, stop, "test").unwrap();
    bench.turns();
    assert_eq!(open_works(&bench), 0);

    let finished = bench.model.finished_work(work_id);
    bench.core.rerun_work(bench.now, finished).unwrap();
    bench.turns();
    bench.reach("2026-11-22T14:00:00Z");
    bench.turns();

    assert_eq!(states(&bench), ["fired", "skipped"]);
    assert!(rows(&bench)[1].reason.as_deref().unwrap().contains("is not finished"));
}

#[test]
fn an_instant_of_a_workflow_that_cannot_be_run_is_skipped_with_the_reason() {
    let mut bench = with_workflow("2026-11-22T12:30:00Z");
    let record = hourly(&bench, Overlap::Allow);
    create(&mut bench, record);
    let disabled = Err("the workflow `counts` is disabled".to_owned());
    bench.model.standing.workflows.insert(workflow(), disabled);
    bench.reach("2026-11-22T13:00:00Z");
    bench.turns();
    bench.model.standing.workflows.clear();
    bench.reach("2026-11-22T14:00:00Z");
    bench.turns();

    assert_eq!(bench.history(), ["22 13:00 skipped", "22 14:00 skipped"]);
    assert_eq!(rows(&bench)[0].reason.as_deref(), Some("the workflow `counts` is disabled"));
    assert!(rows(&bench)[1].reason.as_deref().unwrap().contains("was deleted"));
    assert!(works(&bench).is_empty());
}
