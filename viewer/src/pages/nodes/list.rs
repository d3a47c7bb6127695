//! Nodes: a card for each, those that are away first, with what fills their slots.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::{ManagerClient, PageQuery};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::{Visit, html, text};
use crate::parts::{Command, NodeCards, Pager, url_part};

/// Cards of a page: what a person looks through.
const CARDS: u32 = 60;

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "nodes/list.html")]
struct Page {
    frame: Frame,
    content: Nodes,
    pager: Pager,
    command: Command,
}

pub(crate) struct Nodes {
    cards: NodeCards,
    older: Option<String>,
}

pub(crate) async fn show(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Failure> {
    let cursor = query.into_inner().cursor;
    let content = Nodes::load(visit.client(), &cursor, Utc::now()).await?;
    let mut frame = visit.frame(Section::Nodes, "Nodes");
    if cursor.is_empty() {
        frame = frame.live("/live?view=nodes".to_owned());
    }
    let pager = Pager { newest: (!cursor.is_empty()).then(|| LIST.to_owned()), older: content.older.clone() };
    html(&Page { frame, content, pager, command: Command::new("lp node list") })
}

impl Nodes {
    pub(crate) async fn load(
        client: &ManagerClient,
        cursor: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let cursor = (!cursor.is_empty()).then(|| cursor.to_owned());
        let page = client.list_busy_nodes(&PageQuery { cursor, limit: Some(CARDS) }).await?;
        Ok(Self {
            cards: NodeCards::new(&page.items, CARDS as usize, now).with_deeds(),
            older: page.next_cursor.map(|cursor| format!("{LIST}?cursor={}", url_part(&cursor))),
        })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("nodes", text(&self.cards)?)])
    }
}
