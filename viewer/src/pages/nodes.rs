//! Nodes: a card for each, those that are away first.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::{ManagerClient, PageQuery};
use lp_protocol::views::MAX_PAGE;

use super::{html, text};
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::NodeCards;
use crate::state::State;

#[derive(Template)]
#[template(path = "nodes.html")]
struct Page {
    frame: Frame,
    content: Nodes,
}

pub(crate) struct Nodes {
    cards: NodeCards,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
) -> Result<HttpResponse, Failure> {
    let content = Nodes::load(&signed.session.client, Utc::now()).await?;
    let frame = Frame::new(&state, &request, Section::Nodes, "Nodes").live("/live?view=nodes".to_owned());
    html(&Page { frame, content })
}

impl Nodes {
    pub(crate) async fn load(client: &ManagerClient, now: DateTime<Utc>) -> Result<Self, Failure> {
        let page = client.list_nodes(&PageQuery { limit: Some(MAX_PAGE), ..PageQuery::default() }).await?;
        Ok(Self { cards: NodeCards::new(&page.items, MAX_PAGE as usize, now) })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("nodes", text(&self.cards)?)])
    }
}
