//! Applications: the list.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ListPackages;
use lp_protocol::views::{AppView, DEFAULT_PAGE};
use serde::Deserialize;

use super::html;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Empty, Moment, bytes, clip, url_part, visible};
use crate::state::State;

/// Longest description in a row.
const MAX_DESCRIPTION_CHARS: usize = 160;

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "apps.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    empty: Empty,
    older: Option<String>,
}

struct Row {
    app_id: String,
    short: String,
    name: String,
    description: String,
    version: i64,
    digest: String,
    size: String,
    updated: Moment,
    warnings: usize,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let cursor = Some(query.into_inner().cursor).filter(|cursor| !cursor.is_empty());
    let list = ListPackages { name: None, cursor, limit: Some(DEFAULT_PAGE) };
    let page = signed.session.client.list_apps(&list).await?;
    let now = Utc::now();
    html(&Page {
        frame: Frame::new(&state, &request, Section::Apps, "Applications"),
        rows: page.items.into_iter().map(|app| Row::new(app, now)).collect(),
        empty: Empty {
            text: "No applications yet. Upload the one in a directory:",
            commands: &["lp app create -f DIRECTORY"],
        },
        older: page.next_cursor.map(|cursor| format!("/apps?cursor={}", url_part(&cursor))),
    })
}

impl Row {
    fn new(app: AppView, now: DateTime<Utc>) -> Self {
        Self {
            app_id: app.app_id.to_string(),
            short: app.app_id.short(),
            name: visible(&app.name),
            description: clip(&app.description, MAX_DESCRIPTION_CHARS),
            version: i64::from(app.version.number),
            digest: app.version.digest.chars().take(8).collect(),
            size: bytes(app.version.size_bytes),
            updated: Moment::new(app.update_at, now),
            warnings: app.version.warnings.len(),
        }
    }
}
