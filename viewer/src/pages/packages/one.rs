//! One application or venv: its active version, what it will do, how its latest tasks went.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::AppId;
use lp_protocol::client::ManagerClient;
use lp_protocol::plan::{ActionPlan, Plan};
use lp_protocol::views::{ListTasks, TaskView};

use super::doctor::Holders;
use super::{Kind, Package};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::graph::{Graph, of_plan};
use crate::pages::{Visit, html, text};
use crate::parts::{
    Command, Empty, Facts, IdChip, LogText, Moment, Prose, Strip, Tabs, TaskTable, Value, bytes, clip,
    shell_word, visible,
};
use crate::state::State;
use actix_web::HttpRequest;

/// Bars of the strip.
const STRIP: u32 = 50;
/// Rows of the table under it.
const LATEST: usize = 10;
/// Actions listed; a plan of thousands is made by a program and not read line by line.
const MAX_ACTIONS: usize = 200;
/// Bytes of the manifest shown: a first visit, with styles and scripts, is to stay below 300 kB.
const MAX_MANIFEST_BYTES: usize = 32 << 10;

#[derive(Template)]
#[template(path = "packages/one.html")]
struct Page {
    frame: Frame,
    kind: Kind,
    base: String,
    id: String,
    name: String,
    description: String,
    tabs: Tabs,
    facts: Facts,
    warnings: Vec<Prose>,
    graph: Option<Graph>,
    actions: Vec<Action>,
    more_actions: usize,
    manifest: Option<String>,
    manifest_is_cut: bool,
    latest: Option<LatestTasks>,
    users: Vec<(String, String, String)>,
    holders: Holders,
    command: Command,
}

/// The part of the page that moves.
pub(crate) struct LatestTasks {
    strip: Strip,
    tasks: TaskTable,
}

struct Action {
    name: String,
    waits_for: String,
    command: String,
}

pub(crate) async fn show(visit: Visit, path: web::Path<(Kind, String)>) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let client = visit.client();
    let package = kind.fetch_whole(client, &wanted).await?;
    let now = Utc::now();
    let mut frame = visit.frame_below(kind.section(), &clip(&package.name, 80));
    let latest = match kind {
        Kind::App => {
            frame = frame.live(format!("/live?view=app&app={}", package.id));
            let app_id = package.id.parse().map_err(|_| Failure::no_page())?;
            Some(LatestTasks::load(client, app_id, now).await?)
        }
        Kind::Venv => None,
    };
    let base = package.url();
    let facts = facts(&package, now);
    let verb = match kind {
        Kind::App => format!("lp task create -a {} --follow", shell_word(&package.name)),
        Kind::Venv => format!("lp venv info {}", shell_word(&package.name)),
    };
    let users = users(&package);
    let holders = Holders::new(package.nodes.as_deref().unwrap_or_default());
    let Package { id, name, description, version, plan, manifest, .. } = package;
    let graph = plan.as_ref().map(|plan| Graph::new("Actions of the application", &of_plan(plan), |_| None));
    let (actions, more_actions) = plan.map(actions).unwrap_or_default();
    html(&Page {
        frame,
        kind,
        tabs: tabs(base.clone(), Tab::Overview),
        base,
        id,
        name: visible(&name),
        description: visible(&description),
        facts,
        warnings: version.warnings.iter().map(|warning| Prose::new(warning, 300)).collect(),
        graph,
        actions,
        more_actions,
        manifest_is_cut: manifest.as_ref().is_some_and(|manifest| manifest.len() > MAX_MANIFEST_BYTES),
        manifest: manifest.as_deref().map(shown_manifest),
        latest,
        users,
        holders,
        command: Command::new(verb),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Versions,
}

/// The tabs of its pages.
pub(super) fn tabs(base: String, open: Tab) -> Tabs {
    Tabs::new("Views of it").tab("Overview", base.clone(), open == Tab::Overview).tab(
        "Versions",
        format!("{base}/versions"),
        open == Tab::Versions,
    )
}

pub(super) fn list_url(kind: Kind) -> String {
    format!("/{}", kind.segment())
}

/// The frame of a page about it.
pub(super) fn frame(state: &State, request: &HttpRequest, kind: Kind, title: &str) -> Frame {
    Frame::new(state, request, kind.section(), &clip(title, 80))
}

/// Name, address and actions of the applications that name a venv.
fn users(package: &Package) -> Vec<(String, String, String)> {
    let apps = package.users.apps.iter().take(MAX_ACTIONS);
    apps.map(|app| (visible(&app.name), format!("/apps/{}", app.app_id), clip(&app.actions.join(", "), 300)))
        .collect()
}

fn facts(package: &Package, now: DateTime<Utc>) -> Facts {
    let version = &package.version;
    Facts::default()
        .row(
            "Active version",
            Value::Text(format!(
                "{}, {} {}",
                version.number,
                bytes(version.size_bytes),
                visible(&version.format)
            )),
        )
        .row("Uploaded", Value::Moment(Moment::new(version.create_at, now)))
        .maybe("Active since", version.activate_at.map(|at| Value::Moment(Moment::new(at, now))))
        .row("Digest", Value::Code(visible(&version.digest)))
        .row("Created", Value::Moment(Moment::new(package.create_at, now)))
        .row("Id", Value::Id(IdChip::new(&package.id, package.short.clone())))
}

impl LatestTasks {
    pub(crate) async fn load(
        client: &ManagerClient,
        app_id: AppId,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let latest = ListTasks { app_id: Some(app_id), limit: Some(STRIP), ..ListTasks::default() };
        let mut tasks: Vec<TaskView> = client.list_tasks(&latest).await?.items;
        let empty =
            Empty { text: "It has not run yet. Run it:", commands: &["lp task create -a NAME --follow"] };
        let strip = Strip::of_tasks(&tasks, now);
        tasks.truncate(LATEST);
        Ok(Self { strip, tasks: TaskTable::new(tasks, empty, now) })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("strip", text(&self.strip)?), ("tasks", text(&self.tasks)?)])
    }
}

fn actions(plan: Plan) -> (Vec<Action>, usize) {
    let Plan { actions, on_success, on_fail, output_action: _, locks: _ } = plan;
    let name_of = |ordinal: &u32| actions.get(*ordinal as usize).map_or("?", |action| action.name.as_str());
    let waits_for = |action: &ActionPlan| {
        let names: Vec<&str> = action.condition.iter().take(20).map(name_of).collect();
        let more = action.condition.len().saturating_sub(20);
        if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
    };
    let row = |action: &ActionPlan, waits_for: String| Action {
        name: visible(&action.name),
        waits_for: clip(&waits_for, 300),
        command: clip(&command(action), 200),
    };
    let mut rows: Vec<Action> =
        actions.iter().take(MAX_ACTIONS).map(|action| row(action, waits_for(action))).collect();
    for (action, event) in [(&on_success, "the task's success"), (&on_fail, "the task's failure")] {
        rows.extend(action.as_ref().map(|action| row(action, event.to_owned())));
    }
    (rows, actions.len().saturating_sub(MAX_ACTIONS))
}

fn command(action: &ActionPlan) -> String {
    use lp_protocol::plan::Command as Main;
    match &action.command {
        Main::Line(line) => line.clone(),
        Main::Words(words) => words.join(" "),
    }
}

/// As it was written: it may have comments, so it is not laid out anew.
fn shown_manifest(manifest: &str) -> String {
    let shown = manifest.len().min(MAX_MANIFEST_BYTES);
    LogText::default().feed(&manifest.as_bytes()[..shown])
}
