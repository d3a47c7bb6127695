//! Pages in place of the one that was asked for: an error, the login form, or a step aside.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::login;
use crate::failure::Failure;
use crate::frame::{Frame, Section, here};
use crate::parts::Prose;
use crate::state::State;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    failure: &'a Failure,
    message: Prose,
    hint: Option<Prose>,
}

#[derive(Template)]
#[template(path = "bounce.html")]
struct Bounce<'a> {
    next: &'a str,
    icon: &'a str,
}

/// The page of a refusal. Where one has to sign in first it is the login form itself, which then goes on to the page that was asked for.
pub(crate) fn error(state: &State, request: &HttpRequest, failure: &Failure) -> HttpResponse {
    // asked by a script, which has no use for a page
    if matches!(request.path(), "/live" | "/palette.json" | "/uploads")
        || request.path().starts_with("/uploads/")
    {
        return HttpResponse::build(failure.status)
            .content_type("text/plain; charset=utf-8")
            .body(failure.line());
    }
    if failure.is_signed_out() {
        let next = if request.method() == Method::GET { here(request) } else { "/".to_owned() };
        let attempt = if failure.has_lost_token() { login::Attempt::Ended } else { login::Attempt::None };
        return login::form(state, request, attempt, &next);
    }
    let frame = Frame::new(state, request, Section::Elsewhere, failure.title);
    let message = Prose::new(&failure.message, 2000);
    let hint = failure.hint.as_ref().map(|hint| Prose::new(hint, 2000));
    let body = ErrorPage { frame, failure, message, hint }.render().unwrap_or_else(|_| failure.line());
    HttpResponse::build(failure.status).content_type("text/html; charset=utf-8").body(body)
}

/// A page that does nothing but go on to `next`, as our own page: the browser then sends our cookies.
pub(crate) fn bounce(next: &str) -> HttpResponse {
    let body = Bounce { next: crate::frame::local_path(next), icon: &crate::assets::ICON.url }
        .render()
        .unwrap_or_default();
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}
