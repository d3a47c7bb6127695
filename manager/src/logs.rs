//! Reading an attempt's log: one sequence of bytes, wherever they happen to be.
//!
//! A small log came with the finish report and is in a row; a larger one moves in segments from the node to the blob store; what has not moved
//! yet is with the node. A reader has a position and asks again and again who has the byte there: the row, a segment, or the node. That the
//! log moves while it is read therefore makes no seam, and a node that was away for a moment costs a follower a pause and no byte. Nothing is
//! gathered: what one source gives is passed on before more is asked for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lp_protocol::frames::StreamRequest;
use lp_protocol::{ApiError, AttemptKey, ErrorCode, Exit, NodeId, Stage, TaskId};

use crate::blobs::{self, Blobs, Chunks, Key};
use crate::core::record::{AttemptId, AttemptRecord};
use crate::link::{Incoming, Link, NoStream};
use crate::store::{self, Segment, Store};

/// How long a follower whose node is away waits for its return before it is told, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_secs(1);

/// How often, and after what wait, a node is asked again that has not got the assignment yet: that takes milliseconds, seconds on a
/// machine that is very busy.
const OVERTAKEN_TRIES: u32 = 100;
const OVERTAKEN_WAIT: Duration = Duration::from_millis(50);

/// Why a log cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the log cannot be looked up")]
    Store(#[from] store::Error),
    #[error("a part of the log cannot be read")]
    Blobs(#[from] blobs::Error),
    /// The rest is on a node that is away.
    #[error("the log is on node {node_id}, which cannot be reached: {source}")]
    Unreachable { node_id: NodeId, source: NoStream },
    /// The node says why it has no such log.
    #[error("{0}")]
    Refused(ApiError),
    #[error("attempt {0} is gone")]
    NoSuchAttempt(AttemptKey),
    #[error("segment `{0}` of the log is not in the blob store")]
    LostSegment(String),
}

/// Which part of which log.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub id: AttemptId,
    pub key: AttemptKey,
    pub offset: u64,
    /// Only the last so many bytes; wins over `offset`.
    pub tail_bytes: Option<u64>,
    /// Go on until the attempt has ended.
    pub follow: bool,
}

/// Where logs are looked for.
#[derive(Clone)]
pub struct Logs {
    pub store: Arc<Store>,
    pub blobs: Blobs,
    pub link: Link,
}

/// A log being read.
pub struct Reader {
    logs: Logs,
    wanted: Wanted,
    position: u64,
    source: Source,
}

enum Source {
    /// To be looked for.
    Unknown,
    Row(Bytes),
    Blob(Chunks),
    Node(Box<Incoming>),
    End,
}

/// What the rows say.
struct Shelf {
    record: AttemptRecord,
    whole: Option<Vec<u8>>,
    segments: Vec<Segment>,
}

impl Logs {
    /// Finds the first byte. When this returns the reader can be told that the log is there.
    ///
    /// # Errors
    /// `Unreachable` where not even that is to be had.
    pub async fn open(&self, wanted: Wanted) -> Result<Reader, Error> {
        let mut reader =
            Reader { logs: self.clone(), position: wanted.offset, wanted, source: Source::Unknown };
        reader.look(reader.wanted.tail_bytes).await?;
        Ok(reader)
    }

    async fn load(&self, wanted: &Wanted) -> Result<Shelf, Error> {
        let record = self.store.find_attempt(wanted.id).await?;
        let record = record.ok_or_else(|| Error::NoSuchAttempt(wanted.key.clone()))?;
        if record.stage.is_open() {
            return Ok(Shelf { record, whole: None, segments: Vec::new() });
        }
        let whole = self.store.load_log(wanted.id).await?;
        let segments = match whole {
            Some(_) => Vec::new(),
            None => self.store.load_segments(wanted.id).await?,
        };
        Ok(Shelf { record, whole, segments })
    }
}

impl Shelf {
    /// Length of the log, once it is known.
    fn length(&self) -> Option<u64> {
        let archived =
            self.segments.last().filter(|last| last.is_last).map(|last| last.offset + last.size_bytes);
        match (&self.whole, archived) {
            (Some(whole), _) => Some(whole.len() as u64),
            (None, Some(end)) => Some(end),
            (None, None) => match (self.record.stage, &self.record.exit) {
                // nobody knows how much there was
                (Stage::Finished, Some(Exit::Lost { .. })) => {
                    Some(self.segments.last().map_or(0, |last| last.offset + last.size_bytes))
                }
                (Stage::Finished, _) => Some(self.record.log_bytes),
                (Stage::Pending | Stage::Running | Stage::Stopping, _) => None,
            },
        }
    }
}

impl Reader {
    /// Where in the log the next byte stands.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns the next bytes; None at the end.
    ///
    /// # Errors
    /// The log goes on, but not now and not here.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let bytes = match &mut self.source {
                Source::Unknown => {
                    self.look_patiently().await?;
                    continue;
                }
                Source::End => return Ok(None),
                Source::Row(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.source = Source::End;
                    bytes
                }
                Source::Blob(chunks) => match chunks.next().await? {
                    Some(bytes) => bytes,
                    None => {
                        self.source = Source::Unknown;
                        continue;
                    }
                },
                Source::Node(incoming) => match incoming.next().await {
                    Ok(Some(bytes)) => bytes,
                    Ok(None) => {
                        self.source = Source::End;
                        continue;
                    }
                    // away, or the log has moved: look again from here
                    Err(_) => {
                        self.source = Source::Unknown;
                        continue;
                    }
                },
            };
            if !bytes.is_empty() {
                self.position += bytes.len() as u64;
                return Ok(Some(bytes));
            }
        }
    }

    /// Looks until somebody has the byte; a follower waits a while for a node that is away.
    async fn look_patiently(&mut self) -> Result<(), Error> {
        let began = tokio::time::Instant::now();
        loop {
            match self.look(None).await {
                Err(Error::Unreachable { .. }) if self.wanted.follow && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Looks for who has the byte. An attempt is committed before its assignment is on the way, so a question can be at the node first,
    /// which then knows of no such log: it is asked again.
    async fn look(&mut self, tail_bytes: Option<u64>) -> Result<(), Error> {
        for _ in 0..OVERTAKEN_TRIES {
            match self.look_once(tail_bytes).await {
                Err(Error::Refused(error))
                    if error.code == ErrorCode::Gone && self.is_unstarted().await? =>
                {
                    tokio::time::sleep(OVERTAKEN_WAIT).await;
                }
                outcome => return outcome,
            }
        }
        self.look_once(tail_bytes).await
    }

    async fn is_unstarted(&self) -> Result<bool, Error> {
        let record = self.logs.store.find_attempt(self.wanted.id).await?;
        Ok(record.is_some_and(|record| record.stage == Stage::Pending))
    }

    async fn look_once(&mut self, tail_bytes: Option<u64>) -> Result<(), Error> {
        let shelf = self.logs.load(&self.wanted).await?;
        let length = shelf.length();
        if let (Some(length), Some(tail)) = (length, tail_bytes) {
            self.position = length.saturating_sub(tail);
        }
        if length.is_some_and(|length| self.position >= length) {
            self.source = Source::End;
            return Ok(());
        }
        if let Some(whole) = shelf.whole {
            let from = usize::try_from(self.position).unwrap_or(usize::MAX).min(whole.len());
            self.source = Source::Row(Bytes::from(whole).slice(from..));
            return Ok(());
        }
        let holds = |segment: &&Segment| {
            (segment.offset..segment.offset + segment.size_bytes).contains(&self.position)
        };
        self.source = match shelf.segments.iter().find(holds) {
            Some(segment) => Source::Blob(self.logs.open_segment(segment, self.position).await?),
            None => {
                let incoming =
                    self.ask_node(shelf.record.node_id, tail_bytes.filter(|_| length.is_none())).await?;
                // the node knows best: an offset beyond the end, the beginning of a tail
                self.position = incoming.offset.unwrap_or(self.position);
                Source::Node(Box::new(incoming))
            }
        };
        Ok(())
    }

    async fn ask_node(&self, node_id: NodeId, tail_bytes: Option<u64>) -> Result<Incoming, Error> {
        let Wanted { id: _, key, offset: _, tail_bytes: _, follow } = &self.wanted;
        let what =
            StreamRequest::Log { attempt: key.clone(), offset: self.position, tail_bytes, follow: *follow };
        match self.logs.link.open_stream(node_id, what).await {
            Ok(incoming) => Ok(incoming),
            Err(NoStream::Refused(error)) if error.code != ErrorCode::Unavailable => {
                Err(Error::Refused(error))
            }
            Err(source) => Err(Error::Unreachable { node_id, source }),
        }
    }
}

impl Logs {
    async fn open_segment(&self, segment: &Segment, position: u64) -> Result<Chunks, Error> {
        let lost = || Error::LostSegment(segment.blob_key.clone());
        let key = Key::parse(&segment.blob_key).ok_or_else(lost)?;
        match self.blobs.open_blob(&key).await {
            Ok(blob) => Ok(blob.chunks(position - segment.offset..segment.size_bytes)),
            Err(blobs::Error::NotFound) => Err(lost()),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores a segment that a node sends and returns where the next one begins. One that was stored before is not stored again.
    ///
    /// # Errors
    /// `Store(WrongOffset)` where it leaves a gap.
    pub async fn append(
        &self,
        epoch: store::Epoch,
        id: AttemptId,
        task_id: TaskId,
        piece: Piece,
    ) -> Result<u64, Error> {
        let Piece { offset, bytes, is_last } = piece;
        let size_bytes = bytes.len() as u64;
        let stored = self.store.load_segments(id).await?;
        let next = stored.last().map_or(0, |last| last.offset + last.size_bytes);
        if offset < next || stored.last().is_some_and(|last| last.is_last) {
            let known =
                stored.iter().any(|segment| segment.offset == offset && segment.size_bytes == size_bytes);
            return if known { Ok(next) } else { Err(store::Error::WrongOffset { next }.into()) };
        }
        if offset > next {
            return Err(store::Error::WrongOffset { next }.into());
        }
        // the digest keeps two different uploads of one place apart until the rows have decided which one counts
        let digest = lp_package::Digest::of(&bytes);
        let key = Key::log_segment(task_id, id.action, id.number, offset, &digest);
        self.blobs.put(&key, bytes).await?;
        let segment = Segment { offset, size_bytes, blob_key: key.to_string(), is_last };
        Ok(self.store.append_segment(epoch, id, &segment).await?)
    }
}

/// A segment on its way in.
#[derive(Clone, Debug)]
pub struct Piece {
    pub offset: u64,
    pub bytes: Bytes,
    /// The log ends with it.
    pub is_last: bool,
}
