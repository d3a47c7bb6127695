//! Overview: how the cluster is, what needs a person, what happened last.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::client::{ManagerClient, PageQuery};
use lp_protocol::views::{ClusterStatus, ListTasks, NodeView, TaskView};
use lp_protocol::{Stage, Status};

use super::{html, text};
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Attention, Empty, NodeCards, TaskTable, plural};
use crate::state::State;

/// Rows of the latest tasks; the whole list is a click away.
const LATEST: u32 = 20;
/// Failures looked at for the summary; of more it says "or more".
const MAX_FAILURES: u32 = 100;
/// Cards of nodes on this page.
const MAX_CARDS: usize = 12;
/// Nodes asked for: the whole of a cluster we are made for.
const MAX_NODES: u32 = 500;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    content: Overview,
}

/// What the page shows, in the parts it is kept up to date by.
pub(crate) struct Overview {
    figures: Figures,
    attention: Attention,
    nodes: NodeCards,
    tasks: TaskTable,
}

#[derive(Template)]
#[template(path = "parts/figures.html")]
struct Figures {
    running: u64,
    actions_running: String,
    pending: u64,
    actions_queued: String,
    failed: String,
    slots: u64,
    slots_in_use: u64,
    nodes: String,
}

impl HtmlSafe for Figures {}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
) -> Result<HttpResponse, Failure> {
    let content = Overview::load(&signed.session.client, Utc::now()).await?;
    let frame =
        Frame::new(&state, &request, Section::Overview, "Overview").live("/live?view=overview".to_owned());
    html(&Page { frame, content })
}

impl Overview {
    pub(crate) async fn load(client: &ManagerClient, now: DateTime<Utc>) -> Result<Self, Failure> {
        let latest = ListTasks { limit: Some(LATEST), ..ListTasks::default() };
        let failures = ListTasks {
            stage: Some(Stage::Finished),
            status: Some(Status::Fail),
            since: Some(now - TimeDelta::days(1)),
            limit: Some(MAX_FAILURES),
            ..ListTasks::default()
        };
        let nodes = PageQuery { limit: Some(MAX_NODES), ..PageQuery::default() };
        let (status, nodes, latest, failures) = tokio::try_join!(
            client.fetch_status(),
            client.list_nodes(&nodes),
            client.list_tasks(&latest),
            client.list_tasks(&failures),
        )?;
        let has_more_failures = failures.next_cursor.is_some();
        Ok(Self::new(
            &status,
            &nodes.items,
            latest.items,
            Failures { tasks: failures.items, has_more_failures },
            now,
        ))
    }

    fn new(
        status: &ClusterStatus,
        nodes: &[NodeView],
        latest: Vec<TaskView>,
        failures: Failures,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            figures: Figures::new(status, &failures),
            attention: Attention::new(status, nodes, &failures.tasks, now),
            nodes: NodeCards::new(nodes, MAX_CARDS, now),
            tasks: TaskTable::new(latest, first_steps(), now),
        }
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![
            ("figures", text(&self.figures)?),
            ("attention", text(&self.attention)?),
            ("nodes", text(&self.nodes)?),
            ("tasks", text(&self.tasks)?),
        ])
    }
}

struct Failures {
    tasks: Vec<TaskView>,
    has_more_failures: bool,
}

impl Figures {
    fn new(status: &ClusterStatus, failures: &Failures) -> Self {
        let more = if failures.has_more_failures { "+" } else { "" };
        Self {
            running: status.tasks_running,
            actions_running: plural(status.actions_running, "action"),
            pending: status.tasks_pending,
            actions_queued: plural(status.actions_queued, "action"),
            failed: format!("{}{more}", failures.tasks.len()),
            slots: status.slots,
            slots_in_use: status.slots_in_use,
            nodes: format!("{} of {}", status.nodes_connected, plural(status.nodes, "node")),
        }
    }
}

/// For whoever has just started a cluster.
pub(crate) fn first_steps() -> Empty {
    Empty {
        text: "No tasks yet. Upload an application and run it:",
        commands: &["lp app create -f examples/hello", "lp task create -a hello --follow"],
    }
}
