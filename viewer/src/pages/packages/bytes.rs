//! The archives themselves, as they were uploaded. Always attachments.

use actix_web::{HttpResponse, web};
use futures_util::TryStreamExt as _;
use lp_protocol::client::Download;
use lp_protocol::views::VersionRef;

use super::{Kind, Package, diff};
use crate::failure::Failure;
use crate::frame::Signed;
use crate::pages::attachment;

pub(crate) async fn active(
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, package) = path.into_inner();
    send(&signed, &kind, &package, VersionRef::Active).await
}

pub(crate) async fn version(
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, package, version) = path.into_inner();
    send(&signed, &kind, &package, diff::parse(&version)?).await
}

async fn send(
    signed: &Signed,
    kind: &str,
    package: &str,
    version: VersionRef,
) -> Result<HttpResponse, Failure> {
    let (kind, client) = (Kind::parse(kind)?, &signed.session.client);
    let Package { id, name, .. } = kind.fetch(client, package).await?;
    let info = client.fetch_version(kind.of_client(), &id, version).await?.version;
    let number = VersionRef::Number(info.number);
    let download: Download = client.download_version(kind.of_client(), &id, number).await?;
    let name = format!("{name}-{}.{}", info.number, info.format);
    Ok(attachment("application/octet-stream", &name).streaming(download.bytes.map_err(std::io::Error::other)))
}
