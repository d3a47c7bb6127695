//! What a live page shows, as its address says.

use chrono::Utc;
use lp_protocol::{AppId, NodeId, ScheduleId, ServiceId, TaskId, WorkId, WorkflowId};
use serde::Deserialize;

use super::log::LogFollow;
use crate::auth::Session;
use crate::failure::Failure;
use crate::pages::filters::Switched;
use crate::pages::nodes::list::Nodes;
use crate::pages::nodes::one::Node;
use crate::pages::overview::Overview;
use crate::pages::packages::one::LatestTasks;
use crate::pages::schedules::one::Past;
use crate::pages::services::list::Table as Services;
use crate::pages::services::one::Service;
use crate::pages::task::{Address, Asked, Selected, Task};
use crate::pages::tasks::{Filter, Tasks};
use crate::pages::workflows::one::LatestWorks;
use crate::pages::works::list::{Filter as WorkFilter, Works};
use crate::pages::works::one::Work;

#[derive(Deserialize)]
pub(crate) struct Query {
    view: Name,
    #[serde(default)]
    task: String,
    #[serde(flatten)]
    address: Address,
    open_action: Option<String>,
    // numbers among flattened fields come as text
    #[serde(default)]
    open_attempt: String,
    #[serde(default)]
    offset: String,
    #[serde(default)]
    workflow: String,
    #[serde(default)]
    enable: String,
    #[serde(flatten)]
    filter: Filter,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Overview,
    Tasks,
    Task,
    Nodes,
    App,
    Works,
    Work,
    Workflow,
    Schedule,
    Services,
    Service,
    Node,
}

pub(super) enum View {
    Overview,
    Tasks(Filter),
    Task {
        asked: Asked,
        task_id: TaskId,
        /// What the browser has open.
        open: Option<Selected>,
        /// Where to follow its output from, while it may still grow.
        offset: Option<u64>,
    },
    Nodes,
    App(AppId),
    Works(WorkFilter),
    Work(WorkId),
    Workflow(WorkflowId),
    Schedule(ScheduleId),
    Services(Switched),
    Service(ServiceId),
    Node(NodeId),
}

/// What became of a look at the cluster.
pub(super) enum Shown {
    Parts(Vec<(&'static str, String)>),
    /// Something else has to be opened than the browser has.
    Reload,
}

impl View {
    pub(super) fn parse(query: Query) -> Result<Self, Failure> {
        let Query { view, task, address, open_action, open_attempt, offset, workflow, enable, filter } =
            query;
        Ok(match view {
            Name::Overview => View::Overview,
            Name::Nodes => View::Nodes,
            Name::Works => View::Works(WorkFilter::first_page(
                ["name", "stage", "status"].map(|key| field(&filter, key)),
                workflow,
                field(&filter, "schedule"),
            )),
            Name::Work => View::Work(filter.app.parse().map_err(|_| Failure::no_page())?),
            Name::Workflow => View::Workflow(filter.app.parse().map_err(|_| Failure::no_page())?),
            Name::Schedule => View::Schedule(filter.app.parse().map_err(|_| Failure::no_page())?),
            Name::Services => View::Services(Switched::first_page(filter.name, enable)),
            Name::Service => View::Service(filter.app.parse().map_err(|_| Failure::no_page())?),
            Name::Node => View::Node(filter.app.parse().map_err(|_| Failure::no_page())?),
            Name::App => View::App(filter.app.parse().map_err(|_| Failure::no_page())?),
            Name::Tasks => View::Tasks(filter.without_cursor()),
            Name::Task => {
                let task_id = task.parse().map_err(|_| Failure::no_page())?;
                let open = open_action.map(|action| Selected { action, attempt: open_attempt.parse().ok() });
                View::Task { asked: Asked { task, address }, task_id, open, offset: offset.parse().ok() }
            }
        })
    }

    /// Whose events it needs; None: everybody's.
    pub(super) fn task_id(&self) -> Option<TaskId> {
        match self {
            View::Task { task_id, .. } => Some(*task_id),
            View::Overview
            | View::Tasks(_)
            | View::Nodes
            | View::App(_)
            | View::Works(_)
            | View::Work(_)
            | View::Workflow(_)
            | View::Schedule(_)
            | View::Services(_)
            | View::Service(_)
            | View::Node(_) => None,
        }
    }

    /// The output to follow. `resumed` is what a reconnecting browser has already.
    pub(super) fn log(&self, session: &Session, resumed: Option<u64>) -> Option<LogFollow> {
        let View::Task { asked, open: Some(open), offset, .. } = self else { return None };
        let offset = resumed.or(*offset)?;
        let client = session.client.clone();
        Some(LogFollow::new(client, asked.task.clone(), open.action.clone(), open.attempt?, offset))
    }

    pub(super) async fn show(&self, session: &Session) -> Result<Shown, Failure> {
        let (client, now) = (&session.client, Utc::now());
        Ok(Shown::Parts(match self {
            View::Overview => Overview::load(client, now).await?.parts()?,
            View::Nodes => Nodes::load(client, "", now).await?.parts()?,
            View::App(app_id) => LatestTasks::load(client, *app_id, now).await?.parts()?,
            View::Works(filter) => Works::load(client, filter, now).await?.parts()?,
            View::Work(work_id) => Work::load(client, &work_id.to_string(), now).await?.parts()?,
            View::Workflow(id) => LatestWorks::load(client, *id, now).await?.parts()?,
            View::Schedule(id) => Past::load(client, &id.to_string(), now).await?.parts()?,
            View::Services(filter) => Services::load(client, filter, now).await?.parts()?,
            View::Service(id) => Service::load(client, &id.to_string(), now).await?.parts()?,
            View::Node(id) => Node::load(client, &id.to_string(), now).await?.parts()?,
            View::Tasks(filter) => Tasks::load(client, filter, now).await?.parts()?,
            View::Task { asked, open, .. } => {
                let task = Task::load(session, asked, now).await?;
                if asked.address.tab.has_panel() && task.selected != *open {
                    return Ok(Shown::Reload);
                }
                task.parts()?
            }
        }))
    }
}

/// One field of the filter in the address.
fn field(filter: &Filter, key: &str) -> String {
    let fields = filter.fields();
    fields.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).clone()).unwrap_or_default()
}
