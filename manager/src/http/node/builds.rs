//! A node that builds an environment sends the pack, then tells that it is done; or that it is not.

use actix_web::{HttpResponse, web};
use lp_protocol::ErrorCode;
use lp_protocol::env::{BuildOutcome, BuildReport, EnvAnswer};
use lp_protocol::views::BlobView;

use super::super::blobs::{parse_digest, store};
use super::super::failure::Failure;
use super::super::input::{Body, Json};
use super::super::state::State;
use super::Caller;

/// Uploads the pack of an environment; only the node that has the lease may.
#[utoipa::path(
    put,
    path = "/node/v1/builds/{key}/{number}/pack/{digest}",
    tag = "node plane",
    params(
        ("key" = String, Path, description = "Of the build"),
        ("number" = u32, Path, description = "Of the lease"),
        ("digest" = String, Path, description = "sha256, 64 lower-case hexadecimal digits")
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "The archive's bytes."),
    responses((status = 201, description = "Stored.", body = BlobView), (status = 200, description = "It was there before.", body = BlobView))
)]
pub(crate) async fn build_pack(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<(String, u32, String)>,
    body: Body,
) -> Result<HttpResponse, Failure> {
    let (key, number, digest) = path.into_inner();
    let digest = parse_digest(&digest)?;
    if !state.engine.is_building(caller.0, key, number).await? {
        return Err(Failure::new(ErrorCode::Conflict, "this node has no lease of this build"));
    }
    store(&state, body, Some(digest)).await
}

/// Tells the outcome of a build. What is ready is handed to everybody who waits for it.
#[utoipa::path(
    post,
    path = "/node/v1/builds/{key}",
    tag = "node plane",
    params(("key" = String, Path, description = "Of the build")),
    request_body = BuildReport,
    responses((status = 200, body = EnvAnswer))
)]
pub(crate) async fn build_ended(
    state: web::Data<State>,
    caller: Caller,
    key: web::Path<String>,
    body: Json<BuildReport>,
) -> Result<HttpResponse, Failure> {
    let report = body.0;
    if let BuildOutcome::Done(package) = &report.outcome {
        let digest = parse_digest(&package.digest)?;
        // also keeps it from being swept between this and the row that refers to it
        match state.blobs.touch_package(&digest).await? {
            Some(size_bytes) if size_bytes == package.size_bytes => {}
            Some(_) => return Err(Failure::invalid("the pack that is stored has another size")),
            None => return Err(Failure::not_found("package", digest).hint("Upload the pack first.")),
        }
    }
    let answer = state.engine.end_build(caller.0, key.into_inner(), report).await?;
    Ok(HttpResponse::Ok().json(answer))
}
