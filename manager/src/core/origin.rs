//! What follows for the maker of a task or a work from its end.

use super::record::{Origin, TaskRecord};
use super::schedule::Made;
use super::work::WorkRecord;
use super::{Core, Now};

impl Core {
    /// A task that was made by something else is finished.
    pub(super) fn origin_ended(&mut self, now: Now, record: &TaskRecord) {
        match record.origin {
            Some(Origin::Schedule(id)) => self.made_ended(now, id, Made::Task(record.seq)),
            Some(Origin::Service(id)) => self.service_task_ended(now, id, record),
            Some(Origin::Work(work_id)) => self.work_task_ended(now, work_id, record),
            None => {}
        }
    }

    /// A task that was made by something else is among the open ones: created, loaded, or run again.
    pub(super) fn origin_opened(&mut self, record: &TaskRecord) {
        match record.origin {
            Some(Origin::Schedule(id)) => self.schedules.opened(id, Made::Task(record.seq)),
            Some(Origin::Service(id)) => self.services.task_opened(id, record.seq),
            Some(Origin::Work(_)) | None => {}
        }
    }

    /// A work that was made by something else is among the open ones: created, loaded, or run again.
    pub(super) fn origin_of_work_opened(&mut self, record: &WorkRecord) {
        if let Some(id) = record.schedule_id {
            self.schedules.opened(id, Made::Work(record.work_id));
        }
    }

    /// A work that was made by something else is finished.
    pub(super) fn origin_of_work_ended(&mut self, now: Now, record: &WorkRecord) {
        if let Some(id) = record.schedule_id {
            self.made_ended(now, id, Made::Work(record.work_id));
        }
    }
}
