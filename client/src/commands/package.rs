//! Packages on their way to the manager: a directory is packed, an archive taken as it is, and bytes the manager has are not sent.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lp_package::{ArchiveError, Format, Ignores, LinkPolicy, PackOptions, Summed, digest, pack};
use lp_protocol::client::{self, FileSource, ManagerClient, Watch};

use super::Session;
use crate::failure::Failure;
use crate::output::text;
use crate::progress::Bar;

/// A package that is ready to be sent.
pub(crate) struct Package {
    file: File,
    digest: String,
    pub(crate) size_bytes: u64,
    /// What a new application is called if nothing else is said.
    pub(crate) default_name: String,
}

/// Packs the directory, or sums the archive, at `path`. `links` says which links a directory may hold.
///
/// # Errors
/// `File`, `Pack`; `Invalid` where a file is no archive.
pub(crate) async fn prepare(session: &Session, path: &Path, links: LinkPolicy) -> Result<Package, Failure> {
    let is_directory = path.is_dir();
    let bar = Bar::bytes(&session.out, if is_directory { "packing" } else { "reading" }, None);
    let path = path.to_owned();
    let work = move || if is_directory { pack_directory(&path, links) } else { read_archive(&path) };
    let done = tokio::task::spawn_blocking(work).await;
    drop(bar);
    let (package, left_out) =
        done.map_err(|error| Failure::Part { what: error.to_string(), hint: None })??;
    for line in left_out {
        session.out.detail(&line);
    }
    Ok(package)
}

/// Makes sure the manager has the package and returns its digest.
pub(crate) async fn send(
    session: &Session,
    client: &ManagerClient,
    package: &Package,
) -> Result<String, Failure> {
    let size = text::size(package.size_bytes);
    if client.has_blob(&package.digest).await? {
        session.out.note(&format!("already stored, nothing sent ({size})"));
        return Ok(package.digest.clone());
    }
    let file = package
        .file
        .try_clone()
        .map_err(|source| file_error("read", Path::new(&package.default_name), source))?;
    let (size_bytes, digest) = (package.size_bytes, package.digest.clone());
    let bar = Bar::bytes(&session.out, &format!("uploading {}", package.default_name), Some(size_bytes));
    // once is enough: it may be interrupted many times while a manager starts
    let was_told = AtomicBool::new(false);
    let interrupted = |error: &client::Error| {
        if !was_told.swap(true, Ordering::Relaxed) {
            bar.aside(|| {
                session.out.warn(&format!("the upload was interrupted ({error}); going on where it stopped"));
            });
        }
    };
    let source = FileSource { file: Arc::new(file), size_bytes, digest };
    client.upload_file(&source, Watch { at: bar.place(), interrupted: &interrupted }).await?;
    drop(bar);
    session.out.note(&format!("uploaded {size}"));
    Ok(source.digest)
}

fn pack_directory(path: &Path, links: LinkPolicy) -> Result<(Package, Vec<String>), Failure> {
    let default_name = default_name(path)?;
    // without a name on disk: whatever ends this program, nothing stays behind
    let file = tempfile::tempfile().map_err(|source| file_error("write", &std::env::temp_dir(), source))?;
    let options = options(&default_name, links);
    let (mut file, packed) = pack(path, file, &options)?;
    file.seek(SeekFrom::Start(0)).map_err(|source| file_error("read", path, source))?;
    let left_out = packed.skipped.iter().map(|skipped| {
        format!("left out {}: {}", text::visible(&skipped.path.display().to_string()), skipped.why)
    });
    let left_out = left_out.collect();
    let digest = packed.summed.digest.to_string();
    Ok((Package { file, digest, size_bytes: packed.summed.size, default_name }, left_out))
}

fn options(name: &str, links: LinkPolicy) -> PackOptions {
    // only environments may link to what is not in them, and nobody writes those by hand
    let ignores = match links {
        LinkPolicy::InsideOnly => Ignores::All,
        LinkPolicy::AllowAbsoluteTargets => Ignores::OwnOnly,
    };
    PackOptions { root_name: Some(root_name(name)), links, ignores, ..PackOptions::default() }
}

/// Packs an environment into `file` and calls the package `name`.
///
/// # Errors
/// `File`, `Pack`.
pub(crate) fn pack_environment(dir: &Path, name: &str, file: File) -> Result<Package, Failure> {
    let options =
        PackOptions { root_name: Some("venv".to_owned()), ..options(name, LinkPolicy::AllowAbsoluteTargets) };
    let (mut file, packed) = pack(dir, file, &options)?;
    file.seek(SeekFrom::Start(0)).map_err(|source| file_error("read", dir, source))?;
    let Summed { digest, sha1: _, size } = packed.summed;
    Ok(Package { file, digest: digest.to_string(), size_bytes: size, default_name: name.to_owned() })
}

/// Said where nothing better is known.
const PACKAGES: &str = "a package is a directory, or a .tar.gz, .tgz, .tar, .tar.zst or .zip of one";

fn read_archive(path: &Path) -> Result<(Package, Vec<String>), Failure> {
    let (_, mut file) = Format::open_file(path).map_err(|error| match error {
        ArchiveError::Io { source, .. } => file_error("read", path, source),
        error => Failure::Invalid {
            what: format!("{}: cannot {error}", path.display()),
            hint: Some(error.hint().unwrap_or(PACKAGES).to_owned()),
        },
    })?;
    file.seek(SeekFrom::Start(0)).map_err(|source| file_error("read", path, source))?;
    let summed = digest::sum_file(path).map_err(|source| file_error("read", path, source))?;
    let package = Package {
        file,
        digest: summed.digest.to_string(),
        size_bytes: summed.size,
        default_name: default_name(path)?,
    };
    Ok((package, Vec::new()))
}

/// The name of the directory, or of the file without its ending.
fn default_name(path: &Path) -> Result<String, Failure> {
    let full: PathBuf = path.canonicalize().map_err(|source| file_error("read", path, source))?;
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if full.is_dir() {
        return Ok(name);
    }
    let endings = [".tar.gz", ".tgz", ".tar.zst", ".tar", ".zip"];
    let lower = name.to_ascii_lowercase();
    let ending = endings.into_iter().find(|ending| lower.ends_with(ending) && lower.len() > ending.len());
    Ok(name[..name.len() - ending.map_or(0, str::len)].to_owned())
}

/// The root's name has no meaning; one that a reader might refuse is replaced.
fn root_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_plain) { name.to_owned() } else { "package".to_owned() }
}

fn file_error(what: &'static str, path: &Path, source: std::io::Error) -> Failure {
    Failure::File { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_after_its_directory_or_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("v1.2.d")).unwrap();
        for file in ["a.tar.gz", "B.TGZ", "c.zip", "plain", ".zip"] {
            std::fs::write(home.path().join(file), "").unwrap();
        }

        for (path, name) in [
            ("v1.2.d", "v1.2.d"),
            ("a.tar.gz", "a"),
            ("B.TGZ", "B"),
            ("c.zip", "c"),
            ("plain", "plain"),
            (".zip", ".zip"),
        ] {
            assert_eq!(default_name(&home.path().join(path)).unwrap(), name);
        }
        assert_eq!(default_name(&home.path().join("missing")).unwrap_err().exit_code(), 1);
    }

    #[test]
    fn the_same_directory_is_the_same_package_wherever_it_lies() {
        let home = tempfile::tempdir().unwrap();
        for place in ["one", "two"] {
            let app = home.path().join(place).join("app");
            std::fs::create_dir_all(&app).unwrap();
            std::fs::write(app.join("configuration.json"), "{}").unwrap();
        }

        let (one, _) = pack_directory(&home.path().join("one/app"), LinkPolicy::InsideOnly).unwrap();
        let (two, _) = pack_directory(&home.path().join("two/app"), LinkPolicy::InsideOnly).unwrap();

        assert_eq!((one.digest, one.size_bytes), (two.digest, two.size_bytes));
    }

    #[test]
    fn a_file_that_is_no_archive_is_refused_before_anything_is_sent() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.zip");
        std::fs::write(&path, "hello").unwrap();

        let Err(failure) = read_archive(&path) else { panic!("accepted") };

        assert_eq!(failure.exit_code(), 5);
    }
}
