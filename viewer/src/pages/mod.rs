//! The pages, one file each: what it shows is loaded from the manager, formatted, and handed to a template.

pub(crate) mod about;
pub(crate) mod account;
mod attempt;
pub(crate) mod deeds;
pub(crate) mod downloads;
mod form;
pub(crate) mod login;
pub(crate) mod nodes;
pub(crate) mod overview;
pub(crate) mod packages;
pub(crate) mod palette;
mod problem;
pub(crate) mod schedules;
pub(crate) mod services;
pub(crate) mod settings;
mod sheet;
mod sources;
pub(crate) mod task;
mod task_parts;
pub(crate) mod tasks;
pub(crate) mod workflows;
pub(crate) mod works;

pub(crate) use attempt::{Selected, Wanted};
pub(crate) use problem::{bounce, error};

use deeds::{Nothing, Page as ConfirmPage};
use downloads::attachment;
use form::stale;
use tasks::glob;

use actix_web::HttpResponse;
use askama::Template;

use crate::failure::Failure;

/// Renders a page.
fn html(page: &impl Template) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text(page)?))
}

/// Renders a part of a page.
pub(crate) fn text(part: &impl Template) -> Result<String, Failure> {
    part.render().map_err(|error| {
        tracing::error!(%error, "a template has failed");
        let status = actix_web::http::StatusCode::INTERNAL_SERVER_ERROR;
        Failure::new(status, "The viewer made a mistake", "This page cannot be shown.")
    })
}
