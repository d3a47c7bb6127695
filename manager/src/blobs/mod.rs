//! The blob store: packages by their sha256, log segments by their place, in a directory of this machine.
//!
//! It promises: an object appears whole and durable or not at all (temporary file, fsync, rename, fsync of the directory), so a crash or
//! a full disk leaves at most a temporary file, which the next start sweeps, or an upload that can go on (`staged`); an object never changes once it is there; memory does not grow with
//! the size of objects. Keys are ours, never text from users. Everything goes through [`Blobs`], so that an object store
//! can stand in its place later: put a stream, read a range, delete, list by age.

mod key;
mod orphans;
mod read;
mod staged;
mod upload;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lp_protocol::UploadId;

pub use key::Key;
pub use orphans::Scan;
pub use read::{Blob, Chunks};
pub use staged::{Append, Standing};
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
    #[error("there is no upload `{id}`")]
    NoUpload { id: UploadId },
    /// A piece does not begin where the upload is.
    #[error("the upload goes on at byte {next}")]
    WrongOffset { next: u64 },
    #[error("the piece goes beyond the {size_bytes} bytes that were announced")]
    Beyond { size_bytes: u64 },
    #[error("{next} of {size_bytes} bytes have come")]
    Incomplete { next: u64, size_bytes: u64 },
    #[error("{count} uploads with {announced} bytes together are open, and another one is too many")]
    TooManyUploads { count: usize, announced: u64 },
    #[error("its disk has room for {free} more bytes, and the package has {wanted}")]
    NoRoom { wanted: u64, free: u64 },
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
    uploads: Arc<staged::Table>,
    /// Held while the age of a package is renewed or acted upon.
    ages: Arc<Mutex<()>>,
}

impl Blobs {
    /// Opens the store in a directory, which is made if it is not there, and removes what an earlier process has left half done.
    ///
    /// # Errors
    /// `Io` where the directory cannot be made or written.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let uploads = Arc::new(staged::Table::new(staged::Disk::new(root.join("uploads"))));
        let blobs = Self { root: root.into(), uploads, ages: Arc::default() };
        fs::create_dir_all(root.parent().unwrap_or(root)).map_err(Error::io("make its directory"))?;
        for directory in
            [root.to_owned(), blobs.temporary(), root.join("uploads"), blobs.packages(), blobs.logs()]
        {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use lp_package::Digest;

    use super::*;

    fn fixture() -> (tempfile::TempDir, Blobs) {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&directory.path().join("blobs")).unwrap();
        (directory, blobs)
    }

    async fn store(blobs: &Blobs, bytes: &'static [u8]) -> Stored {
        let mut upload = blobs.begin(1 << 20).await.unwrap();
        upload.write(Bytes::from_static(bytes)).await.unwrap();
        upload.finish(None).await.unwrap()
    }

    async fn read(blobs: &Blobs, key: &Key, range: std::ops::Range<u64>) -> Vec<u8> {
        let mut chunks = blobs.open_blob(key).await.unwrap().chunks(range);
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        bytes
    }

    #[tokio::test]
    async fn what_was_stored_is_read_whole_or_in_part() {
        let (_directory, blobs) = fixture();

        let first = store(&blobs, b"0123456789").await;
        let second = store(&blobs, b"0123456789").await;

        assert_eq!((first.was_there, second.was_there), (false, true));
        let key = Key::package(&first.summed.digest);
        assert_eq!(read(&blobs, &key, 0..10).await, b"0123456789");
        assert_eq!(read(&blobs, &key, 3..99).await, b"3456789");
        assert_eq!(read(&blobs, &key, 20..30).await, b"");
    }

    #[tokio::test]
    async fn an_upload_that_is_dropped_or_refused_leaves_nothing() {
        let (directory, blobs) = fixture();
        let leftovers = || fs::read_dir(directory.path().join("blobs/tmp")).unwrap().count();

        let mut dropped = blobs.begin(10).await.unwrap();
        dropped.write(Bytes::from_static(b"123")).await.unwrap();
        drop(dropped);
        let mut large = blobs.begin(2).await.unwrap();
        let refused = large.write(Bytes::from_static(b"123")).await;
        drop(large);
        let mut other = blobs.begin(10).await.unwrap();
        other.write(Bytes::from_static(b"123")).await.unwrap();
        let mismatch = other.finish(Some(Digest::of(b"124"))).await;

        assert!(matches!(refused, Err(Error::TooLarge { limit: 2 })));
        assert!(matches!(mismatch, Err(Error::DigestMismatch { .. })));
        assert_eq!(leftovers(), 0);
    }

    #[tokio::test]
    async fn a_start_removes_what_an_earlier_process_left_half_done() {
        let (directory, blobs) = fixture();
        let kept = store(&blobs, b"kept").await;
        fs::write(directory.path().join("blobs/tmp/leftover"), b"half").unwrap();

        let again = Blobs::open(&directory.path().join("blobs")).unwrap();

        assert!(!directory.path().join("blobs/tmp/leftover").exists());
        assert_eq!(read(&again, &Key::package(&kept.summed.digest), 0..4).await, b"kept");
    }

    #[tokio::test]
    async fn only_old_packages_are_orphans_and_being_asked_for_makes_one_young() {
        let (_directory, blobs) = fixture();
        let digests =
            [store(&blobs, b"old").await.summed.digest, store(&blobs, b"asked for").await.summed.digest];
        let day = Duration::from_secs(24 * 3600);
        for digest in &digests {
            let file = fs::File::open(blobs.path_of(&Key::package(digest))).unwrap();
            file.set_modified(std::time::SystemTime::now() - 2 * day).unwrap();
        }
        let young = store(&blobs, b"young").await.summed.digest;

        let (mut scan, mut aged) = (Scan::default(), Vec::new());
        while let Some(found) = blobs.aged_packages(&mut scan, day).await.unwrap() {
            aged.extend(found);
        }
        aged.sort();
        let mut expected = digests.to_vec();
        expected.sort();
        assert_eq!(aged, expected);
        assert_eq!(blobs.touch_package(&digests[1]).await.unwrap(), Some(9));

        assert!(blobs.delete_aged(&digests[0], day).await.unwrap());
        assert!(!blobs.delete_aged(&digests[1], day).await.unwrap());
        assert!(!blobs.delete_aged(&young, day).await.unwrap());
        assert_eq!(blobs.touch_package(&digests[0]).await.unwrap(), None);
    }
}
