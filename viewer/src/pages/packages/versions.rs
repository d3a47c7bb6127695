//! The versions of an application or a venv, the newest first: who uploaded each and when, which one runs, and what can be done with it.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::PageQuery;
use lp_protocol::views::{DEFAULT_PAGE, VersionView};
use serde::Deserialize;

use super::Kind;
use super::one::{Tab, tabs};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::pages::{Visit, html};
use crate::parts::{Badge, Command, Look, Moment, Pager, Tabs, bytes, clip, shell_word, url_part, visible};

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "packages/versions.html")]
struct Page {
    frame: Frame,
    base: String,
    name: String,
    tabs: Tabs,
    rows: Vec<Row>,
    pager: Pager,
    command: Command,
}

struct Row {
    number: u32,
    /// The one before it on this page, to compare with.
    before: Option<u32>,
    active: Option<Badge>,
    description: String,
    by: String,
    created: Moment,
    size: String,
    digest: String,
    warnings: usize,
}

pub(crate) async fn show(
    visit: Visit,
    path: web::Path<(Kind, String)>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let client = visit.client();
    let package = kind.fetch(client, &wanted).await?;
    let cursor = Some(query.into_inner().cursor).filter(|cursor| !cursor.is_empty());
    let is_first = cursor.is_none();
    let query = PageQuery { cursor, limit: Some(DEFAULT_PAGE) };
    let page = client.list_versions(kind.of_client(), &package.id, &query).await?;
    let now = Utc::now();
    let base = package.url();
    let numbers: Vec<u32> = page.items.iter().map(|version| version.number).collect();
    let before = numbers.iter().skip(1).map(|number| Some(*number)).chain([None]);
    html(&Page {
        frame: package.frame_below(&visit, &format!("{}: versions", package.name)),
        name: visible(&package.name),
        tabs: tabs(base.clone(), Tab::Versions),
        rows: page
            .items
            .into_iter()
            .zip(before)
            .map(|(version, before)| Row::new(version, before, now))
            .collect(),
        pager: Pager {
            newest: (!is_first).then(|| format!("{base}/versions")),
            older: page.next_cursor.map(|cursor| format!("{base}/versions?cursor={}", url_part(&cursor))),
        },
        command: Command::new(format!("{} history list {}", kind.verb(), shell_word(&package.name))),
        base,
    })
}

impl Row {
    fn new(version: VersionView, before: Option<u32>, now: DateTime<Utc>) -> Self {
        Self {
            number: version.number,
            before,
            active: version.active.then_some(Badge { look: Look::Success, word: "active" }),
            description: clip(&version.description, 160),
            by: clip(&version.create_by, 40),
            created: Moment::new(version.create_at, now),
            size: bytes(version.size_bytes),
            digest: version.digest.chars().take(8).collect(),
            warnings: version.warnings.len(),
        }
    }
}
