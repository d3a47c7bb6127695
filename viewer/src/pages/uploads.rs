//! Packages in pieces, for the script of the upload field: it opens an upload, appends to it, asks how far it is after an interruption, and finishes
//! it. The form that is sent then names the upload in place of the file.
//!
//! Each request carries the session's hidden word in a header, which a page of another site can neither know nor send.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{AppendUpload, CreateUpload};

use super::form::stale;
use super::passing::pass_on;
use crate::auth::same;
use crate::failure::Failure;
use crate::frame::Signed;

/// Where the script sends the hidden word.
const WORD: &str = "x-csrf";

/// What is told of a broken request to nobody who hears it.
const GONE: &str = "The piece has broken off. What has come of it is kept.";

/// A request of the script, with the hidden word of the session.
pub(crate) struct Asked(Signed);

impl Asked {
    fn client(&self) -> &ManagerClient {
        &self.0.session.client
    }
}

impl FromRequest for Asked {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let word = request.headers().get(WORD).and_then(|word| word.to_str().ok()).unwrap_or_default();
        ready(match request.extensions().get::<Signed>() {
            None => Err(Failure::new(StatusCode::UNAUTHORIZED, "Sign in", "Sign in to upload.")),
            Some(signed) if same(&signed.session.csrf, word) => Ok(Self(signed.clone())),
            Some(_) => Err(stale()),
        })
    }
}

pub(crate) async fn open(asked: Asked, body: web::Json<CreateUpload>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Created().json(asked.client().open_upload(&body).await?))
}

pub(crate) async fn show(asked: Asked, upload: web::Path<String>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(asked.client().fetch_upload(&upload).await?))
}

pub(crate) async fn append(
    asked: Asked,
    request: HttpRequest,
    upload: web::Path<String>,
    query: web::Query<AppendUpload>,
    body: web::Payload,
) -> Result<HttpResponse, Failure> {
    let (client, offset) = (asked.client(), query.offset);
    let size_bytes = content_length(request.headers());
    let sent = pass_on(body, size_bytes, |piece| client.append_upload(&upload, offset, piece)).await;
    let sent = sent.map_err(|error| {
        tracing::debug!(%error, "a piece of an upload has broken off");
        Failure::new(StatusCode::BAD_REQUEST, "Not accepted", GONE)
    })?;
    Ok(HttpResponse::Ok().json(sent?))
}

pub(crate) async fn finish(asked: Asked, upload: web::Path<String>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(asked.client().finish_upload(&upload).await?))
}

pub(crate) async fn abandon(asked: Asked, upload: web::Path<String>) -> Result<HttpResponse, Failure> {
    asked.client().abandon_upload(&upload).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
