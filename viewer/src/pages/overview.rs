//! Overview: how the cluster is, what needs a person, what runs, what happened last.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::client::{self, ManagerClient, PageQuery};
use lp_protocol::views::{
    Activity, ActivityHour, ClusterStatus, ListServices, ListTasks, NodeView, ServiceView, TaskView,
};
use lp_protocol::{Stage, Status};

use super::{html, text};
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Attention, Empty, Moment, NodeCards, Sparkline, TaskTable, Troubles, plural};
use crate::state::State;

/// Rows of what runs, and of the latest tasks; the whole list is a click away.
const RUNNING: u32 = 8;
const LATEST: u32 = 12;
/// Failures looked at for the summary.
const MAX_FAILURES: u32 = 100;
/// Cards of nodes on this page.
const MAX_CARDS: usize = 12;
/// Nodes and services asked for: the whole of a cluster we are made for.
const MAX_NODES: u32 = 500;
const MAX_SERVICES: u32 = 500;

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
    running: TaskTable,
    tasks: TaskTable,
}

#[derive(Template)]
#[template(path = "parts/figures.html")]
struct Figures {
    finished: String,
    finished_line: Sparkline,
    running: String,
    actions_running: String,
    failed: String,
    has_failed: bool,
    failed_line: Sparkline,
    pending: u64,
    oldest: Option<Moment>,
    queued: Option<String>,
    waiting_line: Sparkline,
    slots: u64,
    slots_in_use: u64,
    slots_line: Sparkline,
    nodes: String,
}

impl HtmlSafe for Figures {}

/// What is known of the cluster.
struct Known {
    status: ClusterStatus,
    activity: Activity,
    nodes: Vec<NodeView>,
    running: Vec<TaskView>,
    latest: Vec<TaskView>,
    failures: Vec<TaskView>,
    services: Vec<ServiceView>,
}

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
        let known = Known::load(client, now).await?;
        let empty = Empty { text: "Nothing runs at the moment. See what could:", commands: &["lp app list"] };
        Ok(Self {
            figures: Figures::new(&known, now),
            attention: Attention::new(
                &Troubles {
                    status: &known.status,
                    nodes: &known.nodes,
                    failures: &known.failures,
                    services: &known.services,
                    skipped: &known.activity.skipped,
                },
                now,
            ),
            nodes: NodeCards::new(&known.nodes, MAX_CARDS, now),
            running: TaskTable::new(known.running, empty, now),
            tasks: TaskTable::new(known.latest, first_steps(), now),
        })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![
            ("figures", text(&self.figures)?),
            ("attention", text(&self.attention)?),
            ("nodes", text(&self.nodes)?),
            ("running", text(&self.running)?),
            ("tasks", text(&self.tasks)?),
        ])
    }
}

impl Known {
    async fn load(client: &ManagerClient, now: DateTime<Utc>) -> Result<Self, Failure> {
        let latest = ListTasks { limit: Some(LATEST), ..ListTasks::default() };
        let running = ListTasks { stage: Some(Stage::Running), limit: Some(RUNNING), ..ListTasks::default() };
        let failures = ListTasks {
            stage: Some(Stage::Finished),
            status: Some(Status::Fail),
            since: Some(now - TimeDelta::days(1)),
            limit: Some(MAX_FAILURES),
            ..ListTasks::default()
        };
        let nodes = PageQuery { limit: Some(MAX_NODES), ..PageQuery::default() };
        let services =
            ListServices { enable: Some(true), limit: Some(MAX_SERVICES), ..ListServices::default() };
        let (status, activity, nodes, running, latest, failures, services) = tokio::try_join!(
            client.fetch_status(),
            activity(client),
            client.list_nodes(&nodes),
            client.list_tasks(&running),
            client.list_tasks(&latest),
            client.list_tasks(&failures),
            client.list_services(&services),
        )?;
        Ok(Self {
            status,
            activity,
            nodes: nodes.items,
            running: running.items,
            latest: latest.items,
            failures: failures.items,
            services: services.items,
        })
    }
}

/// A manager that is a version behind does not tell it, and the rest of the page is worth showing.
async fn activity(client: &ManagerClient) -> Result<Activity, client::Error> {
    match client.fetch_activity().await {
        Err(error) if error.code() == Some(lp_protocol::ErrorCode::NotFound) => Ok(Activity::default()),
        other => other,
    }
}

impl Figures {
    fn new(known: &Known, now: DateTime<Utc>) -> Self {
        let Known { status, activity, .. } = known;
        let of = |pick: fn(&ActivityHour) -> Option<u64>| -> Vec<Option<u64>> {
            activity.hours.iter().map(pick).collect()
        };
        let (finished, failed) = (of(|hour| hour.finished), of(|hour| hour.failed));
        let has_failed = failed.iter().flatten().any(|count| *count > 0) || !known.failures.is_empty();
        Self {
            finished: sum(&finished),
            finished_line: Sparkline::new("finished", &finished, None),
            running: plural(status.tasks_running, "task"),
            actions_running: plural(status.actions_running, "action"),
            failed: sum(&failed),
            has_failed,
            failed_line: Sparkline::new("failed", &failed, None),
            pending: status.tasks_pending,
            oldest: activity.oldest_waiting.map(|at| Moment::new(at, now)),
            queued: (status.actions_queued > 0).then(|| plural(status.actions_queued, "action")),
            waiting_line: Sparkline::new("waiting", &of(|hour| hour.waiting), None),
            slots: status.slots,
            slots_in_use: status.slots_in_use.min(status.slots),
            slots_line: Sparkline::new("slots busy", &of(|hour| hour.slots_in_use), Some(status.slots)),
            nodes: format!("{} of {}", status.nodes_connected, plural(status.nodes, "node")),
        }
    }
}

/// Where an hour is not known there may be more.
fn sum(hours: &[Option<u64>]) -> String {
    let more = if hours.iter().any(Option::is_none) { "+" } else { "" };
    format!("{}{more}", hours.iter().flatten().sum::<u64>())
}

/// For whoever has just started a cluster.
pub(crate) fn first_steps() -> Empty {
    Empty {
        text: "No tasks yet. Upload an application and run it:",
        commands: &["lp app create -f examples/hello", "lp task create -a hello --follow"],
    }
}
