//! One work: the graph of its applications, each a way down to its task, why it stands where it stands, and what it has left.

use actix_web::{HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{WhyWork, WorkApplication, WorkInfo};
use lp_protocol::{Stage, Status};

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section, tab_title};
use crate::graph::{Graph, Kind, Vertex};
use crate::pages::{Visit, html, text};
use crate::parts::{
    Badge, Command, Facts, IdChip, JsonView, Lasting, Moment, Prose, Tabs, Value, clip, title_of, visible,
};

/// Applications listed, and results shown.
const MAX_ROWS: usize = 500;
const MAX_RESULTS: usize = 50;

#[derive(Template)]
#[template(path = "works/one.html")]
struct Page {
    frame: Frame,
    base: String,
    is_over: bool,
    can_recover: bool,
    tabs: Tabs,
    tab: Tab,
    content: Work,
    io: Option<Io>,
    command: Command,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tab {
    #[default]
    Graph,
    Io,
}

#[derive(serde::Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    tab: Tab,
}

/// What moves.
pub(crate) struct Work {
    head: Head,
    why: WhyPart,
    graph: Graph,
    applications: Applications,
}

#[derive(Template)]
#[template(path = "works/head.html")]
struct Head {
    title: String,
    name: String,
    badge: Badge,
    facts: Facts,
}

#[derive(Template)]
#[template(path = "works/why.html")]
struct WhyPart {
    summary: Option<Prose>,
    is_failure: bool,
    reasons: Vec<Reason>,
}

struct Reason {
    name: String,
    task_url: Option<String>,
    reason: Prose,
    hint: Option<Prose>,
}

#[derive(Template)]
#[template(path = "works/applications.html")]
struct Applications {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    badge: Badge,
    app: String,
    app_url: String,
    version: u32,
    task: Option<IdChip>,
    task_url: Option<String>,
    waits_for: String,
}

/// Input and results.
struct Io {
    input: JsonView,
    results: Vec<(String, JsonView)>,
}

impl HtmlSafe for Head {}
impl HtmlSafe for WhyPart {}
impl HtmlSafe for Applications {}

pub(crate) async fn show(
    visit: Visit,
    work: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let (client, tab) = (visit.client(), query.tab);
    let (info, why) = fetch(client, &work).await?;
    let id = info.work.work_id;
    let base = format!("{LIST}/{id}");
    let badge = Badge::of(info.work.stage, info.work.status);
    let frame = visit
        .frame_below(Section::Works, &tab_title(badge.look, &info.work.name))
        .crumb(visible(&info.work.workflow_name), format!("/workflows/{}", info.work.workflow_id))
        .live(format!("/live?view=work&app={id}"));
    let is_over = info.work.stage == Stage::Finished;
    let can_recover = is_over && info.work.status != Some(Status::Success);
    let io = (tab == Tab::Io).then(|| Io {
        input: JsonView::new(info.input_data.get(), "Input"),
        results: info
            .result
            .iter()
            .take(MAX_RESULTS)
            .map(|(name, result)| {
                let label = format!("Result of {}", visible(name));
                (visible(name), JsonView::new(result.result.get(), label))
            })
            .collect(),
    });
    html(&Page {
        frame,
        tabs: Tabs::new("Views of the work").tab("Applications", base.clone(), tab == Tab::Graph).tab(
            "Input and results",
            format!("{base}?tab=io"),
            tab == Tab::Io,
        ),
        tab,
        is_over,
        can_recover,
        content: Work::new(&info, why, Utc::now()),
        io,
        command: Command::new(format!("lp work info {}", id.short())),
        base,
    })
}

/// The work, and the manager's own answer to why it stands there unless it has succeeded.
async fn fetch(client: &ManagerClient, work: &str) -> Result<(WorkInfo, Option<WhyWork>), Failure> {
    let info = client.fetch_work(work).await?;
    let is_good = info.work.status == Some(Status::Success);
    let why = if is_good { None } else { client.explain_work(&info.work.work_id.to_string()).await.ok() };
    Ok((info, why))
}

impl Work {
    pub(crate) async fn load(
        client: &ManagerClient,
        work: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let (info, why) = fetch(client, work).await?;
        Ok(Self::new(&info, why, now))
    }

    fn new(info: &WorkInfo, why: Option<WhyWork>, now: DateTime<Utc>) -> Self {
        let graph = Graph::new("Applications of the work", &vertices(info), |_| None);
        let rows = info.applications.iter().take(MAX_ROWS).map(Row::new).collect();
        Self {
            head: Head::new(info, now),
            why: WhyPart::new(info, why),
            graph,
            applications: Applications { rows },
        }
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![
            ("head", text(&self.head)?),
            ("why", text(&self.why)?),
            ("graph", text(&self.graph)?),
            ("applications", text(&self.applications)?),
        ])
    }
}

impl Head {
    fn new(info: &WorkInfo, now: DateTime<Utc>) -> Self {
        let work = &info.work;
        let badge = Badge::of(work.stage, work.status);
        let url = format!("/workflows/{}", work.workflow_id);
        let by = work.schedule_id.map(|id| Value::Link { text: id.short(), url: format!("/schedules/{id}") });
        let took = Lasting::new(work.start_at, work.end_at, now);
        let facts = Facts::default()
            .row("Workflow", Value::Link { text: visible(&work.workflow_name), url })
            .maybe("By schedule", by)
            .row("Run", Value::Text(work.run.to_string()))
            .row("Created", Value::Moment(Moment::new(work.create_at, now)))
            .maybe("Started", work.start_at.map(|at| Value::Moment(Moment::new(at, now))))
            .maybe("Took", took.map(Value::Lasting))
            .maybe("Priority", (work.priority != 0).then(|| Value::Text(work.priority.to_string())))
            .row("Id", Value::Id(IdChip::new(work.work_id, work.work_id.short())));
        let title = format!("{} · lp", tab_title(badge.look, &work.name));
        Self { title, name: title_of(&work.name), badge, facts }
    }
}

impl WhyPart {
    fn new(info: &WorkInfo, why: Option<WhyWork>) -> Self {
        let reason = info.work.reason.as_deref().map(|reason| Prose::new(reason, 500));
        let is_failure = matches!(info.work.status, Some(Status::Fail | Status::Error));
        let Some(why) = why else { return Self { summary: reason, is_failure, reasons: Vec::new() } };
        let task_of =
            |name: &str| info.applications.iter().find(|application| application.name == name)?.task_id;
        let reasons = why.applications.into_iter().take(20).map(|why| Reason {
            name: visible(&why.name),
            task_url: task_of(&why.name).map(|id| format!("/tasks/{id}")),
            reason: Prose::new(&why.reason, 500),
            hint: why.hint.map(|hint| Prose::new(&hint, 300)),
        });
        Self { summary: Some(Prose::new(&why.summary, 500)), is_failure, reasons: reasons.collect() }
    }
}

impl Row {
    fn new(application: &WorkApplication) -> Self {
        Self {
            name: visible(&application.name),
            badge: badge(application),
            app: visible(&application.app_name),
            app_url: format!("/apps/{}", application.app_id),
            version: application.version,
            task: application.task_id.map(|id| IdChip::new(id, id.short())),
            task_url: application.task_id.map(|id| format!("/tasks/{id}")),
            waits_for: clip(&application.condition.join(", "), 200),
        }
    }
}

fn badge(application: &WorkApplication) -> Badge {
    Badge::of_action(application.stage, application.status, !application.condition.is_empty())
}

/// The applications as boxes; what is not waited for by name and waits for nothing at the end of the list is an event's.
fn vertices(info: &WorkInfo) -> Vec<Vertex> {
    let events: Vec<String> = events(info);
    let place = |name: &String| info.applications.iter().position(|other| other.name == *name);
    let vertex = |application: &WorkApplication| Vertex {
        url: Some(match application.task_id {
            Some(task) => format!("/tasks/{task}"),
            None => format!("/apps/{}", application.app_id),
        }),
        badge: Some(badge(application)),
        detail: match application.version {
            0 => clip(&application.app_name, 60),
            version => format!("{}, version {version}", clip(&application.app_name, 40)),
        },
        after: application.condition.iter().filter_map(place).collect(),
        kind: if events.contains(&application.name) { Kind::Event } else { Kind::Plain },
        ..Vertex::new(&application.name)
    };
    info.applications.iter().map(vertex).collect()
}

/// Names of the applications that run after the work has succeeded or failed.
fn events(info: &WorkInfo) -> Vec<String> {
    use crate::pages::workflows::one::{Definition, Events};
    let definition: Definition = serde_json::from_str(info.configuration.get()).unwrap_or_default();
    let Events { success, fail } = definition.event_applications;
    success.into_iter().chain(fail).map(|vertex| vertex.name).collect()
}
