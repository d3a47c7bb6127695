//! The pages, one file each: what it shows is loaded from the manager, formatted, and handed to a template.

pub(crate) mod about;
pub(crate) mod account;
pub(crate) mod downloads;
pub(crate) mod filters;
mod form;
pub(crate) mod login;
pub(crate) mod nodes;
pub(crate) mod overview;
pub(crate) mod packages;
pub(crate) mod palette;
mod problem;
mod run_form;
pub(crate) mod schedules;
pub(crate) mod services;
pub(crate) mod settings;
mod sheet;
mod sources;
pub(crate) mod task;
pub(crate) mod tasks;
mod visit;
pub(crate) mod workflows;
pub(crate) mod works;

pub(crate) use problem::{bounce, error};

use downloads::attachment;
use form::stale;
use login::Nothing;
use visit::Visit;

use actix_web::HttpResponse;
use askama::Template;

use crate::failure::Failure;
use crate::frame::Frame;
use crate::parts::Confirm;

/// Renders a page.
fn html(page: &impl Template) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text(page)?))
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Question {
    frame: Frame,
    question: Confirm,
}

/// The page that asks before something is done. Its form has the session's word, whoever has put the question.
fn confirm(frame: Frame, question: Confirm) -> Result<HttpResponse, Failure> {
    let question = Confirm { csrf: frame.csrf.clone(), ..question };
    html(&Question { frame, question })
}

/// Renders a part of a page.
pub(crate) fn text(part: &impl Template) -> Result<String, Failure> {
    part.render().map_err(|error| {
        tracing::error!(%error, "a template has failed");
        let status = actix_web::http::StatusCode::INTERNAL_SERVER_ERROR;
        Failure::new(status, "The viewer made a mistake", "This page cannot be shown.")
    })
}
