//! One application: its active version, what it will do, its latest tasks.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::AppId;
use lp_protocol::client::ManagerClient;
use lp_protocol::plan::{ActionPlan, Plan};
use lp_protocol::views::{AppView, ListTasks};

use super::{html, text};
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Empty, LogText, Moment, Prose, TaskTable, bytes, visible};
use crate::state::State;

const LATEST: u32 = 20;
/// Actions listed; a plan of thousands is made by a program and not read line by line.
const MAX_ACTIONS: usize = 500;
/// Bytes of the manifest shown.
const MAX_MANIFEST_BYTES: usize = 128 << 10;

#[derive(Template)]
#[template(path = "app.html")]
struct Page {
    frame: Frame,
    app_id: String,
    short: String,
    name: String,
    description: String,
    version: i64,
    digest: String,
    short_digest: String,
    size: String,
    format: String,
    created: Moment,
    updated: Moment,
    warnings: Vec<Prose>,
    actions: Vec<Action>,
    manifest: Option<String>,
    latest: LatestTasks,
}

/// The part of the page that moves.
pub(crate) struct LatestTasks {
    tasks: TaskTable,
}

struct Action {
    name: String,
    waits_for: String,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    app: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let client = &signed.session.client;
    let app = client.fetch_app(&app).await?;
    let now = Utc::now();
    let latest = LatestTasks::load(client, app.app_id, now).await?;
    let frame = Frame::new(&state, &request, Section::Apps, &crate::parts::clip(&app.name, 80))
        .crumb("Applications", "/apps")
        .live(format!("/live?view=app&app={}", app.app_id));
    let AppView { app_id, name, description, create_at, update_at, version, plan, manifest } = app;
    html(&Page {
        frame,
        app_id: app_id.to_string(),
        short: app_id.short(),
        name: visible(&name),
        description: visible(&description),
        version: i64::from(version.number),
        short_digest: version.digest.chars().take(8).collect(),
        digest: visible(&version.digest),
        size: bytes(version.size_bytes),
        format: visible(&version.format),
        created: Moment::new(create_at, now),
        updated: Moment::new(update_at, now),
        warnings: version.warnings.iter().map(|warning| Prose::new(warning, 300)).collect(),
        actions: plan.map(actions).unwrap_or_default(),
        manifest: manifest.as_deref().map(shown_manifest),
        latest,
    })
}

impl LatestTasks {
    pub(crate) async fn load(
        client: &ManagerClient,
        app_id: AppId,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let latest = ListTasks { app_id: Some(app_id), limit: Some(LATEST), ..ListTasks::default() };
        let tasks = client.list_tasks(&latest).await?.items;
        let empty =
            Empty { text: "It has not run yet. Run it:", commands: &["lp task create -a NAME --follow"] };
        Ok(Self { tasks: TaskTable::new(tasks, empty, now) })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("tasks", text(&self.tasks)?)])
    }
}

fn actions(plan: Plan) -> Vec<Action> {
    let Plan { actions, on_success, on_fail, output_action: _ } = plan;
    let name_of = |ordinal: &u32| actions.get(*ordinal as usize).map_or("?", |action| action.name.as_str());
    let waits_for = |action: &ActionPlan| action.condition.iter().map(name_of).collect::<Vec<_>>().join(", ");
    let listed = actions.iter().take(MAX_ACTIONS);
    let mut rows: Vec<Action> = listed
        .map(|action| Action {
            name: visible(&action.name),
            waits_for: crate::parts::clip(&waits_for(action), 200),
        })
        .collect();
    let events = [(on_success, "the task's success"), (on_fail, "the task's failure")];
    for (action, event) in events {
        rows.extend(action.map(|action| Action { name: visible(&action.name), waits_for: event.to_owned() }));
    }
    rows
}

/// As it was written: it may have comments, so it is not laid out anew.
fn shown_manifest(manifest: &str) -> String {
    let shown = manifest.len().min(MAX_MANIFEST_BYTES);
    LogText::default().feed(&manifest.as_bytes()[..shown])
}
