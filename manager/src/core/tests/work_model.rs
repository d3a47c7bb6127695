//! The works' part of the simulation's store, with the rules that no committed batch may break; and works drawn by lot.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::{AppId, Stage, Status, TaskId, VersionId, WorkId, WorkflowId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cluster::Cluster;
use super::model::Model;
use super::plans;
use super::random::Random;
use crate::core::record::{Changes, Origin, SUCCESS_EVENT, StopRequest, TaskRecord};
use crate::core::work::{
    FinishedWork, InputFrom, NewWorkRequest, OpenWork, WorkApp, WorkPlan, WorkRecord, WorkSource, WorkTask,
};
use crate::core::{Core, Now};

#[derive(Default)]
pub(super) struct WorkRows {
    pub(super) records: BTreeMap<WorkId, WorkRecord>,
    pub(super) plans: BTreeMap<WorkId, Arc<WorkPlan>>,
}

impl Model {
    /// Commits the works of a batch whose tasks are committed already.
    pub(super) fn commit_works(&mut self, changes: &Changes) {
        for new in &changes.new_works {
            let work_id = new.record.work_id;
            assert!(self.works.records.insert(work_id, new.record.clone()).is_none());
            self.works.plans.insert(work_id, new.source.plan.clone());
        }
        for (work_id, record) in &changes.works {
            let before = self.works.records.insert(*work_id, record.clone()).expect("it is there");
            if before.stage == Stage::Finished {
                assert!(record.run > before.run, "a work ends once in a run: {before:?} -> {record:?}");
            }
            if before.run == record.run && before.status.is_some() {
                assert_eq!(before.status, record.status, "a status, once given, stays");
            }
        }
        for new in &changes.new_tasks {
            self.check_new_task(&new.record);
        }
        for record in changes.works.values().filter(|record| record.stage == Stage::Finished) {
            let open = self.tasks_of_work(record.work_id).into_iter().find(|task| {
                // somebody may run one of them again by itself in the same batch
                let is_reopened = changes.deeds.iter().any(|deed| deed.task == task.seq);
                let is_current = self.current(record, &task.name).is_some_and(|found| found == *task);
                task.stage.is_open() && is_current && !is_reopened
            });
            assert_eq!(open, None, "a work ends after its applications");
        }
        for work_id in &changes.deleted_works {
            self.works.records.remove(work_id).expect("it was there");
            self.works.plans.remove(work_id);
            assert!(self.tasks_of_work(*work_id).is_empty(), "its tasks went with it");
        }
    }

    /// A task that a work has made: it may start now, and no other one stands for the same application.
    fn check_new_task(&self, record: &TaskRecord) {
        let Some(Origin::Work(work_id)) = record.origin else { return };
        let work = &self.works.records[&work_id];
        let plan = &self.works.plans[&work_id];
        let (ordinal, app) =
            plan.apps().find(|(_, app)| app.name == *record.name).expect("its name says which");
        let since = if ordinal < SUCCESS_EVENT { work.since } else { work.event_since };
        let same = self
            .tasks_of_work(work_id)
            .into_iter()
            .filter(|task| task.name == record.name && task.seq >= since)
            .filter(|task| task.status != Some(Status::Error) || task.seq >= work.event_since)
            .count();
        assert_eq!(same, 1, "one task for an application in a run: {record:?}");
        assert_eq!((record.app_id, record.version_id), (app.app_id, app.version_id), "as it was copied");
        if ordinal >= SUCCESS_EVENT {
            let event = if work.status == Some(Status::Success) { "success" } else { "fail" };
            assert_eq!(app.name, event, "the event is that of the end: {work:?}");
            return;
        }
        // one that was made before the stop, in the same batch, was stopped with the work
        let is_stopped_too = record.stop.is_some() || !record.stage.is_open();
        assert!(work.stop.is_none() || is_stopped_too, "nothing of a stopped work starts later: {record:?}");
        for parent in &app.condition {
            let parent = &plan.applications[*parent as usize];
            let task = self.current(work, &parent.name).expect("what it waits for was started");
            assert_eq!(task.status, Some(Status::Success), "no task starts before its conditions hold");
        }
    }

    /// The task that stands for an application in the latest run.
    fn current(&self, work: &WorkRecord, name: &str) -> Option<WorkTask> {
        let is_event = name == "success" || name == "fail";
        let since = if is_event { work.event_since } else { work.since };
        let mut tasks = self.tasks_of_work(work.work_id).into_iter();
        tasks.rfind(|task| *task.name == *name && task.seq >= since)
    }

    pub(super) fn tasks_of_work(&self, work_id: WorkId) -> Vec<WorkTask> {
        let of_work = self.tasks.values().filter(|task| task.origin == Some(Origin::Work(work_id)));
        of_work
            .map(|task| WorkTask {
                seq: task.seq,
                task_id: task.task_id,
                name: task.name.clone(),
                run: task.run,
                stage: task.stage,
                status: task.status,
            })
            .collect()
    }

    pub(super) fn open_works(&self) -> Vec<OpenWork> {
        let open = self.works.records.values().filter(|work| work.stage.is_open());
        open.map(|record| {
            let mut tasks = self.tasks_of_work(record.work_id);
            tasks.retain(|task| task.seq >= record.since);
            OpenWork { record: record.clone(), plan: self.works.plans[&record.work_id].clone(), tasks }
        })
        .collect()
    }

    pub(super) fn finished_work(&self, work_id: WorkId) -> FinishedWork {
        let plan = self.works.plans[&work_id].clone();
        FinishedWork {
            record: self.works.records[&work_id].clone(),
            plans: plan.versions().map(|version| (version, self.plans[&version].clone())).collect(),
            tasks: self.tasks_of_work(work_id),
            plan,
        }
    }
}

/// A work's plan of these applications, written as for [`plans::plan`], and the event applications of these names.
pub(super) fn work_plan(text: &str, events: &[&str]) -> WorkPlan {
    let graph = plans::plan(text);
    let app = |name: &str, condition: &[Ordinal]| WorkApp {
        name: name.to_owned(),
        condition: condition.to_vec(),
        app_id: AppId(Uuid::nil()),
        version_id: 0,
        priority: 0,
    };
    let event = |name| events.contains(&name).then(|| app(name, &[]));
    WorkPlan {
        applications: graph.actions.iter().map(|action| app(&action.name, &action.condition)).collect(),
        on_success: event("success"),
        on_fail: event("fail"),
        fail_fast: false,
    }
}

/// A work's plan with the plan of each application, numbered from `version` on.
pub(super) fn source(
    mut plan: WorkPlan,
    mut version: VersionId,
    mut app_plan: impl FnMut() -> Arc<Plan>,
) -> WorkSource {
    let mut plans = BTreeMap::new();
    let WorkPlan { applications, on_success, on_fail, fail_fast: _ } = &mut plan;
    for app in applications.iter_mut().chain(on_success).chain(on_fail) {
        version += 1;
        app.version_id = version;
        plans.insert(version, app_plan());
    }
    WorkSource {
        workflow_id: WorkflowId(Uuid::nil()),
        plan: Arc::new(plan),
        configuration: RawValue::from_string("{}".to_owned()).unwrap(),
        inputs: BTreeMap::new(),
        plans,
    }
}

fn draw(random: &mut Random) -> WorkPlan {
    let names: Vec<String> = (0..1 + random.below(4)).map(|index| format!("w{index}")).collect();
    let mut text = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let condition: Vec<&str> =
            names[..index].iter().filter(|_| random.one_in(2)).map(String::as_str).collect();
        text.push(format!("{name} < {}", condition.join(" ")));
    }
    let mut events = Vec::new();
    if random.one_in(3) {
        events.push("success");
    }
    if random.one_in(3) {
        events.push("fail");
    }
    WorkPlan { fail_fast: random.one_in(4), ..work_plan(&text.join(";"), &events) }
}

/// What the engine does with the inputs of tasks that works have made: here it looks whether what they are made of is there, and
/// refuses one now and then.
pub(super) fn derive_inputs(core: &mut Core, now: Now, model: &Model, mut refuses: impl FnMut() -> bool) {
    loop {
        let derived = core.take_derived();
        if derived.is_empty() {
            return;
        }
        for derived in derived {
            let results: Vec<_> = match &derived.from {
                InputFrom::Results(results) => results.iter().map(|(_, of)| of).collect(),
                InputFrom::Entries(entries) => {
                    entries.iter().filter_map(|entry| entry.task.as_ref().map(|(_, of)| of)).collect()
                }
            };
            for of in results {
                let changed = core.changes().tasks.get(&of.task);
                let created = core.changes().new_tasks.iter().find(|new| new.record.seq == of.task);
                let task = changed.or(created.map(|new| &new.record)).or(model.tasks.get(&of.task));
                let task = task.expect("a result is of a task that is there");
                assert!(
                    !task.stage.is_open() && task.run == of.run,
                    "a result is of a task that is finished"
                );
            }
            if refuses() {
                core.refuse_task(now, derived.task, "its input is too large".to_owned());
            } else {
                core.give_input(now, derived.task, RawValue::from_string("{}".to_owned()).unwrap());
            }
        }
    }
}

impl Cluster {
    /// What a work of some workflow would be made of.
    pub(super) fn draw_source(&mut self) -> WorkSource {
        let plan = draw(&mut self.random);
        let version = self.next_versions(10);
        let random = &mut self.random;
        let source = source(plan, version, || plans::draw(random));
        self.model.plans.extend(source.plans.clone());
        source
    }

    pub(super) fn create_work(&mut self) {
        let source = self.draw_source();
        let work_id = WorkId(Uuid::from_u64_pair(4, self.next_versions(1) as u64));
        let request = NewWorkRequest {
            work_id,
            schedule_id: None,
            name: "work".to_owned(),
            priority: self.random.below(3) as i32,
            source: Arc::new(source),
            input: None,
        };
        self.core.create_work(self.now(), request);
    }

    /// Does something with one of the works that are committed, by lot.
    pub(super) fn touch_some_work(&mut self) {
        let known: Vec<WorkId> = self.model.works.records.keys().copied().collect();
        if known.is_empty() {
            return;
        }
        let work_id = known[self.random.below(known.len())];
        let now = self.now();
        match self.random.below(6) {
            0 | 1 => {
                let stop = StopRequest { signal: 15, grace: None };
                let _finished_ones_are_refused = self.core.stop_work(now, work_id, stop, "test");
            }
            2 => {
                let work = self.model.finished_work(work_id);
                let _open_ones_are_refused = self.core.rerun_work(now, work);
            }
            3 | 4 => self.recover_work(work_id),
            _ => {
                let record = self.model.works.records[&work_id].clone();
                let tasks = self.model.tasks.values();
                let tasks: Vec<TaskRecord> =
                    tasks.filter(|task| task.origin == Some(Origin::Work(work_id))).cloned().collect();
                if self.core.delete_work(&record, &tasks).is_ok() {
                    let gone: Vec<TaskId> = tasks.iter().map(|task| task.task_id).collect();
                    self.created.retain(|task_id| !gone.contains(task_id));
                }
            }
        }
    }

    fn recover_work(&mut self, work_id: WorkId) {
        let work = self.model.finished_work(work_id);
        let mut failed = Vec::new();
        for task in work.tasks.iter().filter(|task| work.wants_recovery(task)) {
            failed.push(self.model.finished(self.model.tasks[&task.seq].clone()));
        }
        let _open_ones_are_refused = self.core.recover_work(self.now(), work, failed, "test");
    }
}
