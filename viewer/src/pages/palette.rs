//! What the command palette finds: applications and tasks, by a part of their name or the beginning of a task's id.

use actix_web::{HttpResponse, web};
use lp_protocol::client::{ListPackages, ManagerClient};
use lp_protocol::views::{AppView, ListTasks, TaskView};
use serde::{Deserialize, Serialize};

use super::filters::glob;
use crate::failure::Failure;
use crate::frame::Signed;
use crate::parts::{Badge, Moment, clip, title_of};

/// Of each kind: more than fits on a screen is found by typing on.
const MOST: u32 = 8;
/// Shorter ones are refused by the manager as no beginning of an id.
const LEAST_ID_CHARS: usize = 4;

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
struct Found {
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    name: String,
    detail: String,
    url: String,
    icon: &'static str,
    /// The shape of its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    look: Option<&'static str>,
}

/// `GET /palette.json?q=`.
pub(crate) async fn find(
    signed: web::ReqData<Signed>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let q = query.into_inner().q;
    let client = &signed.session.client;
    let packages = ListPackages { name: glob(&q), cursor: None, limit: Some(MOST) };
    // what one part cannot answer is merely not found
    let (by_id, tasks, apps) =
        tokio::join!(tasks_by_id(client, &q), tasks_by_name(client, &q), client.list_apps(&packages));
    let mut items: Vec<Item> = Vec::new();
    for task in by_id.into_iter().chain(tasks) {
        let item = of_task(&task);
        if !items.iter().any(|known| known.url == item.url) {
            items.push(item);
        }
    }
    items.extend(apps.map(|page| page.items).unwrap_or_default().iter().map(of_app));
    Ok(HttpResponse::Ok().json(Found { items }))
}

async fn tasks_by_id(client: &ManagerClient, q: &str) -> Vec<TaskView> {
    let q = q.trim();
    if q.len() < LEAST_ID_CHARS || !q.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Vec::new();
    }
    let query = ListTasks { id_prefix: Some(q.to_lowercase()), limit: Some(MOST), ..ListTasks::default() };
    client.list_tasks(&query).await.map(|page| page.items).unwrap_or_default()
}

async fn tasks_by_name(client: &ManagerClient, q: &str) -> Vec<TaskView> {
    let name = glob(q);
    let query = ListTasks { name, limit: Some(MOST), ..ListTasks::default() };
    client.list_tasks(&query).await.map(|page| page.items).unwrap_or_default()
}

fn of_task(task: &TaskView) -> Item {
    let badge = Badge::of(task.stage, task.status);
    let created = Moment::new(task.create_at, chrono::Utc::now()).relative;
    Item {
        name: clip(&title_of(&task.task_name), 80),
        detail: format!("{} of {}, {created}", badge.word, clip(&task.app_name, 40)),
        url: format!("/tasks/{}", task.task_id),
        icon: "tasks",
        look: Some(badge.look.class()),
    }
}

fn of_app(app: &AppView) -> Item {
    Item {
        name: clip(&app.name, 80),
        detail: "application".to_owned(),
        url: format!("/apps/{}", app.app_id),
        icon: "apps",
        look: None,
    }
}
