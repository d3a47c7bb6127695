//! One piece on its way into an upload.
//!
//! The writing is a task of its own that ends when no more bytes are handed to it: whatever becomes of the connection, what has come is
//! written, synced, and goes on from there. The next piece waits for that end, since it needs the same file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};

use bytes::Bytes;
use lp_package::Hasher;
use lp_protocol::UploadId;
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::upload::{Leftover, Sink, Upload, blocking, joined};
use super::super::{Blobs, Error};

/// Pieces of a body between connection and disk.
const PIECES: usize = 8;

/// Read at once while an upload is summed anew.
const RESUM_BYTES: usize = 256 << 10;

/// The file of an upload, held by whoever writes to it; None where nobody has since the start.
pub(super) type Turn = OwnedMutexGuard<Option<Box<Sink>>>;

/// A piece that is being written.
#[derive(Debug)]
pub struct Append {
    pieces: mpsc::Sender<Bytes>,
    writing: JoinHandle<Result<u64, Error>>,
    interrupted: CancellationToken,
    next: u64,
    size_bytes: u64,
}

/// Where a piece goes.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: UploadId,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
}

impl Append {
    /// Returns when the piece may be written to.
    pub(super) async fn begin(
        blobs: &Blobs,
        place: Place,
        turn: Turn,
        interrupted: CancellationToken,
    ) -> Result<Self, Error> {
        let (pieces, incoming) = mpsc::channel(PIECES);
        let (ready, told) = oneshot::channel();
        let (next, size_bytes) = (place.offset, place.size_bytes);
        let writing = tokio::spawn(write(blobs.clone(), place, turn, ready, incoming));
        match told.await {
            Ok(()) => Ok(Self { pieces, writing, interrupted, next, size_bytes }),
            // it has ended, and says why
            Err(_) => match joined(writing.await) {
                Err(error) => Err(error),
                Ok(next) => Err(Error::WrongOffset { next }),
            },
        }
    }

    /// Of the whole upload.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Takes some more bytes; waits while the disk is behind. False where writing has failed, which [`Append::finish`] explains.
    ///
    /// # Errors
    /// `Beyond` where there are more than were announced: none of these is taken.
    pub async fn write(&mut self, bytes: Bytes) -> Result<bool, Error> {
        if bytes.len() as u64 > self.size_bytes.saturating_sub(self.next) {
            return Err(Error::Beyond { size_bytes: self.size_bytes });
        }
        self.next += bytes.len() as u64;
        Ok(self.pieces.send(bytes).await.is_ok())
    }

    /// Completes when another piece has come for the same upload.
    pub async fn interrupted(&self) {
        self.interrupted.cancelled().await;
    }

    /// Ends the piece and returns where the next one begins: all before that is on the disk.
    pub async fn finish(self) -> Result<u64, Error> {
        let Self { pieces, writing, interrupted: _, next: _, size_bytes: _ } = self;
        drop(pieces);
        joined(writing.await)
    }
}

async fn write(
    blobs: Blobs,
    Place { id, offset, size_bytes }: Place,
    mut turn: Turn,
    ready: oneshot::Sender<()>,
    mut pieces: mpsc::Receiver<Bytes>,
) -> Result<u64, Error> {
    let sink = resume(&blobs, id, turn.take()).await?;
    let next = sink.size();
    if next != offset {
        *turn = Some(sink);
        return Err(Error::WrongOffset { next });
    }
    // a caller that has gone sends nothing
    let _gone = ready.send(());
    let mut upload = Upload::over(&blobs, sink, size_bytes);
    while let Some(bytes) = pieces.recv().await {
        upload.write(bytes).await?;
    }
    let sink = upload.pause().await?;
    let next = sink.size();
    *turn = Some(sink);
    Ok(next)
}

/// Takes the file up where it ends. What was kept is used where it is still the same: another manager may have written here meanwhile.
pub(super) async fn resume(blobs: &Blobs, id: UploadId, kept: Option<Box<Sink>>) -> Result<Box<Sink>, Error> {
    let path = blobs.uploads.disk().part(id);
    let resumed = blocking(move || {
        let length = std::fs::metadata(&path).map_err(Error::io("look at an upload"))?.len();
        if let Some(kept) = kept.filter(|kept| kept.size() == length) {
            return Ok(kept);
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).open(&path).map_err(Error::io("open an upload"))?;
        let hasher = sum(&mut file).map_err(Error::io("read an upload"))?;
        // what a crash has left counts from now on, so it must be as durable as what is acknowledged
        file.sync_data().map_err(Error::io("sync a file"))?;
        Ok(Box::new(Sink { file, hasher, path, leftover: Leftover::Kept }))
    });
    match resumed.await {
        Err(Error::NotFound) => Err(Error::NoUpload { id }),
        other => other,
    }
}

/// Reads to the end, where the next bytes are then written.
fn sum(file: &mut File) -> io::Result<Hasher> {
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; RESUM_BYTES]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
