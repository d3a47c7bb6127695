//! The archives themselves, as they were uploaded. Always attachments.

use actix_web::{HttpResponse, web};
use futures_util::TryStreamExt as _;
use lp_protocol::client::Download;
use lp_protocol::views::VersionRef;

use super::{Kind, Package, diff};
use crate::failure::Failure;
use crate::pages::{Visit, attachment};

pub(crate) async fn active(visit: Visit, path: web::Path<(Kind, String)>) -> Result<HttpResponse, Failure> {
    let (kind, package) = path.into_inner();
    send(&visit, kind, &package, VersionRef::Active).await
}

pub(crate) async fn version(
    visit: Visit,
    path: web::Path<(Kind, String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, package, version) = path.into_inner();
    send(&visit, kind, &package, diff::parse(&version)?).await
}

async fn send(
    visit: &Visit,
    kind: Kind,
    package: &str,
    version: VersionRef,
) -> Result<HttpResponse, Failure> {
    let client = visit.client();
    let Package { id, name, .. } = kind.fetch(client, package).await?;
    let info = client.fetch_version(kind.of_client(), &id, version).await?.version;
    let number = VersionRef::Number(info.number);
    let download: Download = client.download_version(kind.of_client(), &id, number).await?;
    let name = format!("{name}-{}.{}", info.number, info.format);
    Ok(attachment("application/octet-stream", &name).streaming(download.bytes.map_err(std::io::Error::other)))
}
