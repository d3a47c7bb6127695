//! The list of applications or venvs, by name and page; both are in the address.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ListPackages;
use lp_protocol::views::DEFAULT_PAGE;
use serde::Deserialize;

use super::{Kind, Package};
use crate::failure::Failure;
use crate::frame::{Frame, Signed};
use crate::pages::{glob, html};
use crate::parts::{Empty, Field, FilterBar, IdChip, Moment, Pager, bytes, clip, url_part, visible};
use crate::state::State;

/// Longest description in a row.
const MAX_DESCRIPTION_CHARS: usize = 160;

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    name: String,
    #[serde(default)]
    cursor: String,
}

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
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    kind: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let (kind, Query { name, cursor }) = (Kind::parse(&kind)?, query.into_inner());
    let list = ListPackages {
        name: Some(glob(&name)).filter(|name| !name.is_empty()),
        cursor: Some(cursor.clone()).filter(|cursor| !cursor.is_empty()),
        limit: Some(DEFAULT_PAGE),
    };
    let page = kind.list(&signed.session.client, &list).await?;
    let now = Utc::now();
    let base = format!("/{}", kind.segment());
    let named = format!("{base}?name={}", url_part(&name));
    let action = match kind {
        Kind::App => "/apps",
        Kind::Venv => "/venvs",
    };
    let field = Field::line("name", "Name", name.clone()).placeholder("any part, or with * and ?");
    let mut filter = FilterBar::new(action, vec![field]);
    if !name.is_empty() {
        filter = filter.chip(format!("name: {}", clip(&name, 60)), base.clone());
    }
    html(&Page {
        frame: Frame::new(&state, &request, kind.section(), kind.plural()),
        kind,
        filter,
        rows: page.items.into_iter().map(|package| Row::new(kind, package, now)).collect(),
        empty: empty(kind, &name),
        pager: Pager {
            newest: (!cursor.is_empty()).then(|| named.clone()),
            older: page.next_cursor.map(|cursor| format!("{named}&cursor={}", url_part(&cursor))),
        },
    })
}

fn empty(kind: Kind, name: &str) -> Empty {
    match (kind, name.is_empty()) {
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
    fn new(kind: Kind, package: Package, now: DateTime<Utc>) -> Self {
        let Package { id, short, name, description, update_at, version, .. } = package;
        Self {
            url: format!("/{}/{id}", kind.segment()),
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
