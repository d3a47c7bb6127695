//! Putting an object: a stream of chunks into a temporary file while it is hashed, then a rename.
//!
//! Chunks are gathered to about 1 MiB and handed to a blocking thread, which hashes and writes them while the next ones come in. A slow sender
//! thus holds no thread, a fast one is bounded by the slower of disk and hash, and neither holds more than 2 MiB.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lp_package::{Digest, Hasher, Summed};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Blobs, Error, Key, orphans};

/// 1 MiB per trip to a blocking thread: the trip costs some microseconds, hashing this some milliseconds.
const GATHER_BYTES: usize = 1 << 20;

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub summed: Summed,
    pub was_there: bool,
}

/// An object on its way in. Dropped before it is finished it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    limit: u64,
    taken: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Box<Sink>),
    Writing(JoinHandle<Result<Box<Sink>, Error>>),
    /// Only while a step is under way, or after one has failed.
    Gone,
}

/// The temporary file with the sums of what was written to it.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) file: File,
    pub(super) hasher: Hasher,
    pub(super) path: PathBuf,
    pub(super) leftover: Leftover,
}

/// What becomes of the file of an object that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    Removed,
    /// It goes on later.
    Kept,
}

impl Drop for Sink {
    fn drop(&mut self) {
        match self.leftover {
            Leftover::Removed => {
                // gone already where it was renamed
                let _swept_at_the_next_start_otherwise = fs::remove_file(&self.path);
            }
            Leftover::Kept => {}
        }
    }
}

impl Blobs {
    /// Begins an object of at most `limit` bytes.
    pub async fn begin(&self, limit: u64) -> Result<Upload, Error> {
        let path = self.temporary().join(Uuid::new_v4().simple().to_string());
        let sink = blocking(move || {
            let mut options = OpenOptions::new();
            let file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(Error::io("make a file"))?;
            Ok(Box::new(Sink { file, hasher: Hasher::new(), path, leftover: Leftover::Removed }))
        })
        .await?;
        Ok(Upload::over(self, sink, limit))
    }

    /// Stores a small object that is in memory.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), Error> {
        let mut upload = self.begin(bytes.len() as u64).await?;
        upload.write(bytes).await?;
        upload.finish_as(key).await.map(drop)
    }
}

impl Upload {
    /// An object that goes on where a file ends.
    pub(super) fn over(blobs: &Blobs, sink: Box<Sink>, limit: u64) -> Self {
        let (taken, state) = (sink.size(), State::Idle(sink));
        Self { blobs: blobs.clone(), limit, taken, gathered: Vec::new(), gathered_bytes: 0, state }
    }

    /// Stops here for now: all that was taken is on the disk, and more may be written later.
    pub(super) async fn pause(mut self) -> Result<Box<Sink>, Error> {
        let sink = self.drain().await?;
        blocking(move || {
            sink.file.sync_data().map_err(Error::io("sync a file"))?;
            Ok(sink)
        })
        .await
    }

    /// Takes some more bytes; waits while the disk is behind.
    ///
    /// # Errors
    /// `TooLarge` as soon as the limit is passed; `Full` or `Io` where the bytes cannot be written.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.taken += bytes.len() as u64;
        if self.taken > self.limit {
            // the thread that still writes has let go of the file when the caller hears of it
            drop(self.settled().await);
            return Err(Error::TooLarge { limit: self.limit });
        }
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_bytes >= GATHER_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Ends a package: it is stored under its digest, durably. The digest must be `expected` where that is given.
    pub async fn finish(mut self, expected: Option<Digest>) -> Result<Stored, Error> {
        let mut sink = self.drain().await?;
        let summed = std::mem::take(&mut sink.hasher).finish();
        if let Some(expected) = expected.filter(|expected| *expected != summed.digest) {
            return Err(Error::DigestMismatch {
                expected: expected.to_string(),
                found: summed.digest.to_string(),
            });
        }
        let target = self.blobs.path_of(&Key::package(&summed.digest));
        let ages = self.blobs.ages.clone();
        let was_there = blocking(move || {
            if !target.exists() {
                // the long part of making it durable, before the lock is taken
                sink.file.sync_data().map_err(Error::io("sync a file"))?;
            }
            let _held = ages.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            sink.settle(&target)
        })
        .await?;
        Ok(Stored { summed, was_there })
    }

    /// Ends an object that is named by its place, replacing one of the same name.
    pub async fn finish_as(mut self, key: &Key) -> Result<Summed, Error> {
        let mut sink = self.drain().await?;
        let summed = std::mem::take(&mut sink.hasher).finish();
        let target = self.blobs.path_of(key);
        blocking(move || sink.replace(&target)).await?;
        Ok(summed)
    }

    async fn drain(&mut self) -> Result<Box<Sink>, Error> {
        self.flush().await?;
        self.settled().await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let mut sink = self.settled().await?;
        let chunks = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.state = State::Writing(tokio::task::spawn_blocking(move || {
            for chunk in chunks {
                sink.hasher.update(&chunk);
                sink.file.write_all(&chunk).map_err(Error::io("write to its disk"))?;
            }
            Ok(sink)
        }));
        Ok(())
    }

    async fn settled(&mut self) -> Result<Box<Sink>, Error> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Idle(sink) => Ok(sink),
            State::Writing(writing) => joined(writing.await),
            State::Gone => Err(Error::Io {
                doing: "go on after an error",
                source: std::io::ErrorKind::BrokenPipe.into(),
            }),
        }
    }
}

impl Sink {
    pub(super) fn size(&self) -> u64 {
        self.hasher.size()
    }

    pub(super) fn summed(&self) -> Summed {
        self.hasher.clone().finish()
    }

    /// Makes the file durable under its digest, unless one is there, which then has the same bytes. Returns whether one was.
    fn settle(self: Box<Self>, target: &Path) -> Result<bool, Error> {
        match orphans::renew(target) {
            Ok(_) => Ok(true),
            Err(Error::NotFound) => self.replace(target).map(|()| false),
            Err(error) => Err(error),
        }
    }

    fn replace(self: Box<Self>, target: &Path) -> Result<(), Error> {
        let directory = target.parent().unwrap_or(target);
        self.file.sync_data().map_err(Error::io("sync a file"))?;
        fs::create_dir_all(directory).map_err(Error::io("make a directory"))?;
        fs::rename(&self.path, target).map_err(Error::io("rename a file"))?;
        // the name must last as long as the row that will refer to it
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(Error::io("sync a directory"))
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(work).await)
}

pub(super) fn joined<T>(outcome: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    outcome.unwrap_or_else(|error| {
        Err(Error::Io { doing: "finish its work", source: std::io::Error::other(error) })
    })
}
