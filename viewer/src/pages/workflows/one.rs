//! One workflow: its applications, how its latest works went, its definition.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::WorkflowId;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{ListWorks, WorkView, WorkflowView};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::graph::{Graph, Kind, Vertex as Tile};
use crate::pages::works::table::WorkTable;
use crate::pages::{Visit, html, text};
use crate::parts::{
    Badge, Command, Empty, Facts, IdChip, JsonView, Look, Moment, Prose, Strip, Value, clip, shell_word,
    url_part, visible,
};

const STRIP: u32 = 50;
const LATEST: usize = 10;
/// Applications listed.
const MAX_ROWS: usize = 200;

#[derive(Template)]
#[template(path = "workflows/one.html")]
struct Page {
    frame: Frame,
    base: String,
    id: String,
    name: String,
    description: String,
    badge: Badge,
    enable: bool,
    warnings: Vec<Prose>,
    graph: Graph,
    applications: Vec<Application>,
    facts: Facts,
    definition: JsonView,
    latest: LatestWorks,
    command: Command,
}

struct Application {
    name: String,
    /// What it runs, and its page.
    app: String,
    url: String,
    waits_for: String,
}

/// The part of the page that moves.
pub(crate) struct LatestWorks {
    strip: Strip,
    works: WorkTable,
}

/// A definition, as far as a page needs it; whatever else stands in it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Definition {
    #[serde(default)]
    pub(crate) applications: Vec<Vertex>,
    #[serde(default)]
    pub(crate) event_applications: Events,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Events {
    #[serde(default)]
    pub(crate) success: Option<Vertex>,
    #[serde(default)]
    pub(crate) fail: Option<Vertex>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Vertex {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) app: Option<String>,
    #[serde(default)]
    pub(crate) app_id: Option<String>,
    #[serde(default)]
    pub(crate) condition: Vec<String>,
}

pub(crate) async fn show(visit: Visit, workflow: web::Path<String>) -> Result<HttpResponse, Failure> {
    let client = visit.client();
    let view = client.fetch_workflow(&workflow).await?;
    let now = Utc::now();
    let latest = LatestWorks::load(client, view.workflow_id, now).await?;
    let definition = definition(&view);
    let WorkflowView {
        workflow_id,
        name,
        description,
        enable,
        create_at,
        update_at,
        configuration,
        warnings,
    } = view;
    let frame = visit
        .frame_below(Section::Workflows, &clip(&name, 80))
        .live(format!("/live?view=workflow&app={workflow_id}"));
    let facts = Facts::default()
        .row("Updated", Value::Moment(Moment::new(update_at, now)))
        .row("Created", Value::Moment(Moment::new(create_at, now)))
        .row("Id", Value::Id(IdChip::new(workflow_id, workflow_id.short())));
    html(&Page {
        frame,
        base: format!("{LIST}/{workflow_id}"),
        id: workflow_id.to_string(),
        command: Command::new(format!("lp work create -w {} --wait", shell_word(&name))),
        name: visible(&name),
        description: visible(&description),
        badge: enabled(enable),
        enable,
        warnings: warnings.iter().map(|warning| Prose::new(warning, 300)).collect(),
        graph: Graph::new("Applications of the workflow", &tiles(&definition), |_| None),
        applications: rows(&definition),
        facts,
        definition: JsonView::new(configuration.get(), "Definition"),
        latest,
    })
}

/// Whether works can be made of it; the same words for schedules and services.
pub(crate) fn enabled(enable: bool) -> Badge {
    match enable {
        true => Badge { look: Look::Success, word: "enabled" },
        false => Badge { look: Look::Skipped, word: "disabled" },
    }
}

pub(crate) fn definition(view: &WorkflowView) -> Definition {
    serde_json::from_str(view.configuration.get()).unwrap_or_default()
}

/// Names of its applications, in order.
pub(super) fn names_of(view: &WorkflowView) -> Vec<String> {
    definition(view).applications.into_iter().map(|vertex| vertex.name).collect()
}

fn rows(definition: &Definition) -> Vec<Application> {
    let row = |vertex: &Vertex, waits_for: String| {
        let app = vertex.app.as_ref().or(vertex.app_id.as_ref()).cloned().unwrap_or_default();
        Application {
            name: visible(&vertex.name),
            url: format!("/apps/{}", url_part(&app)),
            app: clip(&app, 80),
            waits_for: clip(&waits_for, 300),
        }
    };
    let ordinary = definition.applications.iter().take(MAX_ROWS);
    let mut rows: Vec<Application> =
        ordinary.map(|vertex| row(vertex, vertex.condition.join(", "))).collect();
    let Events { success, fail } = &definition.event_applications;
    rows.extend(success.iter().map(|vertex| row(vertex, "the work's success".to_owned())));
    rows.extend(fail.iter().map(|vertex| row(vertex, "the work's failure".to_owned())));
    rows
}

/// The applications as boxes.
fn tiles(definition: &Definition) -> Vec<Tile> {
    let applications = &definition.applications;
    let place = |name: &String| applications.iter().position(|other| other.name == *name);
    let tile = |vertex: &Vertex, after: Vec<usize>, kind, detail: String| Tile {
        url: vertex.app.as_ref().or(vertex.app_id.as_ref()).map(|app| format!("/apps/{}", url_part(app))),
        after,
        kind,
        detail,
        ..Tile::new(&vertex.name)
    };
    let app = |vertex: &Vertex| clip(vertex.app.as_deref().unwrap_or_default(), 60);
    let mut tiles: Vec<Tile> = applications
        .iter()
        .map(|vertex| {
            tile(vertex, vertex.condition.iter().filter_map(place).collect(), Kind::Plain, app(vertex))
        })
        .collect();
    let Events { success, fail } = &definition.event_applications;
    for (vertex, when) in [(success, "after success"), (fail, "after failure")] {
        tiles.extend(vertex.iter().map(|vertex| tile(vertex, Vec::new(), Kind::Event, when.to_owned())));
    }
    tiles
}

impl LatestWorks {
    pub(crate) async fn load(
        client: &ManagerClient,
        workflow_id: WorkflowId,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let latest = ListWorks { workflow_id: Some(workflow_id), limit: Some(STRIP), ..ListWorks::default() };
        let mut works: Vec<WorkView> = client.list_works(&latest).await?.items;
        let empty =
            Empty { text: "It has not run yet. Run it:", commands: &["lp work create -w NAME --wait"] };
        let strip = Strip::of_works(&works, now);
        works.truncate(LATEST);
        Ok(Self { strip, works: WorkTable::new(works, empty, now) })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("strip", text(&self.strip)?), ("works", text(&self.works)?)])
    }
}
