//! Packages on their way in: raw bytes, streamed to disk and hashed on the way.

use actix_web::body::SizedStream;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::stream::empty;
use lp_package::{Digest, Summed};
use lp_protocol::ErrorCode;
use lp_protocol::views::BlobView;

use super::download::BodyError;
use super::failure::Failure;
use super::input::{Body, IDLE};
use super::state::State;
use crate::blobs::Stored;

/// Whether a package is stored already. Where it is, it will be for a day at least, so that it can be named without an upload.
#[utoipa::path(
    head,
    path = "/api/v1/blobs/{digest}",
    tag = "packages",
    params(("digest" = String, Path, description = "sha256, 64 lower-case hexadecimal digits")),
    responses((status = 200, description = "It is stored."), (status = 404, description = "It is not."))
)]
pub(crate) async fn find(
    state: web::Data<State>,
    digest: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let digest = parse_digest(&digest)?;
    match state.blobs.touch_package(&digest).await? {
        Some(size_bytes) => {
            Ok(HttpResponse::Ok().body(SizedStream::new(size_bytes, empty::<Result<Bytes, BodyError>>())))
        }
        None => Err(Failure::not_found("package", digest)),
    }
}

/// Uploads a package whose digest is known; the bytes are checked against it.
#[utoipa::path(
    put,
    path = "/api/v1/blobs/{digest}",
    tag = "packages",
    params(("digest" = String, Path, description = "sha256, 64 lower-case hexadecimal digits")),
    request_body(content = String, content_type = "application/octet-stream", description = "The archive's bytes."),
    responses((status = 201, description = "Stored.", body = BlobView), (status = 200, description = "It was there before.", body = BlobView))
)]
pub(crate) async fn upload_named(
    state: web::Data<State>,
    digest: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Failure> {
    let digest = parse_digest(&digest)?;
    store(&state, body, Some(digest)).await
}

/// Uploads a package; its digest is computed.
#[utoipa::path(
    post,
    path = "/api/v1/blobs",
    tag = "packages",
    request_body(content = String, content_type = "application/octet-stream", description = "The archive's bytes."),
    responses((status = 201, description = "Stored.", body = BlobView), (status = 200, description = "It was there before.", body = BlobView))
)]
pub(crate) async fn upload(state: web::Data<State>, body: Body) -> Result<HttpResponse, Failure> {
    store(&state, body, None).await
}

pub(crate) async fn store(
    state: &State,
    mut body: Body,
    expected: Option<Digest>,
) -> Result<HttpResponse, Failure> {
    let mut upload = state.blobs.begin(state.max_upload_bytes).await?;
    while let Some(bytes) = body.next(IDLE).await? {
        state.metrics.upload_bytes.fetch_add(bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        upload.write(bytes).await?;
    }
    let Stored { summed, was_there } = upload.finish(expected).await?;
    state.catalogue.remember_sums(&summed);
    let view = view_of(summed);
    Ok(if was_there { HttpResponse::Ok().json(view) } else { HttpResponse::Created().json(view) })
}

pub(crate) fn view_of(Summed { digest, sha1, size }: Summed) -> BlobView {
    BlobView { digest: digest.to_string(), sha1, size_bytes: size }
}

pub(crate) fn parse_digest(text: &str) -> Result<Digest, Failure> {
    text.parse().map_err(|error: lp_package::digest::ParseDigestError| {
        Failure::new(ErrorCode::InvalidRequest, error.to_string())
    })
}
