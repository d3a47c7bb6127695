//! The list of applications or venvs, by name and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};

use super::{Kind, Package};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::pages::filters::Named;
use crate::pages::{Visit, html};
use crate::parts::{Empty, FilterBar, IdChip, Moment, Pager, bytes, clip, visible};

/// Longest description in a row.
const MAX_DESCRIPTION_CHARS: usize = 160;

#[derive(Template)]
#[template(path = "packages/list.html")]
struct Page {
    frame: Frame,
    kind: Kind,
    filter: FilterBar,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
}

struct Row {
    id: IdChip,
    url: String,
    name: String,
    description: String,
    version: u32,
    digest: String,
    size: String,
    updated: Moment,
    warnings: usize,
}

pub(crate) async fn show(
    visit: Visit,
    kind: web::Path<Kind>,
    filter: web::Query<Named>,
) -> Result<HttpResponse, Failure> {
    let kind = kind.into_inner();
    let page = kind.list(visit.client(), &filter.to_list()).await?;
    let now = Utc::now();
    html(&Page {
        frame: visit.frame(kind.section(), kind.plural()),
        kind,
        filter: filter.bar(kind.list_url()),
        rows: page.items.into_iter().map(|package| Row::new(package, now)).collect(),
        empty: empty(kind, &filter),
        pager: filter.pager(kind.list_url(), page.next_cursor),
    })
}

fn empty(kind: Kind, filter: &Named) -> Empty {
    match (kind, filter.is_empty()) {
        (Kind::App, true) => Empty {
            text: "No applications yet. Upload the one in a directory:",
            commands: &["lp app create -f DIRECTORY"],
        },
        (Kind::Venv, true) => Empty {
            text: "No venvs yet. A venv is an environment that applications share, packed once:",
            commands: &[
                "lp venv pack -r requirements.txt --create NAME",
                "lp venv create -f env.tar.gz -n NAME",
            ],
        },
        (Kind::App, false) => {
            Empty { text: "No application has such a name. All of them:", commands: &["lp app list"] }
        }
        (Kind::Venv, false) => {
            Empty { text: "No venv has such a name. All of them:", commands: &["lp venv list"] }
        }
    }
}

impl Row {
    fn new(package: Package, now: DateTime<Utc>) -> Self {
        let url = package.url();
        let Package { id, short, name, description, update_at, version, .. } = package;
        Self {
            url,
            id: IdChip::new(id, short),
            name: visible(&name),
            description: clip(&description, MAX_DESCRIPTION_CHARS),
            version: version.number,
            digest: version.digest.chars().take(8).collect(),
            size: bytes(version.size_bytes),
            updated: Moment::new(update_at, now),
            warnings: version.warnings.len(),
        }
    }
}
