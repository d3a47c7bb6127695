//! Signing in and out.
//!
//! With an API token, typed into a form and checked with the manager, or with a one-time link. Afterwards the browser holds a random
//! word; the token itself is in no page and no cookie. A failed try says so in the same words whatever was wrong.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use lp_protocol::ErrorCode;
use lp_protocol::client::ManagerClient;
use serde::Deserialize;

use super::form::{Checked, stale};
use super::problem::bounce;
use crate::auth::{Holder, MAX_SESSION_AGE, random_secret, same};
use crate::failure::Failure;
use crate::frame::{Frame, Section, cookie, local_path};
use crate::state::State;

/// A form may lie open this long before it is sent.
const FORM_AGE: Duration = Duration::from_secs(3600);

/// Longest token looked at; ours have 46 characters.
const MAX_TOKEN_CHARS: usize = 512;

const ENDED: &str = "The token you were signed in with was revoked or has expired. Sign in with another.";

#[derive(Deserialize)]
pub(crate) struct Query {
    code: Option<String>,
    next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// What has happened before the form is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    None,
    /// The token of the session is not good any more.
    Ended,
    Failed {
        status: StatusCode,
        message: String,
    },
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: Frame,
    form_word: &'a str,
    next: &'a str,
    message: Option<&'a str>,
}

#[derive(Deserialize)]
pub(crate) struct Nothing {}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<Query>,
) -> HttpResponse {
    let next = local_path(query.next.as_deref().unwrap_or("/"));
    let Some(code) = &query.code else { return form(&state, &request, Attempt::None, next) };
    let (now, address) = (Instant::now(), address_of(&request));
    if let Some(refusal) = refusal(&state, address, now) {
        return form(&state, &request, refusal, next);
    }
    match &state.owner {
        Some(owner) if state.links.redeem(code, now) => match owner.fetch_whoami().await {
            Ok(who) => enter(&state, owner.clone(), who.into(), next),
            Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => {
                let message = "The token this viewer makes links for was revoked or has expired. Sign in with another, or start lp up again.".to_owned();
                form(&state, &request, Attempt::Failed { status: StatusCode::FORBIDDEN, message }, next)
            }
            // the pages say what is wrong with the manager
            Err(_) => enter(&state, owner.clone(), Holder::default(), next),
        },
        Some(_) | None => {
            state.limiter.count(address, now);
            let message = "This link has been used, or is older than ten minutes. Sign in with a token, or start lp up again for a new link.";
            let status = StatusCode::FORBIDDEN;
            form(&state, &request, Attempt::Failed { status, message: message.to_owned() }, next)
        }
    }
}

pub(crate) async fn sign_in(
    state: web::Data<State>,
    request: HttpRequest,
    fields: web::Form<Fields>,
) -> Result<HttpResponse, Failure> {
    let next = local_path(&fields.next);
    let word = cookie(request.headers(), &state.cookies.form).unwrap_or_default();
    if !same(word, &fields.csrf) {
        return Err(stale());
    }
    let (now, address) = (Instant::now(), address_of(&request));
    if let Some(refusal) = refusal(&state, address, now) {
        return Ok(form(&state, &request, refusal, next));
    }
    let attempt = match check(&state, fields.token.trim()).await {
        Ok(Some((client, holder))) => return Ok(enter(&state, client, holder, next)),
        Ok(None) => {
            state.limiter.count(address, now);
            let message = "The manager does not know this token.".to_owned();
            Attempt::Failed { status: StatusCode::FORBIDDEN, message }
        }
        Err(failure) => Attempt::Failed { status: failure.status, message: failure.line() },
    };
    Ok(form(&state, &request, attempt, next))
}

pub(crate) async fn sign_out(state: web::Data<State>, form: Checked<Nothing>) -> HttpResponse {
    let Nothing {} = form.fields;
    state.sessions.close(&form.signed.id);
    HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, state.cookies.set(&state.cookies.session, "", Duration::ZERO)))
        .insert_header((header::LOCATION, "/login"))
        .finish()
}

/// Asks the manager about a token; None where it is not a good one.
async fn check(state: &State, token: &str) -> Result<Option<(ManagerClient, Holder)>, Failure> {
    if token.is_empty() || token.len() > MAX_TOKEN_CHARS {
        return Ok(None);
    }
    let Ok(client) = state.anonymous.with_token(token) else { return Ok(None) };
    match client.fetch_whoami().await {
        Ok(who) => Ok(Some((client, who.into()))),
        Err(error) if error.code() == Some(ErrorCode::Unauthenticated) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn refusal(state: &State, address: IpAddr, now: Instant) -> Option<Attempt> {
    let wait = state.limiter.wait_of(address, now)?;
    let message = format!("Too many wrong tries. Try again in {} seconds.", wait.as_secs() + 1);
    Some(Attempt::Failed { status: StatusCode::TOO_MANY_REQUESTS, message })
}

fn address_of(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::from([0; 4]), |peer| peer.ip())
}

/// Opens a new session, whatever the browser came with, and goes on. Not by a redirect: the first request may have been led here by
/// another site, and the browser would keep the new cookie back until the next click.
fn enter(state: &State, client: ManagerClient, holder: Holder, next: &str) -> HttpResponse {
    let id = state.sessions.open(client, holder, Instant::now());
    let mut response = bounce(next);
    let value = state.cookies.set(&state.cookies.session, &id, MAX_SESSION_AGE);
    if let Ok(value) = header::HeaderValue::from_str(&value) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The login form.
pub(super) fn form(state: &State, request: &HttpRequest, attempt: Attempt, next: &str) -> HttpResponse {
    let known = cookie(request.headers(), &state.cookies.form);
    let is_ours = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let word = known.filter(is_ours).map_or_else(random_secret, str::to_owned);
    let (status, message) = match &attempt {
        Attempt::None if request.path() == "/login" => (StatusCode::OK, None),
        Attempt::None => (StatusCode::UNAUTHORIZED, None),
        Attempt::Ended => (StatusCode::UNAUTHORIZED, Some(ENDED)),
        Attempt::Failed { status, message } => (*status, Some(message.as_str())),
    };
    let frame = Frame::new(state, request, Section::Elsewhere, "Sign in");
    let body = Page { frame, form_word: &word, next: local_path(next), message }.render().unwrap_or_default();
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::SET_COOKIE, state.cookies.set(&state.cookies.form, &word, FORM_AGE)))
        .body(body)
}
