//! The tokens there are: what each may do, until when, and when it was last used.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::client::PageQuery;
use lp_protocol::views::{DEFAULT_PAGE, TokenView};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::html;
use crate::parts::{Badge, Command, IdChip, Look, Moment, Pager, url_part, visible};
use crate::state::State;

/// One that is about to expire is shown as such for as long as somebody needs to replace it.
const SOON: TimeDelta = TimeDelta::days(7);

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
    command: Command,
}

struct Row {
    id: IdChip,
    badge: Badge,
    name: String,
    role: &'static str,
    is_current: bool,
    used: Option<Moment>,
    expires: Option<Moment>,
    has_expired: bool,
    created: Moment,
    created_by: String,
    revoke_url: String,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let cursor = Some(query.into_inner().cursor).filter(|cursor| !cursor.is_empty());
    let query = PageQuery { cursor: cursor.clone(), limit: Some(DEFAULT_PAGE) };
    let page = signed.session.client.list_tokens(&query).await?;
    let now = Utc::now();
    html(&Page {
        frame: Frame::new(&state, &request, Section::Elsewhere, "Tokens").crumb("Account", "/account"),
        rows: page.items.into_iter().map(|token| Row::new(token, now)).collect(),
        pager: Pager {
            newest: cursor.map(|_| LIST.to_owned()),
            older: page.next_cursor.map(|cursor| format!("{LIST}?cursor={}", url_part(&cursor))),
        },
        command: Command::new("lp token list"),
    })
}

impl Row {
    fn new(token: TokenView, now: DateTime<Utc>) -> Self {
        let badge = badge(&token, now);
        let TokenView { token_id, name, role, create_at, expire_at, expired, used_at, created_by, current } =
            token;
        Self {
            id: IdChip::new(token_id, token_id.short()),
            badge,
            name: visible(&name),
            role: role.as_str(),
            is_current: current,
            used: used_at.map(|at| Moment::new(at, now)),
            expires: expire_at.map(|at| Moment::new(at, now)),
            has_expired: expired,
            created: Moment::new(create_at, now),
            created_by: created_by.map_or_else(|| "the manager".to_owned(), |name| visible(&name)),
            revoke_url: format!("{LIST}/{token_id}/revoke"),
        }
    }
}

/// How it stands with a token.
pub(super) fn badge(token: &TokenView, now: DateTime<Utc>) -> Badge {
    match token.expire_at {
        _ if token.expired => Badge { look: Look::Ended, word: "expired" },
        Some(at) if at - now < SOON => Badge { look: Look::Stopping, word: "expires soon" },
        Some(_) | None => Badge { look: Look::Success, word: "good" },
    }
}
