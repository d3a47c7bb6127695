//! Every invariant between the core's indexes, checked on demand; and a text of its whole state, to compare two cores by.

use std::collections::BTreeSet;
use std::fmt::Write;

use lp_protocol::plan::Resources;

use crate::core::Core;
use crate::core::record::{AttemptId, Origin};
use crate::core::task::State;
use crate::core::timers::Timer;
use crate::core::work::Node;

impl Core {
    pub(super) fn check_sanity(&self) {
        let mut queued = 0;
        let mut live = BTreeSet::new();
        for (seq, task) in &self.tasks {
            assert_eq!(self.by_id.get(&task.record.task_id), Some(seq));
            assert!(task.record.stage.is_open());
            for (ordinal, action) in task.all_actions() {
                match action.state {
                    State::Queued => {
                        queued += 1;
                        let class = task.class(ordinal).unwrap();
                        assert!(
                            self.queue.contains(class, &Core::place_of(task, ordinal)),
                            "queued actions are in the queue"
                        );
                    }
                    State::Live => assert!(live.insert(AttemptId {
                        task: *seq,
                        action: ordinal,
                        number: action.attempts
                    })),
                    State::Backoff { due, .. } => {
                        assert!(
                            self.timers.contains(due, Timer::Retry { task: *seq, action: ordinal }),
                            "a wait has its timer"
                        );
                    }
                    State::Waiting { .. } | State::Done(_) => {}
                }
            }
        }
        assert_eq!(self.queue.len(), queued, "nothing else is in the queue");
        assert_eq!(live, self.live.keys().copied().collect(), "live attempts are those of live actions");
        assert_eq!(self.begun_tasks, self.tasks.values().filter(|task| task.begun).count() as u64);
        self.check_drains();
        self.check_nodes(live);
        self.check_standing();
        self.check_works();
        self.check_builds();
    }

    fn check_works(&self) {
        for (work_id, work) in &self.works {
            assert!(work.record.stage.is_open() && work.record.work_id == *work_id);
            for ((_, app), node) in work.plan.apps().zip(&work.nodes) {
                if let Node::Open(task) = node {
                    let open = &self.tasks[&task.seq].record;
                    assert_eq!(open.origin, Some(Origin::Work(*work_id)));
                    assert_eq!(
                        (open.task_id, open.run, &*open.name),
                        (task.task_id, task.run, app.name.as_str())
                    );
                }
            }
            let unsettled = work.plain_nodes().iter().filter(|node| !node.is_done()).count();
            assert_eq!(work.unsettled, unsettled, "what is not done is counted");
            let waits_for_nothing = |node: &Node| *node == Node::Waiting { missing: 0 };
            assert!(!work.plain_nodes().iter().any(waits_for_nothing), "what can start has started");
        }
        assert!(self.derived.is_empty(), "no input is forgotten");
    }

    fn check_drains(&self) {
        for (node_id, draining) in &self.drains {
            let timed =
                draining.due.is_some_and(|due| self.timers.contains(due, Timer::DrainDeadline(*node_id)));
            assert_eq!(timed, draining.due.is_some(), "a deadline that is to come has its timer");
            let to_come = draining.due.is_some() || draining.is_over;
            assert_eq!(to_come, draining.drain.deadline.is_some());
        }
        assert!(self.offered_targets.is_empty());
    }

    fn check_nodes(&self, mut live: BTreeSet<AttemptId>) {
        for (node_id, node) in &self.nodes {
            let mut in_use = Resources { slots: 0, ..Resources::default() };
            let mut plain_only = true;
            for id in &node.attempts {
                assert!(live.remove(id), "an attempt is with one node");
                assert_eq!(self.live[id].node_id, *node_id);
                let class = self.tasks[&id.task].class(id.action).unwrap();
                in_use.add(&class.resources);
                plain_only &= class.is_plain();
            }
            assert_eq!(node.in_use, in_use, "what is in use is the sum of what is there");
            if node.connection.is_some() && !plain_only {
                assert!(in_use.cpu_millis <= node.facts.capacity.cpu_millis, "capacity is never exceeded");
            }
        }
        assert!(live.is_empty(), "every live attempt is with a node");
    }

    /// The state that must be the same after a reload, in words. Whether a wait for a retry is over
    /// may differ: it was measured on the monotonic clock before and is on the wall clock after.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("next {}\n", self.next_seq);
        for (seq, task) in &self.tasks {
            writeln!(text, "task {seq} begun {} {:?} {:?}", task.begun, task.halt(), task.record).unwrap();
            for (ordinal, action) in task.all_actions() {
                let state = match action.state {
                    State::Backoff { .. } => "Retry".to_owned(),
                    State::Queued if action.failures + action.losses > 0 => "Retry".to_owned(),
                    state => format!("{state:?}"),
                };
                let counts = (action.attempts, action.failures, action.losses, action.last_stopped);
                writeln!(text, "  {ordinal} {state} {counts:?}").unwrap();
            }
        }
        self.describe_standing(&mut text);
        self.describe_builds(&mut text);
        for (work_id, work) in &self.works {
            writeln!(text, "work {work_id:?} {} {:?}", work.unsettled, work.record).unwrap();
            for node in &work.nodes {
                writeln!(text, "  {node:?}").unwrap();
            }
        }
        for (node_id, draining) in &self.drains {
            writeln!(text, "drain {node_id} {:?}", draining.drain).unwrap();
        }
        for (id, record) in &self.live {
            writeln!(text, "live {id:?} {record:?}").unwrap();
        }
        text
    }
}
