//! What is no page of its own: the theme, our own files, and whether the viewer is up.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::form::Checked;
use crate::assets;
use crate::failure::Failure;
use crate::frame::{Theme, local_path};
use crate::state::State;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Deserialize)]
pub(crate) struct SetTheme {
    theme: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn set_theme(state: web::Data<State>, form: Checked<SetTheme>) -> HttpResponse {
    let SetTheme { theme, next } = form.fields;
    let value = state.cookies.set(&state.cookies.theme, Theme::parse(&theme).word(), YEAR);
    HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, value))
        .insert_header((header::LOCATION, local_path(&next)))
        .finish()
}

/// Says only that the viewer answers: whoever may not see pages learns nothing about the cluster.
pub(crate) async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

pub(crate) async fn asset(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let asset = assets::find(request.path()).ok_or_else(Failure::no_page)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes))
}
