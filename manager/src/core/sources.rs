//! What the core needs from the catalogue to make tasks on its own.
//!
//! The core holds no catalogue and no payloads. A machine that makes tasks (a schedule, a service) therefore sets a timer, due at once if need
//! be; before each batch the engine asks [`Core::wanted_sources`] what the due timers need, reads it, and hands it to
//! [`Core::fire_timers`]. So what is made is made of what is active at that moment, and the core stays pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::{AppId, VersionId, WorkflowId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::record::{TaskSeq, Unwanted};
use super::timers::Timer;
use super::work::WorkSource;
use super::{Core, Now};

/// Something a due timer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKey {
    /// The active version of an application.
    App(AppId),
    /// A workflow with the active versions of its applications.
    Workflow(WorkflowId),
    /// The input that is kept for a schedule or a service, by its id.
    Input(Uuid),
    /// The workspaces a finished task has left, on which nodes.
    Workspaces(TaskSeq),
}

/// An application's active version.
#[derive(Clone, Debug)]
pub struct AppSource {
    pub name: String,
    pub version_id: VersionId,
    pub plan: Arc<Plan>,
}

/// What was wanted and is there. What is not in it does not exist (any more).
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub apps: BTreeMap<AppId, AppSource>,
    pub inputs: BTreeMap<Uuid, Box<RawValue>>,
    /// Or why no work can be made of it now, in words that go after "skipped: ".
    pub workflows: BTreeMap<WorkflowId, Result<Arc<WorkSource>, String>>,
    pub workspaces: BTreeMap<TaskSeq, Vec<Unwanted>>,
    /// What was looked for. A timer that is set after that asks for something else, and is left for the next batch.
    pub asked: BTreeSet<SourceKey>,
}

impl Sources {
    pub fn app(&self, app_id: AppId) -> Option<&AppSource> {
        self.apps.get(&app_id)
    }

    pub fn was_asked(&self, key: &SourceKey) -> bool {
        self.asked.contains(key)
    }

    pub fn workspaces(&self, task: TaskSeq) -> &[Unwanted] {
        self.workspaces.get(&task).map_or(&[], Vec::as_slice)
    }

    /// What a work of this workflow would be made of now.
    pub fn workflow(&self, workflow_id: WorkflowId) -> Option<&Result<Arc<WorkSource>, String>> {
        self.workflows.get(&workflow_id)
    }

    /// The JSON object kept under this id.
    pub fn input(&self, id: Uuid) -> Option<&RawValue> {
        self.inputs.get(&id).map(|input| &**input)
    }
}

impl Core {
    /// What [`Core::fire_timers`] needs for the timers that are due now.
    pub fn wanted_sources(&self, now: Now) -> BTreeSet<SourceKey> {
        let mut wanted = BTreeSet::new();
        for (_, timer) in self.timers.due(now.mono) {
            self.add_sources(now, timer, &mut wanted);
        }
        wanted
    }

    fn add_sources(&self, now: Now, timer: Timer, wanted: &mut BTreeSet<SourceKey>) {
        match timer {
            Timer::Schedules => self.schedules.add_sources(now, wanted),
            Timer::Service(id) => self.services.add_sources(id, wanted),
            Timer::Retry { .. }
            | Timer::NodeSilent(_)
            | Timer::Rebalance
            | Timer::Settle(_)
            | Timer::DrainDeadline(_)
            | Timer::Builds => {}
        }
    }
}
