//! The list of workflows, by name and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::views::WorkflowView;

use super::LIST;
use super::one::{enabled, names_of};
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::filters::Named;
use crate::pages::{Visit, html};
use crate::parts::{Badge, Empty, FilterBar, IdChip, Moment, Pager, clip, visible};

#[derive(Template)]
#[template(path = "workflows/list.html")]
struct Page {
    frame: Frame,
    filter: FilterBar,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
}

struct Row {
    id: IdChip,
    url: String,
    badge: Badge,
    name: String,
    description: String,
    applications: String,
    updated: Moment,
    warnings: usize,
}

pub(crate) async fn show(visit: Visit, filter: web::Query<Named>) -> Result<HttpResponse, Failure> {
    let page = visit.client().list_workflows(&filter.to_list()).await?;
    let now = Utc::now();
    let empty = match filter.is_empty() {
        true => Empty {
            text: "No workflows yet. A workflow is a graph of applications; write one as JSON or YAML and create it:",
            commands: &["lp workflow create -c workflow.yaml -n NAME"],
        },
        false => Empty { text: "No workflow has such a name. All of them:", commands: &["lp workflow list"] },
    };
    html(&Page {
        frame: visit.frame(Section::Workflows, "Workflows"),
        filter: filter.bar(LIST),
        rows: page.items.into_iter().map(|workflow| Row::new(workflow, now)).collect(),
        empty,
        pager: filter.pager(LIST, page.next_cursor),
    })
}

impl Row {
    fn new(view: WorkflowView, now: DateTime<Utc>) -> Self {
        let applications = clip(&names_of(&view).join(", "), 120);
        let WorkflowView { workflow_id, name, description, enable, update_at, warnings, .. } = view;
        Self {
            id: IdChip::new(workflow_id, workflow_id.short()),
            url: format!("{LIST}/{workflow_id}"),
            badge: enabled(enable),
            name: visible(&name),
            description: clip(&description, 160),
            applications,
            updated: Moment::new(update_at, now),
            warnings: warnings.len(),
        }
    }
}
