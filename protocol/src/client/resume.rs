//! Sending a file whatever happens on the way: in one request where it is small, in pieces where it is not.
//!
//! After a broken connection, or an answer that says the manager cannot go on now, it waits, asks how far the upload is and goes on from there.
//! It gives up when nothing has moved for a minute. A manager that knows nothing of the upload any more, because another one leads now, gets it from
//! the beginning. Nothing can be stored wrongly by this: the manager checks the digest of the whole.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::Method;

use super::blobs::{CHUNK_BYTES, Upload};
use super::{Backoff, Error, ManagerClient, Progress};
use crate::ErrorCode;
use crate::views::{AppendUpload, CreateUpload};

/// Up to here one request: sent again in a second or two, and an upload in pieces costs two requests more and a sync for each.
const ONE_REQUEST_BYTES: u64 = 8 << 20;

/// Pieces begin with this and then follow the connection: what a broken one may cost against the price of a request and a sync.
const FIRST_PIECE_BYTES: u64 = 8 << 20;
const SMALLEST_PIECE_BYTES: u64 = 256 << 10;
const LARGEST_PIECE_BYTES: u64 = 64 << 20;

/// A piece that takes less is followed by a larger one, one that takes longer than eight times this by a smaller one.
const BRISK: Duration = Duration::from_secs(1);

/// Longest wait for one piece. What has come of it by then is kept.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// An upload that is forgotten again and again is no use: something removes it.
const MAX_BEGINNINGS: u32 = 5;

/// A file that is to be uploaded.
#[derive(Clone, Debug)]
pub struct FileSource {
    pub file: Arc<File>,
    pub size_bytes: u64,
    /// Its sha256.
    pub digest: String,
}

/// Who wants to know how it goes.
pub struct Watch<'a> {
    /// Called with how many bytes the manager has or will have in a moment. May go back.
    pub at: Progress,
    /// Called when it is interrupted, with the reason.
    pub interrupted: &'a (dyn Fn(&Error) + Send + Sync),
}

/// What comes next.
#[derive(Debug)]
enum Step {
    Open,
    Ask { upload: String },
    Send { upload: String, offset: u64 },
    Finish { upload: String },
    Done,
}

impl ManagerClient {
    /// Uploads a file whose digest is known.
    ///
    /// # Errors
    /// The last one where the manager stays away for a minute; any that no waiting would change.
    pub async fn upload_file(&self, source: &FileSource, watch: Watch<'_>) -> Result<(), Error> {
        if source.size_bytes <= ONE_REQUEST_BYTES {
            let (at, sent) = (watch.at.clone(), AtomicU64::new(0));
            let progress: Progress =
                Arc::new(move |bytes| at(sent.fetch_add(bytes, Ordering::Relaxed) + bytes));
            let body = read_range(source.file.clone(), 0..source.size_bytes);
            let upload = Upload::stream(body, Some(source.size_bytes), Some(progress));
            return self.upload_blob(&source.digest, upload).await.map(drop);
        }
        let sending = Sending {
            client: self,
            source,
            watch,
            backoff: Backoff::new(),
            piece_bytes: FIRST_PIECE_BYTES,
            reached: 0,
            beginnings: 0,
        };
        sending.run().await
    }
}

struct Sending<'a> {
    client: &'a ManagerClient,
    source: &'a FileSource,
    watch: Watch<'a>,
    backoff: Backoff,
    piece_bytes: u64,
    /// The furthest the upload has been: only what is beyond is progress.
    reached: u64,
    beginnings: u32,
}

impl Sending<'_> {
    async fn run(mut self) -> Result<(), Error> {
        let mut step = Step::Open;
        loop {
            step = match self.take(&step).await {
                Ok(Step::Done) => return Ok(()),
                Ok(next) => next,
                Err(error) => self.after(error, step).await?,
            };
        }
    }

    async fn take(&mut self, step: &Step) -> Result<Step, Error> {
        let size = self.source.size_bytes;
        match step {
            Step::Open => self.open().await,
            Step::Ask { upload } => {
                let view = self.client.fetch_upload(upload).await?;
                Ok(match view.package {
                    Some(_) => Step::Done,
                    None => self.go_on(upload, view.offset),
                })
            }
            Step::Send { upload, offset } if *offset >= size => Ok(Step::Finish { upload: upload.clone() }),
            Step::Send { upload, offset } => {
                let offset = self.send(upload, *offset).await?;
                Ok(self.go_on(upload, offset))
            }
            Step::Finish { upload } => self.client.finish_upload(upload).await.map(|_| Step::Done),
            Step::Done => Ok(Step::Done),
        }
    }

    async fn open(&mut self) -> Result<Step, Error> {
        // the end of an upload that is not known any more may have been reached all the same
        if self.beginnings > 0 && self.client.has_blob(&self.source.digest).await? {
            return Ok(Step::Done);
        }
        let body =
            CreateUpload { size_bytes: self.source.size_bytes, digest: Some(self.source.digest.clone()) };
        let view = self.client.open_upload(&body).await?;
        self.beginnings += 1;
        self.reached = 0;
        Ok(self.go_on(&view.upload_id.to_string(), view.offset))
    }

    fn go_on(&mut self, upload: &str, offset: u64) -> Step {
        if offset > self.reached {
            self.reached = offset;
            self.backoff.reset();
        }
        (self.watch.at)(offset);
        Step::Send { upload: upload.to_owned(), offset }
    }

    /// Sends the next piece and returns where the one after it begins.
    async fn send(&mut self, upload: &str, offset: u64) -> Result<u64, Error> {
        let end = self.source.size_bytes.min(offset + self.piece_bytes);
        let (at, sent) = (self.watch.at.clone(), AtomicU64::new(offset));
        let progress: Progress = Arc::new(move |bytes| at(sent.fetch_add(bytes, Ordering::Relaxed) + bytes));
        let body = read_range(self.source.file.clone(), offset..end);
        let piece = Upload::stream(body, Some(end - offset), Some(progress));
        let request = self.client.request(Method::PATCH, &["uploads", upload])?;
        let request = request.query(&AppendUpload { offset }).timeout(PIECE_TIMEOUT);
        let begin = Instant::now();
        let sent = self.client.send_piece(request, piece).await;
        self.piece_bytes = next_piece(self.piece_bytes, begin.elapsed(), sent.is_ok());
        sent.map(|view| view.offset)
    }

    /// Decides what to do about a failure, and waits where that helps.
    async fn after(&mut self, error: Error, step: Step) -> Result<Step, Error> {
        let upload = match step {
            Step::Open if self.beginnings == 0 => return Err(error),
            Step::Open | Step::Done => None,
            Step::Ask { upload } | Step::Send { upload, .. } | Step::Finish { upload } => Some(upload),
        };
        let is_forgotten = error.code() == Some(ErrorCode::NotFound);
        let is_worth_it = if is_forgotten { self.beginnings < MAX_BEGINNINGS } else { helps_to_wait(&error) };
        let wait = if is_worth_it { self.backoff.next_wait() } else { None };
        let Some(wait) = wait else {
            self.give_up(upload, &error).await;
            return Err(error);
        };
        (self.watch.interrupted)(&error);
        tokio::time::sleep(wait).await;
        Ok(match upload {
            Some(upload) if !is_forgotten => Step::Ask { upload },
            Some(_) | None => Step::Open,
        })
    }

    /// Takes back what was sent, where the manager is there to be told: by itself it would lie there for some hours.
    async fn give_up(&self, upload: Option<String>, error: &Error) {
        let is_there = matches!(error, Error::Api { .. } | Error::Source(_));
        if let Some(upload) = upload.filter(|_| is_there) {
            let _best_effort = self.client.abandon_upload(&upload).await;
        }
    }
}

/// A wrong offset too: it says that somebody, such as this client a moment ago, was faster.
fn helps_to_wait(error: &Error) -> bool {
    let is_ours = match error {
        Error::Api { status, .. } | Error::Protocol { status, .. } => *status >= 500,
        Error::Unreachable { .. }
        | Error::Timeout { .. }
        | Error::Source(_)
        | Error::Address(_)
        | Error::Token
        | Error::Setup(_) => false,
    };
    is_ours || error.is_transient() || error.code() == Some(ErrorCode::Conflict)
}

fn next_piece(bytes: u64, took: Duration, went_well: bool) -> u64 {
    let next = if went_well && took < BRISK {
        bytes * 2
    } else if went_well && took < BRISK * 8 {
        bytes
    } else {
        bytes / 2
    };
    next.clamp(SMALLEST_PIECE_BYTES, LARGEST_PIECE_BYTES)
}

/// Reads by place: an earlier request that is not quite gone may still be reading the same file.
fn read_range(file: Arc<File>, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((file, range), |(file, range)| async move {
        if range.is_empty() {
            return None;
        }
        let (kept, start) = (file.clone(), range.start);
        let wanted = (range.end - range.start).min(CHUNK_BYTES as u64) as usize;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; wanted];
            kept.read_exact_at(&mut bytes, start).map(|()| Bytes::from(bytes))
        });
        let read = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        // after an error there is nothing more to read
        let next = if read.is_ok() { start + wanted as u64 } else { range.end };
        Some((read, (file, next..range.end)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_the_connection() {
        let second = Duration::from_secs(1);
        assert_eq!(next_piece(8 << 20, second / 10, true), 16 << 20);
        assert_eq!(next_piece(8 << 20, second * 3, true), 8 << 20);
        assert_eq!(next_piece(8 << 20, second * 9, true), 4 << 20);
        assert_eq!(next_piece(8 << 20, second / 10, false), 4 << 20);
        assert_eq!(next_piece(LARGEST_PIECE_BYTES, second / 10, true), LARGEST_PIECE_BYTES);
        assert_eq!(next_piece(SMALLEST_PIECE_BYTES, second * 60, false), SMALLEST_PIECE_BYTES);
    }
}
