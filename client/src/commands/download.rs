//! Files from the manager: they appear whole or not at all, and only what was verified appears.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use lp_package::Hasher;
use lp_protocol::client::Download;
use tokio::io::AsyncWriteExt;

use super::Session;
use crate::failure::Failure;
use crate::output::text;
use crate::progress::Bar;

/// Where a download goes.
pub(crate) struct Place<'a> {
    /// A file, a directory to put it into, `-` for stdout; the present directory if not given.
    pub(crate) output: Option<&'a Path>,
    /// Used where the manager suggests no name.
    pub(crate) fallback_name: String,
    /// Whether an existing file may be replaced.
    pub(crate) replace: Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    Refuse,
    Allow,
}

/// A file that is removed unless it was kept.
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Saves the download and prints the path. With a digest, other bytes are refused.
pub(crate) async fn save(
    session: &Session,
    download: Download,
    place: Place<'_>,
    digest: Option<&str>,
) -> Result<(), Failure> {
    let name = download.file_name.clone().unwrap_or_else(|| place.fallback_name.clone());
    if place.output == Some(Path::new("-")) {
        return to_stdout(session, download).await;
    }
    let path = match place.output {
        None => PathBuf::from(&name),
        Some(output) if output.is_dir() => output.join(&name),
        Some(output) => output.to_owned(),
    };
    if place.replace == Replace::Refuse && path.symlink_metadata().is_ok() {
        let what = format!("{} is there already", path.display());
        return Err(Failure::Invalid {
            what,
            hint: Some("give another name, or --force to replace it".to_owned()),
        });
    }
    let size_bytes = to_file(session, download, &path, digest).await?;
    session.out.note(&format!("saved {}", text::size(size_bytes)));
    session.out.line(&text::visible(&path.display().to_string()))
}

async fn to_file(
    session: &Session,
    download: Download,
    path: &Path,
    digest: Option<&str>,
) -> Result<u64, Failure> {
    let failed = |source| Failure::File { what: "write", path: path.to_owned(), source };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = directory.join(format!(".{}.part", uuid::Uuid::new_v4().as_simple()));
    let mut guard = Partial(Some(partial.clone()));
    let mut file = tokio::fs::File::create_new(&partial).await.map_err(failed)?;
    let bar = Bar::bytes(&session.out, "downloading", download.size_bytes);
    let mut hasher = Hasher::new();
    let mut bytes = download.bytes;
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk?;
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(failed)?;
        bar.add(chunk.len() as u64);
    }
    drop(bar);
    let summed = hasher.finish();
    if digest.is_some_and(|digest| digest != summed.digest.to_string()) {
        return Err(Failure::Part {
            what: "what arrived is not what is stored: its digest is another".to_owned(),
            hint: Some("try again; if it stays so, the manager's log says more".to_owned()),
        });
    }
    file.sync_all().await.map_err(failed)?;
    tokio::fs::rename(&partial, path).await.map_err(failed)?;
    guard.0 = None;
    Ok(summed.size)
}

async fn to_stdout(session: &Session, download: Download) -> Result<(), Failure> {
    if session.out.is_terminal {
        return Err(Failure::usage("will not write an archive to a terminal", "pipe it, or name a file"));
    }
    let mut bytes = download.bytes;
    while let Some(chunk) = bytes.next().await {
        session.out.bytes(&chunk?)?;
    }
    Ok(())
}
