//! Which attempt a task's page has open.
//!
//! Unless somebody has chosen one, the page opens what a person came for: the first action that failed, else what runs, else what ended
//! last.

use chrono::{DateTime, Utc};
use lp_protocol::views::{ActionView, AttemptView, TaskInfo};
use lp_protocol::{Stage, Status};

use super::Address;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) action: String,
    /// None: it has not been tried yet.
    pub(crate) attempt: Option<u32>,
}

impl Selected {
    pub(crate) fn choose(task: &TaskInfo, wanted: &Address) -> Option<Self> {
        let by_name = task.actions.iter().find(|action| action.name == wanted.action);
        let action = by_name.or_else(|| most_telling(&task.actions))?;
        let number = wanted.attempt.parse().ok().filter(|_| by_name.is_some());
        let attempt =
            number.filter(|number| action.attempts.iter().any(|attempt| attempt.attempt == *number));
        let attempt = attempt.or_else(|| action.attempts.last().map(|attempt| attempt.attempt));
        Some(Self { action: action.name.clone(), attempt })
    }

    pub(crate) fn find<'a>(&self, task: &'a TaskInfo) -> Option<(&'a ActionView, Option<&'a AttemptView>)> {
        let action = task.actions.iter().find(|action| action.name == self.action)?;
        let attempt = action.attempts.iter().find(|attempt| Some(attempt.attempt) == self.attempt);
        Some((action, attempt))
    }
}

fn most_telling(actions: &[ActionView]) -> Option<&ActionView> {
    let failed = || actions.iter().find(|action| action.status == Some(Status::Fail));
    let busy = |action: &&ActionView| matches!(action.stage, Stage::Running | Stage::Stopping);
    let last_end = |action: &&ActionView| -> Option<DateTime<Utc>> {
        action.attempts.last().and_then(|attempt| attempt.end_at)
    };
    let tried = || actions.iter().filter(|action| !action.attempts.is_empty()).max_by_key(last_end);
    failed().or_else(|| actions.iter().find(busy)).or_else(tried).or_else(|| actions.first())
}
