//! A work and its applications: what each of them waits for, which task it is, or what it has come to.

use std::collections::HashMap;
use std::sync::Arc;

use lp_protocol::plan::Ordinal;
use lp_protocol::{Status, TaskId, WorkId};
use sha2::{Digest as _, Sha256};

use super::super::record::{FAIL_EVENT, SUCCESS_EVENT, TaskSeq};
use super::super::shape::Shape;
use super::record::{WorkPlan, WorkRecord};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Node {
    /// So many of its condition have not succeeded yet; for an event application, its event has not happened.
    Waiting {
        missing: u32,
    },
    /// Its task is not finished.
    Open(TaskRef),
    /// No task: what it waits for has not succeeded, or the work was stopped before.
    Unstarted(Status),
    Ended {
        task: TaskRef,
        status: Status,
    },
}

/// A task of the work, and in which run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct TaskRef {
    pub(in super::super) seq: TaskSeq,
    pub(in super::super) task_id: TaskId,
    pub(in super::super) run: u32,
}

impl Node {
    pub(in super::super) fn is_done(&self) -> bool {
        matches!(self, Node::Unstarted(_) | Node::Ended { .. })
    }

    pub(in super::super) fn has_succeeded(&self) -> bool {
        matches!(self, Node::Ended { status: Status::Success, .. })
    }

    /// Its task ended otherwise than with success.
    pub(in super::super) fn has_failed(&self) -> bool {
        matches!(self, Node::Ended { status, .. } if *status != Status::Success)
    }
}

#[derive(Debug)]
pub(in super::super) struct Work {
    pub(in super::super) record: WorkRecord,
    pub(in super::super) plan: Arc<WorkPlan>,
    /// By slot: the plan's applications, then its event applications.
    pub(in super::super) nodes: Box<[Node]>,
    /// By slot; holding them keeps the plans at hand for the tasks to come.
    pub(in super::super) shapes: Box<[Arc<Shape>]>,
    /// By application: those that wait for it.
    children: Box<[Vec<Ordinal>]>,
    ordinals: HashMap<String, Ordinal>,
    /// Applications of the plan that are not done.
    pub(in super::super) unsettled: usize,
}

impl Work {
    /// All of them waiting; `restore` gives them their states.
    pub(super) fn unresolved(record: WorkRecord, plan: Arc<WorkPlan>, shapes: Box<[Arc<Shape>]>) -> Self {
        let ordinals: HashMap<String, Ordinal> =
            plan.apps().map(|(ordinal, app)| (app.name.clone(), ordinal)).collect();
        let mut children = vec![Vec::new(); plan.applications.len()];
        for (ordinal, app) in (0..).zip(&plan.applications) {
            for parent in &app.condition {
                if let Some(children) = children.get_mut(*parent as usize) {
                    children.push(ordinal);
                }
            }
        }
        let nodes = vec![Node::Waiting { missing: 0 }; plan.apps().count()];
        let (nodes, children) = (nodes.into(), children.into());
        Self { unsettled: plan.applications.len(), record, plan, nodes, shapes, children, ordinals }
    }

    pub(super) fn slot(&self, ordinal: Ordinal) -> Option<usize> {
        let applications = self.plan.applications.len();
        match ordinal {
            SUCCESS_EVENT => self.plan.on_success.as_ref().map(|_| applications),
            FAIL_EVENT => {
                self.plan.on_fail.as_ref().map(|_| applications + usize::from(self.plan.on_success.is_some()))
            }
            _ => ((ordinal as usize) < applications).then_some(ordinal as usize),
        }
    }

    pub(in super::super) fn node(&self, ordinal: Ordinal) -> Option<&Node> {
        self.slot(ordinal).map(|slot| &self.nodes[slot])
    }

    pub(in super::super) fn shape(&self, ordinal: Ordinal) -> Option<&Arc<Shape>> {
        self.slot(ordinal).map(|slot| &self.shapes[slot])
    }

    pub(super) fn ordinal(&self, name: &str) -> Option<Ordinal> {
        self.ordinals.get(name).copied()
    }

    pub(super) fn children(&self, ordinal: Ordinal) -> &[Ordinal] {
        self.children.get(ordinal as usize).map_or(&[], Vec::as_slice)
    }

    /// The one way an application's state changes after the work was opened.
    pub(super) fn set_node(&mut self, ordinal: Ordinal, node: Node) {
        let Some(slot) = self.slot(ordinal) else { return };
        let was_done = self.nodes[slot].is_done();
        self.nodes[slot] = node;
        if ordinal < SUCCESS_EVENT {
            self.unsettled += usize::from(was_done && !node.is_done());
            self.unsettled -= usize::from(!was_done && node.is_done());
        }
    }

    /// The states of the applications, without the event applications.
    pub(in super::super) fn plain_nodes(&self) -> &[Node] {
        &self.nodes[..self.plan.applications.len()]
    }

    /// Nothing of it starts any more: it was stopped, or one has failed and that is to be the end.
    pub(super) fn halted(&self) -> Option<Status> {
        if self.record.stop.is_some() {
            Some(Status::Cancel)
        } else if self.plan.fail_fast && self.plain_nodes().iter().any(Node::has_failed) {
            Some(Status::Skipped)
        } else {
            None
        }
    }

    /// How it ends, once every application is done.
    pub(super) fn outcome(&self) -> Status {
        let failures = || self.plain_nodes().iter().filter(|node| node.has_failed());
        let is_kill = |node: &Node| matches!(node, Node::Ended { status: Status::Kill, .. });
        if self.record.stop.is_some() {
            Status::Kill
        } else if failures().any(|node| !is_kill(node)) {
            Status::Fail
        } else if failures().next().is_some() {
            Status::Kill
        } else {
            Status::Success
        }
    }

    /// The ordinal of the event application for the way it ended, if there is one.
    pub(super) fn due_event(&self) -> Option<Ordinal> {
        let event = if self.outcome() == Status::Success { SUCCESS_EVENT } else { FAIL_EVENT };
        self.slot(event).map(|_| event)
    }

    /// Its tasks that are not finished.
    pub(super) fn open_tasks(&self) -> Vec<TaskRef> {
        let open = |node: &Node| if let Node::Open(task) = node { Some(*task) } else { None };
        self.nodes.iter().filter_map(open).collect()
    }
}

/// The id of the task of an application in a run of a work. It follows from the work's own id, which was drawn by lot, so that the core
/// need not draw and the same task cannot be made twice.
pub fn task_id(work_id: WorkId, run: u32, ordinal: Ordinal) -> TaskId {
    let mut hasher = Sha256::new();
    hasher.update(work_id.0.as_bytes());
    hasher.update(run.to_le_bytes());
    hasher.update(ordinal.to_le_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    TaskId(uuid::Builder::from_random_bytes(bytes).into_uuid())
}
