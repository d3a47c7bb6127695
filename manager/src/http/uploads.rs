//! Packages that come in pieces, so that a broken connection costs a piece and not the whole.

use actix_web::{HttpResponse, web};
use lp_protocol::views::{AppendUpload, BlobView, CreateUpload, UploadView};
use lp_protocol::{ErrorCode, UploadId};

use super::blobs::{parse_digest, view_of};
use super::failure::Failure;
use super::input::{Body, IDLE, Json, Query};
use super::state::State;
use crate::blobs::{Append, Standing};

/// Opens an upload of a package of a known size. One that is too large, or that the disk has no room for, is refused here.
#[utoipa::path(
    post,
    path = "/api/v1/uploads",
    tag = "packages",
    request_body = CreateUpload,
    responses((status = 201, body = UploadView))
)]
pub(crate) async fn open(state: web::Data<State>, body: Json<CreateUpload>) -> Result<HttpResponse, Failure> {
    let CreateUpload { size_bytes, digest } = body.0;
    let digest = digest.as_deref().map(parse_digest).transpose()?;
    let upload_id = state.blobs.open_upload(size_bytes, digest, state.max_upload_bytes).await?;
    Ok(HttpResponse::Created().json(UploadView { upload_id, size_bytes, offset: 0, package: None }))
}

/// Tells how far an upload is. Everything before its `offset` is there.
#[utoipa::path(
    get,
    path = "/api/v1/uploads/{upload}",
    tag = "packages",
    params(("upload" = UploadId, Path, description = "As it was told when it was opened")),
    responses((status = 200, body = UploadView))
)]
pub(crate) async fn show(
    state: web::Data<State>,
    upload: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = parse_id(&upload)?;
    Ok(HttpResponse::Ok().json(match state.blobs.look_at_upload(id).await? {
        Standing::Open { size_bytes, offset } => open_view(id, size_bytes, offset),
        Standing::Finished(summed) => UploadView {
            upload_id: id,
            size_bytes: summed.size,
            offset: summed.size,
            package: Some(view_of(summed)),
        },
    }))
}

/// Appends a piece. It is answered when the piece is on the disk. One that does not begin where the upload is, is refused with `next`, where to go on; what
/// has come of a piece that breaks off is kept. A piece that comes while another one does takes its place.
#[utoipa::path(
    patch,
    path = "/api/v1/uploads/{upload}",
    tag = "packages",
    params(("upload" = UploadId, Path, description = "As it was told when it was opened"), AppendUpload),
    request_body(content = String, content_type = "application/octet-stream", description = "Bytes of the package, as many as one likes."),
    responses((status = 200, body = UploadView))
)]
pub(crate) async fn append(
    state: web::Data<State>,
    upload: web::Path<String>,
    query: Query<AppendUpload>,
    mut body: Body,
) -> Result<HttpResponse, Failure> {
    let id = parse_id(&upload)?;
    let mut append = state.blobs.append(id, query.0.offset).await?;
    let size_bytes = append.size_bytes();
    let passed = pass_on(&state, &mut append, &mut body).await;
    // also where it broke off: what has come is kept
    let offset = append.finish().await?;
    passed?;
    Ok(HttpResponse::Ok().json(open_view(id, size_bytes, offset)))
}

async fn pass_on(state: &State, append: &mut Append, body: &mut Body) -> Result<(), Failure> {
    loop {
        let bytes = tokio::select! {
            biased;
            () = append.interrupted() => {
                return Err(Failure::new(ErrorCode::Conflict, "another piece of this upload has come")
                    .hint("Ask how far it is with GET /api/v1/uploads/{upload}, and go on from there."));
            }
            bytes = body.next(IDLE) => bytes?,
        };
        let Some(bytes) = bytes else { return Ok(()) };
        state.metrics.upload_bytes.fetch_add(bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        if !append.write(bytes).await? {
            // its end says why
            return Ok(());
        }
    }
}

/// Makes a package of what has come, after its digest was checked against the one that was announced. Asked again it answers the same for a day.
#[utoipa::path(
    post,
    path = "/api/v1/uploads/{upload}/finish",
    tag = "packages",
    params(("upload" = UploadId, Path, description = "As it was told when it was opened")),
    responses((status = 200, description = "Stored.", body = BlobView))
)]
pub(crate) async fn finish(
    state: web::Data<State>,
    upload: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = state.blobs.finish_upload(parse_id(&upload)?).await?;
    state.catalogue.remember_sums(&stored.summed);
    Ok(HttpResponse::Ok().json(view_of(stored.summed)))
}

/// Gives an upload up.
#[utoipa::path(
    delete,
    path = "/api/v1/uploads/{upload}",
    tag = "packages",
    params(("upload" = UploadId, Path, description = "As it was told when it was opened")),
    responses((status = 204, description = "Gone."))
)]
pub(crate) async fn abandon(
    state: web::Data<State>,
    upload: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    state.blobs.abandon_upload(parse_id(&upload)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn open_view(upload_id: UploadId, size_bytes: u64, offset: u64) -> UploadView {
    UploadView { upload_id, size_bytes, offset, package: None }
}

/// What is no id is no upload either.
fn parse_id(text: &str) -> Result<UploadId, Failure> {
    let shown = || text.chars().filter(|letter| !letter.is_control()).take(60).collect::<String>();
    text.parse().map_err(|_| Failure::not_found("upload", shown()))
}
