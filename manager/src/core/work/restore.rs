//! A work as its rows tell it: what the core is loaded from, and what is shown of a work that is finished.

use std::sync::Arc;

use lp_protocol::plan::Ordinal;
use lp_protocol::{Stage, Status, TaskId};

use super::super::record::SUCCESS_EVENT;
use super::super::shape::Shape;
use super::machine::{Node, TaskRef, Work};
use super::record::{WorkPlan, WorkRecord, WorkTask};

impl Work {
    /// `tasks` are those of the work, ascending; what belongs to an earlier run is left out here.
    pub(in super::super) fn restore(
        record: WorkRecord,
        plan: Arc<WorkPlan>,
        shapes: Box<[Arc<Shape>]>,
        tasks: &[WorkTask],
    ) -> Self {
        let mut work = Self::unresolved(record, plan, shapes);
        for task in tasks {
            let Some(ordinal) = work.ordinal(&task.name) else { continue };
            let since = if ordinal < SUCCESS_EVENT { work.record.since } else { work.record.event_since };
            // what could not be started before a recover gets another task
            let is_replaced = task.status == Some(Status::Error) && task.seq < work.record.event_since;
            if task.seq >= since && !is_replaced {
                // of several the last one stays
                work.set_node(ordinal, node_of(task));
            }
        }
        work.resolve_unstarted();
        work
    }

    /// Gives a state to what has no task: what it waits for, or, where nothing of the kind can come, its end.
    fn resolve_unstarted(&mut self) {
        let halted = self.halted();
        let mut hopeless: Vec<Ordinal> = Vec::new();
        for ordinal in 0..self.plan.applications.len() as Ordinal {
            match (self.nodes[ordinal as usize], halted) {
                (Node::Waiting { .. }, Some(status)) => self.set_node(ordinal, Node::Unstarted(status)),
                (Node::Waiting { .. }, None) => {
                    let missing = self.missing(ordinal);
                    self.set_node(ordinal, Node::Waiting { missing });
                }
                (node, _) if node.has_failed() => hopeless.push(ordinal),
                _ => {}
            }
        }
        for ordinal in hopeless {
            self.skip_dependents(ordinal);
        }
    }

    fn missing(&self, ordinal: Ordinal) -> u32 {
        let condition = self.plan.app(ordinal).map_or(&[][..], |app| &app.condition);
        condition.iter().filter(|parent| !self.node(**parent).is_some_and(Node::has_succeeded)).count() as u32
    }

    /// Ends everything that can only start after this one has succeeded.
    pub(super) fn skip_dependents(&mut self, ordinal: Ordinal) {
        let mut ended = vec![ordinal];
        while let Some(ordinal) = ended.pop() {
            for child in self.children(ordinal).to_vec() {
                if matches!(self.node(child), Some(Node::Waiting { .. })) {
                    self.set_node(child, Node::Unstarted(Status::Skipped));
                    ended.push(child);
                }
            }
        }
    }
}

fn node_of(task: &WorkTask) -> Node {
    let WorkTask { seq, task_id, name: _, run, stage, status } = task;
    let reference = TaskRef { seq: *seq, task_id: *task_id, run: *run };
    if stage.is_open() {
        Node::Open(reference)
    } else {
        Node::Ended { task: reference, status: status.unwrap_or(Status::Fail) }
    }
}

/// What an application of a work has come to, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApplicationState {
    pub ordinal: Ordinal,
    pub task_id: Option<TaskId>,
    pub stage: Stage,
    pub status: Option<Status>,
}

/// The applications of a work in the order they were written, and those event applications whose event has happened.
pub fn states(record: &WorkRecord, plan: &Arc<WorkPlan>, tasks: &[WorkTask]) -> Vec<ApplicationState> {
    let work = Work::restore(record.clone(), plan.clone(), Box::default(), tasks);
    let mut states = Vec::with_capacity(work.nodes.len());
    for ((ordinal, _), node) in plan.apps().zip(&work.nodes) {
        if ordinal >= SUCCESS_EVENT && matches!(node, Node::Waiting { .. }) {
            continue;
        }
        let (task_id, stage, status) = match *node {
            // its task was deleted since
            Node::Waiting { .. } if !record.stage.is_open() => (None, Stage::Finished, None),
            Node::Waiting { .. } => (None, Stage::Pending, None),
            Node::Open(task) => (Some(task.task_id), stage_of(tasks, task.task_id), None),
            Node::Unstarted(status) => (None, Stage::Finished, Some(status)),
            Node::Ended { task, status } => (Some(task.task_id), Stage::Finished, Some(status)),
        };
        states.push(ApplicationState { ordinal, task_id, stage, status });
    }
    states
}

fn stage_of(tasks: &[WorkTask], task_id: TaskId) -> Stage {
    tasks.iter().find(|task| task.task_id == task_id).map_or(Stage::Pending, |task| task.stage)
}
