//! What an instant makes, a task or a work, and how that is stopped for a later one.
//!
//! Ids are drawn from the schedule and the instant: a batch that is decided anew makes the same thing, and never two.

use lp_protocol::{AppId, WorkflowId};

use super::machine::Made;
use super::record::{InstantRecord, InstantState, Target};
use crate::core::record::{Origin, StopRequest};
use crate::core::sources::Sources;
use crate::core::work::NewWorkRequest;
use crate::core::{Core, NewTaskRequest, Now, derived};

/// Why what an instant has made is stopped, in its row.
const REPLACED: &str = "a later instant of its schedule has come";

impl Core {
    /// Makes what the instant is for; or skips it, where that cannot be made now.
    pub(super) fn fire(&mut self, now: Now, record: InstantRecord, sources: &Sources) {
        let Some(schedule) = self.schedules.by_id.get(&record.schedule_id) else { return };
        let name = schedule.record.name.to_string();
        match schedule.record.target {
            Target::App(app_id) => self.fire_task(now, record, name, app_id, sources),
            Target::Workflow(workflow_id) => self.fire_work(now, record, name, workflow_id, sources),
        }
    }

    fn fire_task(&mut self, now: Now, record: InstantRecord, name: String, app_id: AppId, sources: &Sources) {
        let id = record.schedule_id;
        let Some(app) = sources.app(app_id) else {
            return self.skip(now, record, format!("the application {app_id} was deleted"));
        };
        let task_id = derived::task_id(id.0, record.instant.timestamp_micros());
        self.note_fired(now, InstantRecord { task_id: Some(task_id), ..record });
        let request = NewTaskRequest {
            task_id,
            name,
            app_id,
            version_id: app.version_id,
            plan: app.plan.clone(),
            origin: Some(Origin::Schedule(id)),
            priority: 0,
            input: sources.input(id.0).map(ToOwned::to_owned),
            key: None,
            fingerprint: None,
        };
        self.create_task(now, request);
    }

    fn fire_work(
        &mut self,
        now: Now,
        record: InstantRecord,
        name: String,
        workflow_id: WorkflowId,
        sources: &Sources,
    ) {
        let id = record.schedule_id;
        let source = match sources.workflow(workflow_id) {
            Some(Ok(source)) => source.clone(),
            Some(Err(reason)) => return self.skip(now, record, reason.clone()),
            None => return self.skip(now, record, format!("the workflow {workflow_id} was deleted")),
        };
        let work_id = derived::work_id(id.0, record.instant.timestamp_micros());
        self.note_fired(now, InstantRecord { work_id: Some(work_id), ..record });
        let input = sources.input(id.0).map(ToOwned::to_owned);
        let request = NewWorkRequest { work_id, schedule_id: Some(id), name, priority: 0, source, input };
        self.create_work(now, request);
    }

    fn note_fired(&mut self, now: Now, record: InstantRecord) {
        let id = record.schedule_id;
        if !record.manual
            && let Some(schedule) = self.schedules.by_id.get_mut(&id)
        {
            schedule.record.fired_through = schedule.record.fired_through.max(Some(record.instant));
            self.touch_schedule(id);
        }
        self.touch_instant(InstantRecord {
            state: InstantState::Fired,
            decide_at: Some(now.wall),
            reason: None,
            ..record
        });
    }

    /// Stops what is not being stopped already; true where it was not.
    pub(super) fn stop_made(&mut self, now: Now, made: Made, schedule_name: &str) -> bool {
        let stop = StopRequest { signal: 15, grace: None };
        let by = format!("schedule {schedule_name}");
        match made {
            Made::Task(seq) => {
                let Some(task) = self.tasks.get(&seq).filter(|task| task.record.stop.is_none()) else {
                    return false;
                };
                let task_id = task.record.task_id;
                let stopped = self.stop_task(now, task_id, stop, &by).is_ok();
                self.explain_stop(seq, REPLACED);
                stopped
            }
            Made::Work(work_id) => {
                let is_over = self.works.get(&work_id).is_some_and(|work| work.record.status.is_some());
                let stopped = self.can_stop_work(work_id) && self.stop_work(now, work_id, stop, &by).is_ok();
                if stopped && !is_over {
                    self.explain_work_stop(work_id, REPLACED);
                }
                stopped
            }
        }
    }
}
