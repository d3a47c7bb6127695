//! The blob store: packages by their sha256, log segments by their place, in a directory of this machine.
//!
//! It promises: an object appears whole and durable or not at all (temporary file, fsync, rename, fsync of the directory), so a crash or
//! a full disk leaves at most a temporary file, which the next start sweeps; an object never changes once it is there; memory does not grow with
//! the size of objects. Keys are ours, never text from users. Everything goes through [`Blobs`], so that an object store
//! can stand in its place later: put a stream, read a range, delete, list by age.

mod key;
mod orphans;
mod read;
mod upload;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use key::Key;
pub use orphans::Scan;
pub use read::{Blob, Chunks};
pub use upload::Stored;

/// Why a blob cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes that came are not the ones that were announced.
    #[error("the bytes have the digest {found}, not {expected}")]
    DigestMismatch { expected: String, found: String },
    #[error("there are more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("there is no such blob")]
    NotFound,
    /// The disk is full; nothing was stored.
    #[error("the disk is full")]
    Full(#[source] io::Error),
    #[error("the blob store cannot {doing}")]
    Io {
        doing: &'static str,
        #[source]
        source: io::Error,
    },
}

impl Error {
    fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full(source),
            _ => Error::Io { doing, source },
        }
    }
}

/// Handle to the store; clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: Arc<Path>,
    /// Held while the age of a package is renewed or acted upon.
    ages: Arc<Mutex<()>>,
}

impl Blobs {
    /// Opens the store in a directory, which is made if it is not there, and removes what an earlier process has left half done.
    ///
    /// # Errors
    /// `Io` where the directory cannot be made or written.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let blobs = Self { root: root.into(), ages: Arc::default() };
        fs::create_dir_all(root.parent().unwrap_or(root)).map_err(Error::io("make its directory"))?;
        for directory in [root.to_owned(), blobs.temporary(), blobs.packages(), blobs.logs()] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&directory)
                .map_err(Error::io("make its directory"))?;
        }
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))
            .map_err(Error::io("protect its directory"))?;
        blobs.sweep_temporary()?;
        Ok(blobs)
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn packages(&self) -> PathBuf {
        self.root.join("packages/sha256")
    }

    fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Where an object lies. For programs that need a file of their own to seek in; it is not to be changed.
    pub fn path_of(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Nobody else writes here (the data directory is locked), so everything in it is a leftover.
    fn sweep_temporary(&self) -> Result<(), Error> {
        let read = Error::io("read its temporary directory");
        for entry in fs::read_dir(self.temporary()).map_err(read)? {
            let entry = entry.map_err(Error::io("read its temporary directory"))?;
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "cannot remove a leftover upload");
            }
        }
        Ok(())
    }

    /// Removes an object; one that is not there is no error.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        match tokio::fs::remove_file(self.path_of(key)).await.map_err(Error::io("delete a blob")) {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }
}
