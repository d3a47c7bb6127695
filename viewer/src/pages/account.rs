//! Who one is here, and the way out: of this browser, or of every browser that holds the same token.

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::form::Checked;
use super::{Nothing, confirm, html};
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Command, Confirm, Facts, IdChip, Value, plural, visible};
use crate::state::State;

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    facts: Facts,
    command: Command,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
) -> Result<HttpResponse, Failure> {
    let client = &signed.session.client;
    let who = client.fetch_whoami().await?;
    let browsers = state.sessions.count_of(client, Instant::now()) as u64;
    let short = who.token_id.chars().take(8).collect::<String>();
    let facts = Facts::default()
        .row("Token", Value::Text(visible(&who.name)))
        .row("Role", Value::Text(visible(&who.role)))
        .row("Its id", Value::Id(IdChip::new(&who.token_id, short)))
        .row("Manager", Value::Code(visible(client.base_url())))
        .row("Signed in with it", Value::Text(plural(browsers, "browser")));
    html(&Page {
        frame: Frame::new(&state, &request, Section::Elsewhere, "Account"),
        facts,
        command: Command::new("lp status"),
    })
}

/// The page that asks.
pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
) -> Result<HttpResponse, Failure> {
    let browsers = state.sessions.count_of(&signed.session.client, Instant::now()) as u64;
    let frame = Frame::new(&state, &request, Section::Elsewhere, "Sign out everywhere");
    let question = Confirm {
        deed: "Sign out everywhere".to_owned(),
        badge: None,
        name: "Account".to_owned(),
        url: "/account".to_owned(),
        of: String::new(),
        consequence: format!(
            "{} of this viewer with the same token, this one too, must sign in again. The token itself stays good.",
            plural(browsers, "browser")
        ),
        action: "/account/sign-out-everywhere".to_owned(),
        csrf: frame.csrf.clone(),
        fields: Vec::new(),
        is_danger: true,
        command: None,
    };
    confirm(frame, question)
}

pub(crate) async fn carry_out(state: web::Data<State>, form: Checked<Nothing>) -> HttpResponse {
    let Nothing {} = form.fields;
    state.sessions.close_all_of(&form.signed.session.client);
    HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, state.cookies.set(&state.cookies.session, "", Duration::ZERO)))
        .insert_header((header::LOCATION, "/login"))
        .finish()
}
