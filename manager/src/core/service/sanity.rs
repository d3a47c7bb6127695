//! The invariants of services, for the tests of the core.

use std::fmt::Write;

use super::machine::Service;
use crate::core::Core;
use crate::core::timers::Timer;

impl Core {
    pub(in crate::core) fn check_services(&self) {
        for (id, service) in &self.services.by_id {
            let Service { record, task, due, .. } = service;
            assert!(task.is_none_or(|seq| self.tasks.contains_key(&seq)), "its task is open");
            assert!(task.is_none() || due.is_none(), "it waits for a task, or has one");
            let wants_one = record.enable && !record.given_up;
            assert_eq!(
                wants_one && task.is_none(),
                due.is_some(),
                "an enabled one is never forgotten: {record:?}"
            );
            if let Some(at) = due {
                assert!(self.timers.contains(*at, Timer::Service(*id)), "a wait has its timer");
            }
        }
    }

    pub(in crate::core) fn describe_services(&self, text: &mut String) {
        for Service { record, task, finished, .. } in self.services.by_id.values() {
            writeln!(text, "service {record:?} task {task:?} finished {finished:?}").unwrap();
        }
    }
}
