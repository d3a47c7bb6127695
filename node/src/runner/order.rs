//! An assignment as the node keeps it: the input apart, for it is needed once and may be large.

use lp_protocol::frames::Assignment;
use serde_json::value::RawValue;

#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Its `input` is empty.
    pub(crate) assignment: Assignment,
    /// The attempt's name as text, `task/action/attempt`.
    pub(crate) key: String,
}

impl Order {
    /// Separates an assignment from its input.
    pub(crate) fn new(mut assignment: Assignment) -> (Self, Box<RawValue>) {
        let input = std::mem::replace(&mut assignment.input, RawValue::NULL.to_owned());
        let key = assignment.attempt.to_string();
        (Self { assignment, key }, input)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lp_protocol::frames::PackageRef;
    use lp_protocol::plan::{Command, Resources};
    use lp_protocol::{AttemptKey, TaskId};

    /// An assignment of `/bin/true` with defaults everywhere.
    pub(crate) fn assignment(action: &str) -> Assignment {
        Assignment {
            attempt: AttemptKey { task_id: TaskId::random(), action: action.into(), attempt: 1 },
            task_name: "a task".into(),
            task_create_at: chrono::DateTime::UNIX_EPOCH,
            priority: 0,
            app: PackageRef { digest: "0".repeat(64), size_bytes: 1 },
            command: Command::Line("/bin/true".into()),
            env: None,
            docker: None,
            environ: Default::default(),
            resources: Resources::default(),
            timeout: None,
            grace: std::time::Duration::from_secs(10),
            exclusive: false,
            health: None,
            input: RawValue::from_string("{}".into()).unwrap(),
        }
    }

    pub(crate) fn order(action: &str) -> Order {
        Order::new(assignment(action)).0
    }
}
