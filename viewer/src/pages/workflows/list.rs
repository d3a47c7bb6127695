//! The list of workflows, by name and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ListPackages;
use lp_protocol::views::{DEFAULT_PAGE, WorkflowView};
use serde::Deserialize;

use super::LIST;
use super::one::{enabled, names_of};
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::{Visit, glob, html};
use crate::parts::{Badge, Empty, Field, FilterBar, IdChip, Moment, Pager, clip, url_part, visible};

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    name: String,
    #[serde(default)]
    cursor: String,
}

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

pub(crate) async fn show(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Failure> {
    let Query { name, cursor } = query.into_inner();
    let list = ListPackages {
        name: Some(glob(&name)).filter(|name| !name.is_empty()),
        cursor: Some(cursor.clone()).filter(|cursor| !cursor.is_empty()),
        limit: Some(DEFAULT_PAGE),
    };
    let page = visit.client().list_workflows(&list).await?;
    let now = Utc::now();
    let named = format!("{LIST}?name={}", url_part(&name));
    let field = Field::line("name", "Name", name.clone()).placeholder("any part, or with * and ?");
    let mut filter = FilterBar::new(LIST, vec![field]);
    if !name.is_empty() {
        filter = filter.chip(format!("name: {}", clip(&name, 60)), LIST);
    }
    let empty = match name.is_empty() {
        true => Empty {
            text: "No workflows yet. A workflow is a graph of applications; write one as JSON or YAML and create it:",
            commands: &["lp workflow create -c workflow.yaml -n NAME"],
        },
        false => Empty { text: "No workflow has such a name. All of them:", commands: &["lp workflow list"] },
    };
    html(&Page {
        frame: visit.frame(Section::Workflows, "Workflows"),
        filter,
        rows: page.items.into_iter().map(|workflow| Row::new(workflow, now)).collect(),
        empty,
        pager: Pager {
            newest: (!cursor.is_empty()).then(|| named.clone()),
            older: page.next_cursor.map(|cursor| format!("{named}&cursor={}", url_part(&cursor))),
        },
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
