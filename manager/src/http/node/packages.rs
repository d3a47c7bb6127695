//! Packages for nodes: only those that a live attempt of the node needs.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::ErrorCode;

use super::super::failure::Failure;
use super::super::state::State;
use super::super::{blobs, download};
use super::Caller;

/// Sends a package, whole or from where a broken download stopped.
#[utoipa::path(
    get,
    path = "/node/v1/packages/{digest}",
    tag = "node plane",
    params(("digest" = String, Path, description = "sha256, 64 lower-case hexadecimal digits")),
    responses(
        (status = 200, description = "The archive.", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "The part asked for with `Range`.", body = String, content_type = "application/octet-stream")
    )
)]
pub(crate) async fn package(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    digest: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let digest = blobs::parse_digest(&digest)?;
    if !state.engine.uses_package(caller.0, digest.to_string()).await? {
        return Err(Failure::new(
            ErrorCode::Forbidden,
            format!("no attempt on this node needs the package {digest}"),
        ));
    }
    download::package(&state, &request, &digest, &digest.to_string(), "application/octet-stream").await
}
