//! What is prepared for an attempt before it starts: taken as its node tells it, for people; nothing is decided by it.

use lp_protocol::preparing::bounded;
use lp_protocol::{AttemptKey, NodeId, PreparingStep, Stage};

use super::Core;
use super::record::AttemptRecord;

impl Core {
    /// A node tells how far it has got before the start. Late word, and word of what is not the node's, is ignored.
    pub(super) fn attempt_prepares(
        &mut self,
        node_id: NodeId,
        attempt: &AttemptKey,
        steps: Vec<PreparingStep>,
    ) {
        let Some(id) = self.resolve(attempt) else { return };
        let Some(record) = self.live.get_mut(&id) else { return };
        if record.node_id != node_id || record.stage != Stage::Pending || steps.is_empty() {
            return;
        }
        let told = bounded(steps);
        if record.preparing == told {
            return;
        }
        record.preparing = told;
        let record = record.clone();
        self.touch_attempt(record);
    }
}

/// A start or an end says it all once more; a node that was restarted in between has forgotten it and says nothing.
pub(super) fn note_preparing(record: &mut AttemptRecord, steps: Vec<PreparingStep>) {
    if !steps.is_empty() {
        record.preparing = bounded(steps);
    }
}

/// A step does not go on after the end of its attempt, whoever has ended it.
pub(super) fn close(record: &mut AttemptRecord) {
    let end = record.start_at.or(record.end_at);
    for step in record.preparing.iter_mut().filter(|step| step.end_at.is_none()) {
        step.end_at = end;
    }
}
