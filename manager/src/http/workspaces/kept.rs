//! Where the workspaces of a task are.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::frames::ManagerFrame;
use lp_protocol::plan::Plan;
use lp_protocol::{AttemptKey, Exit, NodeId, Stage};

use super::super::failure::Failure;
use super::super::names;
use super::super::state::State;
use super::super::tasks::plan_of;
use crate::core::record::{AttemptRecord, TaskRecord, Unwanted};
use crate::core::{Shape, derive};
use crate::link::Link;

/// A task and the attempts that have a workspace, with their nodes; nothing of what they left.
pub(crate) struct Kept {
    pub(crate) record: TaskRecord,
    /// As they are named where they are to go.
    pub(crate) workspaces: Vec<Unwanted>,
}

impl Kept {
    pub(crate) async fn find(state: &State, text: &str) -> Result<Self, Failure> {
        let task_id = names::task(state, text).await?;
        let record =
            state.store.find_record(task_id).await?.ok_or_else(|| Failure::not_found("task", text))?;
        let plan = plan_of(state, &record).await?;
        let attempts = state.store.list_attempts_with_workspace(record.seq).await?;
        Ok(Self::of(record, &plan, &attempts))
    }

    /// `attempts` are those whose workspaces were not deleted.
    pub(crate) fn of(record: TaskRecord, plan: &Arc<Plan>, attempts: &[AttemptRecord]) -> Self {
        let workspaces = workspaces_of(&record, plan, attempts);
        Self { record, workspaces }
    }

    /// Tells the nodes to delete them, after this has been noted. Those that are away are told when they connect.
    pub(crate) fn tell(&self, link: &Link) {
        let mut by_node: BTreeMap<NodeId, Vec<AttemptKey>> = BTreeMap::new();
        for Unwanted { node_id, id: _, key } in &self.workspaces {
            by_node.entry(*node_id).or_default().push(key.clone());
        }
        for (node_id, attempts) in by_node {
            let _not_connected_is_told_later =
                link.send(node_id, ManagerFrame::DeleteWorkspaces { attempts });
        }
    }
}

fn workspaces_of(record: &TaskRecord, plan: &Arc<Plan>, attempts: &[AttemptRecord]) -> Vec<Unwanted> {
    let shape = Shape::new(plan.clone());
    let mut found = Vec::new();
    for attempt in attempts {
        let never_began = matches!(attempt.exit, Some(Exit::Returned)) || attempt.stage == Stage::Pending;
        let Some(action) = derive::name_of(attempt, &shape).filter(|_| !never_began) else { continue };
        let key =
            AttemptKey { task_id: record.task_id, action: action.to_owned(), attempt: attempt.id.number };
        found.push(Unwanted { node_id: attempt.node_id, id: attempt.id, key });
    }
    found
}
