//! Downloading a package: streamed, resumed where an earlier try ended, and used only if the bytes have the digest that was asked for.

use std::io;
use std::path::Path;

use lp_package::Hasher;
use lp_protocol::frames::PackageRef;
use reqwest::{Method, Response, StatusCode, header};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Error;
use crate::http::Manager;

/// 64 KiB at a time when the begun part is read back.
const PIECE_BYTES: usize = 64 << 10;

/// How the names of begun downloads begin.
pub(super) const PREFIX: &str = ".download-";

/// The verified archive at `path`, which may hold the begin of it.
pub(super) async fn download(manager: &Manager, path: &Path, package: &PackageRef) -> Result<(), Error> {
    let broken = |source| Error::Broken { digest: package.digest.clone(), source };
    let (mut file, mut hasher, begun) = open(path, package.size_bytes).await.map_err(broken)?;
    if begun < package.size_bytes {
        let mut request = manager.request(Method::GET, &["node", "v1", "packages", &package.digest]);
        if begun > 0 {
            request = request.header(header::RANGE, format!("bytes={begun}-"));
        }
        let response = match manager.send(request).await {
            Ok(response) => response,
            Err(source) => return Err(refused(package, source)),
        };
        if begun > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            // the whole again
            file.set_len(0).await.map_err(broken)?;
            hasher = Hasher::new();
            receive(response, &mut file, &mut hasher, package, package.size_bytes).await?;
        } else {
            receive(response, &mut file, &mut hasher, package, package.size_bytes - begun).await?;
        }
    }
    file.flush().await.map_err(broken)?;
    let found = hasher.finish().digest;
    if found.to_string() == package.digest {
        return Ok(());
    }
    tokio::fs::remove_file(path).await.map_err(broken)?;
    let text = format!("the bytes that came have the digest {found}");
    Err(broken(io::Error::new(io::ErrorKind::InvalidData, text)))
}

/// The begun file, positioned at its end, with the hash of what it holds.
async fn open(path: &Path, size_bytes: u64) -> io::Result<(File, Hasher, u64)> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).await?;
    let mut hasher = Hasher::new();
    let mut begun = 0;
    if file.metadata().await?.len() > size_bytes {
        file.set_len(0).await?;
    }
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece).await? {
            0 => return Ok((file, hasher, begun)),
            length => {
                hasher.update(&piece[..length]);
                begun += length as u64;
            }
        }
    }
}

async fn receive(
    mut response: Response,
    file: &mut File,
    hasher: &mut Hasher,
    package: &PackageRef,
    expected: u64,
) -> Result<(), Error> {
    let broken = |source| Error::Broken { digest: package.digest.clone(), source };
    let mut received = 0;
    loop {
        let chunk = match tokio::time::timeout(crate::http::READ_TIMEOUT, response.chunk()).await {
            Err(_) => return Err(broken(io::ErrorKind::TimedOut.into())),
            Ok(Err(error)) => return Err(broken(io::Error::other(error))),
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(chunk))) => chunk,
        };
        received += chunk.len() as u64;
        if received > expected {
            return Err(broken(io::Error::new(
                io::ErrorKind::InvalidData,
                "more bytes came than the package has",
            )));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(broken)?;
    }
}

fn refused(package: &PackageRef, source: crate::http::Error) -> Error {
    match source {
        crate::http::Error::Refused { status: 404 | 410, .. } => {
            Error::Never(format!("its package {} is no longer with the manager", package.digest))
        }
        source => Error::Fetch { digest: package.digest.clone(), source },
    }
}
