//! What follows for the maker of a task from the task's end.

use super::record::{Origin, TaskRecord};
use super::{Core, Now};

impl Core {
    /// A task that was made by something else is finished.
    pub(super) fn origin_ended(&mut self, _now: Now, record: &TaskRecord) {
        match record.origin {
            Some(Origin::Work(_) | Origin::Schedule(_) | Origin::Service(_)) | None => {}
        }
    }
}
