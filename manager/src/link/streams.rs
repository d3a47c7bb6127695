//! Streams: bytes a node sends because somebody asked for them.
//!
//! The manager asks with a frame; the node answers with an HTTP request of its own whose body goes through a short channel to the
//! reader. The channel is the whole buffer: a slow reader slows the node down and costs no memory. Either side may leave: a reader that is gone makes
//! the node stop, a node that is gone ends the stream with [`Cut`] and never with a silent end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use lp_protocol::frames::{ManagerFrame, StreamRequest};
use lp_protocol::{ApiError, NodeId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Link;
use crate::engine::ConnectionId;

/// How long a node has to answer: it only has to open a file and a connection.
const ANSWER: Duration = Duration::from_secs(10);

/// Chunks between node and reader; one is what the socket gave, at most 64 KiB or so.
const CHUNKS: usize = 4;

/// A reader that takes nothing for this long is gone for all we know; its node is not kept waiting any longer.
const READER: Duration = Duration::from_secs(300);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum NoStream {
    #[error("the node is not connected")]
    NotConnected,
    #[error("the node did not answer within {} seconds", ANSWER.as_secs())]
    NoAnswer,
    /// The node says why.
    #[error("{0}")]
    Refused(ApiError),
}

/// The stream broke before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node broke off")]
pub struct Cut;

/// Nobody waits for the stream a node offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody waits for this stream")]
pub struct Unwanted;

#[derive(Default)]
pub(super) struct Streams {
    last: AtomicU64,
    known: Mutex<HashMap<u64, Stream>>,
}

struct Stream {
    node_id: NodeId,
    /// The one the node was asked on; the stream ends with it.
    connection: ConnectionId,
    state: State,
}

enum State {
    /// The node was asked.
    Asked(oneshot::Sender<Result<Incoming, ApiError>>),
    /// The node sends.
    Running(CancellationToken),
}

/// What goes from node to reader. The end is said: a closed channel alone would not tell it from a broken connection.
enum Piece {
    Bytes(Bytes),
    End,
}

/// The reader's end. Dropping it tells the node to stop.
pub struct Incoming {
    chunks: mpsc::Receiver<Piece>,
    /// As the node said it in its head: where in the file the first byte stands.
    pub offset: Option<u64>,
    /// As the node said it in its head.
    pub size_bytes: Option<u64>,
    ended: bool,
    closes: Option<Closes>,
}

/// Who to tell when the reader leaves.
struct Closes {
    link: Link,
    node_id: NodeId,
    stream_id: u64,
}

impl Drop for Closes {
    fn drop(&mut self) {
        let was_known = self.link.streams.lock().remove(&self.stream_id).is_some();
        // otherwise the node has ended it
        if was_known {
            self.link.send(self.node_id, ManagerFrame::CloseStream { stream_id: self.stream_id });
        }
    }
}

/// The node's end.
pub struct StreamSink {
    chunks: mpsc::Sender<Piece>,
    cut: CancellationToken,
    streams: Arc<Streams>,
    stream_id: u64,
}

impl Link {
    /// Asks a node for bytes and waits until it begins to send.
    pub async fn open_stream(&self, node_id: NodeId, what: StreamRequest) -> Result<Incoming, NoStream> {
        let (connection, outbound) = self.outbound(node_id).ok_or(NoStream::NotConnected)?;
        let stream_id = self.streams.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, answered) = oneshot::channel();
        let stream = Stream { node_id, connection, state: State::Asked(answer) };
        self.streams.lock().insert(stream_id, stream);
        // from here on every way out takes the stream from the registry and tells the node
        let closes = Closes { link: self.clone(), node_id, stream_id };
        let frames = vec![ManagerFrame::OpenStream { stream_id, what }];
        if outbound.try_send(frames).is_err() {
            return Err(NoStream::NotConnected);
        }
        // a strong sender would keep the connection alive
        drop(outbound);
        match tokio::time::timeout(ANSWER, answered).await {
            Ok(Ok(Ok(mut incoming))) => {
                incoming.closes = Some(closes);
                Ok(incoming)
            }
            Ok(Ok(Err(error))) => Err(NoStream::Refused(error)),
            Ok(Err(_)) => Err(NoStream::NotConnected),
            Err(_) => Err(NoStream::NoAnswer),
        }
    }

    /// Takes a stream that a node begins to send.
    ///
    /// # Errors
    /// `Unwanted` where it was not asked of this node, was begun already, or its reader is gone.
    pub fn accept_stream(
        &self,
        node_id: NodeId,
        stream_id: u64,
        offset: Option<u64>,
        size_bytes: Option<u64>,
    ) -> Result<StreamSink, Unwanted> {
        let cut = CancellationToken::new();
        let answer = {
            let mut known = self.streams.lock();
            let stream =
                known.get_mut(&stream_id).filter(|stream| stream.node_id == node_id).ok_or(Unwanted)?;
            match std::mem::replace(&mut stream.state, State::Running(cut.clone())) {
                State::Asked(answer) => answer,
                running @ State::Running(_) => {
                    stream.state = running;
                    return Err(Unwanted);
                }
            }
        };
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let incoming = Incoming { chunks, offset, size_bytes, ended: false, closes: None };
        answer.send(Ok(incoming)).map_err(|_| Unwanted)?;
        Ok(StreamSink { chunks: sender, cut, streams: self.streams.clone(), stream_id })
    }

    /// Passes on a node's word that it cannot serve a stream.
    pub(super) fn fail_stream(&self, node_id: NodeId, stream_id: u64, error: ApiError) {
        let mut known = self.streams.lock();
        if known.get(&stream_id).is_none_or(|stream| stream.node_id != node_id) {
            return;
        }
        match known.remove(&stream_id).map(|stream| stream.state) {
            Some(State::Asked(answer)) => drop(answer.send(Err(error))),
            Some(State::Running(cut)) => cut.cancel(),
            None => {}
        }
    }
}

impl Streams {
    /// Ends all streams that were asked for on a connection that is gone.
    pub(super) fn cut_all_of(&self, connection: ConnectionId) {
        self.lock().retain(|_, stream| {
            if stream.connection != connection {
                return true;
            }
            if let State::Running(cut) = &stream.state {
                cut.cancel();
            }
            // one that was only asked for ends by its sender being dropped
            false
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Stream>> {
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Incoming {
    /// Returns the next bytes; None at the end.
    ///
    /// # Errors
    /// `Cut` where the node broke off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        if self.ended {
            return Ok(None);
        }
        match self.chunks.recv().await {
            Some(Piece::Bytes(bytes)) => return Ok(Some(bytes)),
            Some(Piece::End) => {}
            None => {
                self.ended = true;
                return Err(Cut);
            }
        }
        self.ended = true;
        Ok(None)
    }

    /// Reads it whole; None where it has more than `limit` bytes.
    pub async fn read_all(mut self, limit: usize) -> Result<Option<Vec<u8>>, Cut> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > limit {
                return Ok(None);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(Some(all))
    }
}

impl StreamSink {
    /// Passes bytes on; waits while the reader is behind.
    ///
    /// # Errors
    /// `Unwanted` when the reader is gone or has not read for minutes, or the stream was cut.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Unwanted> {
        self.pass(Piece::Bytes(bytes)).await
    }

    /// Ends when nobody wants the stream any more.
    pub async fn unwanted(&self) {
        tokio::select! {
            () = self.cut.cancelled() => {}
            () = self.chunks.closed() => {}
        }
    }

    /// Ends the stream as complete. One that is dropped instead is cut.
    pub async fn finish(self) {
        let _a_reader_that_left_needs_no_end = self.pass(Piece::End).await;
    }

    async fn pass(&self, piece: Piece) -> Result<(), Unwanted> {
        tokio::select! {
            biased;
            () = self.cut.cancelled() => Err(Unwanted),
            sent = self.chunks.send_timeout(piece, READER) => sent.map_err(|_| Unwanted),
        }
    }
}

impl Drop for StreamSink {
    fn drop(&mut self) {
        self.streams.lock().remove(&self.stream_id);
    }
}
