//! What runs here and whether it is well: manager and viewer, their versions, the cluster in figures.

use actix_web::HttpResponse;
use askama::Template;
use chrono::Utc;

use super::{Visit, html};
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::parts::{Badge, Command, Facts, Look, Moment, Value, visible};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Template)]
#[template(path = "about.html")]
struct Page {
    frame: Frame,
    health: Facts,
    cluster: Facts,
    command: Command,
}

pub(crate) async fn show(visit: Visit) -> Result<HttpResponse, Failure> {
    let client = visit.client();
    let status = client.fetch_status().await?;
    let health = client.fetch_health().await?;
    let badge = match &health.reason {
        None => Badge { look: Look::Success, word: "well" },
        Some(_) => Badge { look: Look::Error, word: "not well" },
    };
    let now = Utc::now();
    let number = |count: u64| Value::Text(count.to_string());
    let health = Facts::default()
        .row("Manager", Value::Badge(badge))
        .maybe("Why", health.reason.map(|reason| Value::Text(visible(&reason))))
        .row("Address", Value::Code(visible(client.base_url())))
        .row("Version", Value::Text(visible(&status.version)))
        .row("Role", Value::Text(visible(&status.role)))
        .row("Database", Value::Text(visible(&status.database)))
        .row("Started", Value::Moment(Moment::new(status.start_at, now)))
        .row("Viewer", Value::Text(VERSION.to_owned()));
    let cluster = Facts::default()
        .row("Tasks waiting", number(status.tasks_pending))
        .row("Tasks running", number(status.tasks_running))
        .row("Actions ready for a slot", number(status.actions_queued))
        .row("Actions running", number(status.actions_running))
        .row(
            "Slots",
            Value::Text(format!("{} of {} in use", status.slots_in_use.min(status.slots), status.slots)),
        )
        .row("Nodes", Value::Text(format!("{} of {} connected", status.nodes_connected, status.nodes)));
    html(&Page {
        frame: visit.frame(Section::Elsewhere, "About"),
        health,
        cluster,
        command: Command::new("lp status"),
    })
}
