//! What the input of a work's task is made of.
//!
//! The core does not hold inputs and results: it says which they are, and the engine puts the input together in the same batch, so that
//! the task's row has it from the beginning.

use std::sync::Arc;

use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::{AppId, Status, TaskId, WorkId};

use super::super::Core;
use super::super::record::{SUCCESS_EVENT, TaskSeq};
use super::machine::{Node, TaskRef, Work};

/// The input of a new task, still to be put together: the work's own input, over it what the workflow gives the application, over that
/// what comes from earlier tasks.
#[derive(Clone, Debug)]
pub struct DerivedInput {
    pub task: TaskSeq,
    pub work_id: WorkId,
    /// The application in the workflow.
    pub application: Box<str>,
    pub from: InputFrom,
}

#[derive(Clone, Debug)]
pub enum InputFrom {
    /// Under the name of each application of the condition its result.
    Results(Vec<(Box<str>, ResultOf)>),
    /// For an event application: under the name of each application its entry in the work's result.
    Entries(Vec<Entry>),
}

/// The result of a finished task: what its output actions have left.
#[derive(Clone, Debug)]
pub struct ResultOf {
    pub task: TaskSeq,
    pub run: u32,
    pub plan: Arc<Plan>,
}

/// An application in a work's result.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: Box<str>,
    pub app_id: AppId,
    pub status: Option<Status>,
    /// None where it was not started.
    pub task: Option<(TaskId, ResultOf)>,
}

impl Core {
    /// The inputs to put together, each of a task that was made since the last call.
    pub fn take_derived(&mut self) -> Vec<DerivedInput> {
        std::mem::take(&mut self.derived)
    }
}

impl Work {
    pub(super) fn input_for(&self, ordinal: Ordinal, task: TaskSeq) -> Option<DerivedInput> {
        let app = self.plan.app(ordinal)?;
        let from = if ordinal < SUCCESS_EVENT {
            let parents = app.condition.iter().filter_map(|parent| match self.node(*parent)? {
                Node::Ended { task, .. } => Some((self.name(*parent)?, self.result_of(*parent, *task)?)),
                Node::Waiting { .. } | Node::Open(_) | Node::Unstarted(_) => None,
            });
            InputFrom::Results(parents.collect())
        } else {
            InputFrom::Entries(self.entries())
        };
        let application = app.name.as_str().into();
        Some(DerivedInput { task, work_id: self.record.work_id, application, from })
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.plan.applications.len());
        for ((ordinal, app), node) in (0..).zip(&self.plan.applications).zip(&self.nodes) {
            let (status, task) = match *node {
                Node::Ended { task, status } => {
                    (Some(status), self.result_of(ordinal, task).map(|result| (task.task_id, result)))
                }
                Node::Unstarted(status) => (Some(status), None),
                Node::Waiting { .. } | Node::Open(_) => (None, None),
            };
            entries.push(Entry { name: app.name.as_str().into(), app_id: app.app_id, status, task });
        }
        entries
    }

    fn name(&self, ordinal: Ordinal) -> Option<Box<str>> {
        self.plan.app(ordinal).map(|app| app.name.as_str().into())
    }

    fn result_of(&self, ordinal: Ordinal, task: TaskRef) -> Option<ResultOf> {
        Some(ResultOf { task: task.seq, run: task.run, plan: self.shape(ordinal)?.plan.clone() })
    }
}
