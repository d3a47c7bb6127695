//! The list of services, by filter and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{DEFAULT_PAGE, ListServices, ServiceView};
use lp_protocol::{Stage, Status};

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::filters::Switched;
use crate::pages::{Visit, html, text};
use crate::parts::{Badge, Empty, FilterBar, IdChip, Look, Moment, Pager, Prose, visible};

#[derive(Template)]
#[template(path = "services/list.html")]
struct Page {
    frame: Frame,
    filter: FilterBar,
    table: Table,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "services/table.html")]
pub(crate) struct Table {
    rows: Vec<Row>,
    empty: Empty,
    next_cursor: Option<String>,
}

impl askama::filters::HtmlSafe for Table {}

struct Row {
    service_id: String,
    id: IdChip,
    badge: Badge,
    name: String,
    app: String,
    app_url: String,
    version: u32,
    restarts: u64,
    retry: Option<Moment>,
    reason: Option<Prose>,
    task_url: Option<String>,
    updated: Moment,
}

pub(crate) async fn show(visit: Visit, filter: web::Query<Switched>) -> Result<HttpResponse, Failure> {
    let table = Table::load(visit.client(), &filter, Utc::now()).await?;
    let mut frame = visit.frame(Section::Services, "Services");
    if filter.is_first_page() {
        frame = frame.live(format!("/live?view=services&{}", filter.query()));
    }
    html(&Page {
        frame,
        pager: filter.pager(LIST, table.next_cursor.clone()),
        filter: filter.bar(LIST),
        table,
    })
}

impl Table {
    pub(crate) async fn load(
        client: &ManagerClient,
        filter: &Switched,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let list = ListServices {
            name: filter.name(),
            enable: filter.enable(),
            cursor: filter.cursor(),
            limit: Some(DEFAULT_PAGE),
            ..ListServices::default()
        };
        let page = client.list_services(&list).await?;
        let empty = match filter.is_empty() {
            true => Empty {
                text: "No services yet. A service keeps one task of an application running:",
                commands: &["lp service create -n web -a APPLICATION -e"],
            },
            false => {
                Empty { text: "No service fits this filter. All of them:", commands: &["lp service list"] }
            }
        };
        Ok(Self {
            rows: page.items.into_iter().map(|service| Row::new(service, now)).collect(),
            empty,
            next_cursor: page.next_cursor,
        })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("services", text(self)?)])
    }
}

impl Row {
    fn new(view: ServiceView, now: DateTime<Utc>) -> Self {
        Self {
            service_id: view.service_id.to_string(),
            id: IdChip::new(view.service_id, view.service_id.short()),
            badge: badge(&view),
            name: visible(&view.name),
            app: visible(&view.app_name),
            app_url: format!("/apps/{}", view.app_id),
            version: view.version,
            restarts: view.restarts,
            retry: view.retry_at.map(|at| Moment::new(at, now)),
            reason: view.reason.as_ref().filter(|_| !is_well(&view)).map(|reason| Prose::new(reason, 160)),
            task_url: view.task_id.map(|task| format!("/tasks/{task}")),
            updated: Moment::new(view.update_at, now),
        }
    }
}

/// Its task runs, or nobody wants it to.
fn is_well(view: &ServiceView) -> bool {
    !view.enable || (view.stage == Some(Stage::Running) && view.failures == 0)
}

/// How it stands, in one word.
pub(crate) fn badge(view: &ServiceView) -> Badge {
    match (view.enable, view.given_up, view.stage) {
        (_, true, _) => Badge { look: Look::Fail, word: "given up" },
        (true, _, _) if view.retry_at.is_some() => Badge { look: Look::Waiting, word: "restarting" },
        (true, _, Some(Stage::Running)) => Badge { look: Look::Running, word: "running" },
        (true, _, Some(Stage::Pending)) => Badge { look: Look::Pending, word: "starting" },
        (_, _, Some(Stage::Stopping)) => Badge { look: Look::Stopping, word: "stopping" },
        (true, _, Some(Stage::Finished)) if view.status == Some(Status::Fail) => {
            Badge { look: Look::Fail, word: "failed" }
        }
        (true, _, _) => Badge { look: Look::Pending, word: "starting" },
        (false, _, Some(Stage::Running | Stage::Pending)) => Badge { look: Look::Stopping, word: "stopping" },
        (false, _, _) => Badge { look: Look::Skipped, word: "disabled" },
    }
}
