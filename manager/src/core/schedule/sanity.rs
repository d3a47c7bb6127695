//! The invariants of schedules and services, for the tests of the core.

use std::fmt::Write;

use super::machine::{Made, Schedule};
use crate::core::Core;
use crate::core::timers::Timer;

impl Core {
    pub(in crate::core) fn check_standing(&self) {
        let due: Vec<_> = self
            .schedules
            .by_id
            .values()
            .filter_map(|schedule| Some((schedule.due?, schedule.record.schedule_id)))
            .collect();
        assert_eq!(due.len(), self.schedules.due.len(), "each is in the index once");
        for entry in &due {
            assert!(self.schedules.due.contains(entry));
        }
        if !due.is_empty() {
            let at = self.schedules.timer.expect("what is due has a timer");
            assert!(self.timers.contains(at, Timer::Schedules));
        }
        for schedule in self.schedules.by_id.values() {
            assert_eq!(schedule.due, schedule.next_due());
            let is_open = |made: &Made| match made {
                Made::Task(seq) => self.tasks.contains_key(seq),
                Made::Work(work_id) => self.works.contains_key(work_id),
            };
            assert!(schedule.open.iter().all(is_open), "what is open is open");
        }
        for work in self.works.values() {
            let maker = work.record.schedule_id.and_then(|id| self.schedules.by_id.get(&id));
            let made = Made::Work(work.record.work_id);
            assert!(maker.is_none_or(|maker| maker.open.contains(&made)), "an open work counts");
        }
        self.check_services();
    }

    pub(in crate::core) fn describe_standing(&self, text: &mut String) {
        for Schedule { record, waiting, open, .. } in self.schedules.by_id.values() {
            writeln!(text, "schedule {record:?} open {open:?} waiting {waiting:?}").unwrap();
        }
        self.describe_services(text);
    }
}
