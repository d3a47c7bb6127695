//! Uploads: packages by their digest, streamed from a file or from anything.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method};
use tokio_util::io::ReaderStream;

use super::{Error, ManagerClient};
use crate::ErrorCode;
use crate::views::BlobView;

/// Read from the disk at a time, 256 KiB: fewer system calls than a page at a time, and nothing to notice in memory.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// Called with the number of bytes each time some more were handed to the connection.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// Bytes to be uploaded.
pub struct Upload {
    pub(super) body: Body,
    pub(super) size_bytes: Option<u64>,
    pub(super) failure: SourceFailure,
}

/// Why reading the bytes failed: the HTTP library would only say that the body did.
#[derive(Clone, Default)]
pub(super) struct SourceFailure(Arc<Mutex<Option<io::Error>>>);

impl SourceFailure {
    fn set(&self, error: io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(super) fn take(&self) -> Result<(), Error> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(Error::Source(error)),
            None => Ok(()),
        }
    }
}

impl Upload {
    /// Uploads an open file from where it stands, `size_bytes` of it.
    pub fn file(file: tokio::fs::File, size_bytes: u64, progress: Option<Progress>) -> Self {
        Self::stream(ReaderStream::with_capacity(file, CHUNK_BYTES), Some(size_bytes), progress)
    }

    /// Opens a file to be uploaded as it is.
    ///
    /// # Errors
    /// `Source` where it cannot be opened.
    pub async fn open(path: &Path, progress: Option<Progress>) -> Result<Self, Error> {
        let file = tokio::fs::File::open(path).await.map_err(Error::Source)?;
        let size_bytes = file.metadata().await.map_err(Error::Source)?.len();
        Ok(Self::file(file, size_bytes, progress))
    }

    /// Uploads what a stream gives; with a size the manager can refuse before the bytes are sent.
    pub fn stream<S>(stream: S, size_bytes: Option<u64>, progress: Option<Progress>) -> Self
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let failure = SourceFailure::default();
        let kept = failure.clone();
        let stream = stream.map(move |chunk| match chunk {
            Ok(chunk) => {
                if let Some(progress) = &progress {
                    progress(chunk.len() as u64);
                }
                Ok(chunk)
            }
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                kept.set(error);
                Err(copy)
            }
        });
        Self { body: Body::wrap_stream(stream), size_bytes, failure }
    }

    /// Uploads what is in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let size_bytes = Some(bytes.len() as u64);
        Self { body: Body::from(bytes), size_bytes, failure: SourceFailure::default() }
    }
}

impl ManagerClient {
    /// Asks whether the manager has these bytes already: `HEAD /blobs/{digest}`.
    ///
    /// # Errors
    /// Any but `NotFound`, which is the answer no.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, Error> {
        match self.empty(self.request(Method::HEAD, &["blobs", digest])?).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some(ErrorCode::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Stores bytes whose sha256 is known: `PUT /blobs/{digest}`. Nothing is stored where they turn out to have another one.
    pub async fn upload_blob(&self, digest: &str, upload: Upload) -> Result<BlobView, Error> {
        self.send_blob(Method::PUT, &["blobs", digest], upload).await
    }

    /// Stores bytes and learns their digest: `POST /blobs`.
    pub async fn upload_unnamed_blob(&self, upload: Upload) -> Result<BlobView, Error> {
        self.send_blob(Method::POST, &["blobs"], upload).await
    }

    async fn send_blob(&self, method: Method, path: &[&str], upload: Upload) -> Result<BlobView, Error> {
        let mut request = self.request(method, path)?;
        if let Some(size_bytes) = upload.size_bytes {
            request = request.header(CONTENT_LENGTH, size_bytes);
        }
        let answer = self.send(request.body(upload.body)).await;
        upload.failure.take()?;
        self.read_json(answer?).await
    }
}
