//! One connection of one node: hello, frames both ways, close.
//!
//! Reading and writing go on side by side. What has come in while the engine was busy goes to it in one call, and up to [`IN_FLIGHT`] such
//! calls wait for their commits at once, so that the next batch is there when one is done; beyond that nothing is read, which is the node's
//! back-pressure. What has gathered for the node goes out in one message.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use lp_protocol::frames::{Hello, LINK_VERSION, ManagerFrame, NodeFacts, NodeFrame};
use lp_protocol::{ApiError, ErrorCode, NodeId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Link;
use super::decode::decode;
use crate::engine::{self, ConnectionId, removed};
use crate::store;

/// How long a node has to say hello after the connection stands.
const HELLO: Duration = Duration::from_secs(10);

/// Batches of frames for one node between the engine and the socket. A node that is this far behind is disconnected by the engine.
const OUTBOUND: usize = 1024;

/// Calls to the engine that wait for their commit: one is being committed, one waits for the next, two more cover hiccups.
const IN_FLIGHT: usize = 4;

/// Frames taken into one call.
const MAX_GATHERED: usize = 2048;

/// Messages are closed at about this size, 4 MiB, so that one node's many assignments do not become one huge text.
const MESSAGE_BYTES: usize = 4 << 20;

/// Longest name of a node, and most it may say about itself: some hundred labels.
const MAX_NAME_CHARS: usize = 255;
const MAX_FACTS_BYTES: usize = 64 << 10;

/// How long the last frames of a connection that the engine has closed may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A socket that takes nothing for this long is dead, and its node will come back on another one.
const STUCK: Duration = Duration::from_secs(30);

/// The node's socket as two channels. Either side ends it by dropping its ends.
pub struct Socket {
    /// Whole messages, in order.
    pub incoming: mpsc::Receiver<Bytes>,
    pub outgoing: mpsc::Sender<ToSocket>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum ToSocket {
    Message(String),
    /// The last word; the sentence goes into the close frame.
    Close(String),
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no hello came within {} seconds", HELLO.as_secs())]
    NoHello,
    #[error("the first frame is not a hello")]
    NotHello,
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Version(ApiError),
    /// It was removed, and its credential with it.
    #[error("{0}")]
    Removed(ApiError),
    #[error("the manager cannot take the node: {0}")]
    Engine(#[from] engine::Error),
    #[error("the manager is stopping")]
    Shutdown,
    #[error("the manager closed the connection")]
    Closed,
    /// The node or the network did.
    #[error("the connection is gone")]
    Gone,
}

impl Link {
    /// Serves a node's connection until it ends.
    pub async fn serve(&self, node_id: NodeId, mut socket: Socket, shutdown: CancellationToken) -> Refusal {
        let ended = match self.greet(&mut socket).await {
            Ok((hello, rest)) => {
                let name = hello.node.name.clone();
                tracing::info!(node.id = %node_id, node.name = name, held = hello.held.len(), "a node has connected");
                self.converse(node_id, hello, rest, &mut socket, shutdown).await
            }
            Err(refusal) => refusal,
        };
        if let Refusal::Version(error) | Refusal::Removed(error) = &ended {
            let message = encode(&[ManagerFrame::Refused { error: error.clone() }]);
            let _gone_anyway = socket.outgoing.try_send(ToSocket::Message(message));
        }
        let _gone_anyway = socket.outgoing.try_send(ToSocket::Close(ended.to_string()));
        tracing::info!(node.id = %node_id, reason = %ended, "a node's connection has ended");
        ended
    }

    async fn greet(&self, socket: &mut Socket) -> Result<(Hello, Vec<NodeFrame>), Refusal> {
        let first = match tokio::time::timeout(HELLO, socket.incoming.recv()).await {
            Ok(Some(message)) => message,
            Ok(None) => return Err(Refusal::Gone),
            Err(_) => return Err(Refusal::NoHello),
        };
        check_version(&first)?;
        let mut frames = decode(&first).map_err(|error| Refusal::Malformed(error.to_string()))?.into_iter();
        match frames.next() {
            Some(NodeFrame::Hello(hello)) => {
                check_facts(&hello.node)?;
                Ok((hello, frames.collect()))
            }
            Some(_) | None => Err(Refusal::NotHello),
        }
    }

    async fn converse(
        &self,
        node_id: NodeId,
        hello: Hello,
        rest: Vec<NodeFrame>,
        socket: &mut Socket,
        shutdown: CancellationToken,
    ) -> Refusal {
        let facts = hello.node.clone();
        match self.store.update_node_facts(node_id, &facts, self.clock.now()).await {
            Ok(()) => {}
            // its credential was still remembered
            Err(store::Error::NotFound { .. }) => return Refusal::Removed(removed()),
            // only what lists show; the connection is worth more
            Err(error) => {
                tracing::warn!(node.id = %node_id, error = %error, "a node's facts cannot be stored");
            }
        }
        let (outbound, mut frames) = mpsc::channel(OUTBOUND);
        let weak = outbound.downgrade();
        let connection = match self.engine.connect_node(node_id, hello, outbound).await {
            Ok(connection) => connection,
            Err(error) => return error.into(),
        };
        // only the engine knows of the connection yet: its welcome comes before what others may send from here on
        let welcome = tokio::select! {
            welcome = frames.recv() => welcome,
            () = shutdown.cancelled() => None,
        };
        let Some(welcome) = welcome else {
            self.engine.disconnect_node(connection).await;
            return Refusal::Closed;
        };
        self.enter(node_id, connection, facts.name, weak);
        let writing = write(welcome, frames, &socket.outgoing);
        tokio::pin!(writing);
        let ended = tokio::select! {
            // removed while it connected: the engine, which keeps no list of nodes, could not know
            () = self.watch_new(node_id) => Refusal::Removed(removed()),
            refusal = self.read(node_id, connection, rest, &mut socket.incoming) => refusal,
            refusal = &mut writing => refusal,
            () = shutdown.cancelled() => Refusal::Shutdown,
        };
        if matches!(ended, Refusal::Engine(engine::Error::StaleConnection)) {
            // the engine has let go of it, perhaps with a last word (that the node was removed) which a report of the node has crossed
            let _a_dead_socket_takes_no_last_words = tokio::time::timeout(LAST_WORDS, writing).await;
        }
        self.leave(node_id, connection);
        self.engine.disconnect_node(connection).await;
        ended
    }

    /// What a new connection calls for. Returns where the node does not exist any more, else never.
    async fn watch_new(&self, node_id: NodeId) {
        if let Ok(false) = self.store.has_node(node_id).await {
            return;
        }
        self.ask_for_unwanted(node_id).await;
        std::future::pending().await
    }

    async fn read(
        &self,
        node_id: NodeId,
        connection: ConnectionId,
        first: Vec<NodeFrame>,
        incoming: &mut mpsc::Receiver<Bytes>,
    ) -> Refusal {
        let mut in_flight: VecDeque<InFlight<'_>> = VecDeque::new();
        let mut frames = self.without_our_own(node_id, connection, first).await;
        loop {
            if !frames.is_empty() {
                let mut call: InFlight<'_> =
                    Box::pin(self.engine.node_frames(connection, std::mem::take(&mut frames)));
                // once now, so that the calls stand in the engine's inbox in the order of the frames
                match futures_util::poll!(&mut call) {
                    std::task::Poll::Ready(Ok(())) => {}
                    std::task::Poll::Ready(Err(error)) => return error.into(),
                    std::task::Poll::Pending => in_flight.push_back(call),
                }
            }
            let message = tokio::select! {
                biased;
                done = front(&mut in_flight) => {
                    in_flight.pop_front();
                    match done {
                        Ok(()) => continue,
                        Err(error) => return error.into(),
                    }
                }
                message = incoming.recv(), if in_flight.len() < IN_FLIGHT => message,
            };
            let Some(message) = message else { return Refusal::Gone };
            let mut next = Some(message);
            while let Some(message) = next.take() {
                match decode(&message) {
                    Ok(more) => frames.extend(self.without_our_own(node_id, connection, more).await),
                    Err(error) => return Refusal::Malformed(error.to_string()),
                }
                if frames.len() < MAX_GATHERED {
                    next = incoming.try_recv().ok();
                }
            }
        }
    }

    /// Takes out the frames that are not the engine's business.
    async fn without_our_own(
        &self,
        node_id: NodeId,
        connection: ConnectionId,
        frames: Vec<NodeFrame>,
    ) -> Vec<NodeFrame> {
        let mut kept = Vec::with_capacity(frames.len());
        for frame in frames {
            match frame {
                NodeFrame::StreamFailed { stream_id, error } => self.fail_stream(node_id, stream_id, error),
                NodeFrame::WorkspacesDeleted { attempts } => self.confirm_deleted(node_id, &attempts).await,
                NodeFrame::Packages(news) => self.take_news(node_id, connection, news),
                other @ (NodeFrame::Hello(_)
                | NodeFrame::Reports { .. }
                | NodeFrame::Preparing { .. }
                | NodeFrame::Envs { .. }
                | NodeFrame::EnvsDropped { .. }
                | NodeFrame::Heartbeat { .. }) => kept.push(other),
            }
        }
        kept
    }
}

type InFlight<'a> = Pin<Box<dyn Future<Output = Result<(), engine::Error>> + Send + 'a>>;

async fn front(in_flight: &mut VecDeque<InFlight<'_>>) -> Result<(), engine::Error> {
    match in_flight.front_mut() {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

/// Before all else and from the bare JSON: a peer of another version may have another idea of everything else in its hello.
fn check_version(message: &[u8]) -> Result<(), Refusal> {
    let first: serde_json::Value = match serde_json::from_slice::<Vec<serde_json::Value>>(message) {
        Ok(frames) => frames.into_iter().next().unwrap_or_default(),
        Err(error) => return Err(Refusal::Malformed(format!("the message is malformed: {error}"))),
    };
    let theirs =
        first.get("hello").and_then(|hello| hello.get("link_version")).and_then(serde_json::Value::as_u64);
    let which = match theirs {
        None => return Err(Refusal::NotHello),
        Some(theirs) if theirs == u64::from(LINK_VERSION) => return Ok(()),
        Some(theirs) if theirs < u64::from(LINK_VERSION) => "node",
        Some(_) => "manager",
    };
    let theirs = theirs.unwrap_or_default();
    let sentence =
        format!("the node speaks version {theirs} of the link and the manager version {LINK_VERSION}");
    let error = ApiError::new(ErrorCode::Conflict, sentence).with_hint(format!("Upgrade the {which}."));
    Err(Refusal::Version(error))
}

/// What a node says about itself is stored and shown in every list.
fn check_facts(facts: &NodeFacts) -> Result<(), Refusal> {
    let name = facts.name.as_str();
    if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Refusal::Malformed("the node's name cannot be used".to_owned()));
    }
    let size = serde_json::to_string(facts).map_or(usize::MAX, |text| text.len());
    if size > MAX_FACTS_BYTES {
        return Err(Refusal::Malformed(format!(
            "the node says more than {MAX_FACTS_BYTES} bytes about itself"
        )));
    }
    Ok(())
}

async fn write(
    first: Vec<ManagerFrame>,
    mut frames: mpsc::Receiver<Vec<ManagerFrame>>,
    outgoing: &mpsc::Sender<ToSocket>,
) -> Refusal {
    let mut gathered = vec![first];
    while !gathered.is_empty() || frames.recv_many(&mut gathered, OUTBOUND).await > 0 {
        while gathered.len() < OUTBOUND
            && let Ok(more) = frames.try_recv()
        {
            gathered.push(more);
        }
        let mut message = String::new();
        for frame in gathered.drain(..).flatten() {
            push(&mut message, &frame);
            if message.len() >= MESSAGE_BYTES && send(outgoing, &mut message).await.is_err() {
                return Refusal::Gone;
            }
        }
        if !message.is_empty() && send(outgoing, &mut message).await.is_err() {
            return Refusal::Gone;
        }
    }
    Refusal::Closed
}

async fn send(
    outgoing: &mpsc::Sender<ToSocket>,
    message: &mut String,
) -> Result<(), mpsc::error::SendTimeoutError<ToSocket>> {
    let mut text = std::mem::take(message);
    text.push(']');
    outgoing.send_timeout(ToSocket::Message(text), STUCK).await
}

fn push(message: &mut String, frame: &ManagerFrame) {
    match serde_json::to_string(frame) {
        Ok(text) => {
            message.push(if message.is_empty() { '[' } else { ',' });
            message.push_str(&text);
        }
        // none of our frames has a key that is no text or a number that is none
        Err(error) => tracing::error!(error = %error, "a frame cannot be written"),
    }
}

fn encode(frames: &[ManagerFrame]) -> String {
    let mut message = String::new();
    for frame in frames {
        push(&mut message, frame);
    }
    message.push(']');
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_with_the_side_to_upgrade() {
        let hello =
            |version: u32| format!(r#"[{{"hello": {{"link_version": {version}, "unheard_of": 1}}}}]"#);
        let side = |version| match check_version(hello(version).as_bytes()) {
            Err(Refusal::Version(error)) => error.hint,
            other => panic!("{other:?}"),
        };

        assert!(check_version(hello(LINK_VERSION).as_bytes()).is_ok());
        assert_eq!(side(LINK_VERSION - 1).as_deref(), Some("Upgrade the node."));
        assert_eq!(side(LINK_VERSION + 1).as_deref(), Some("Upgrade the manager."));
    }

    #[tokio::test]
    async fn what_has_gathered_goes_out_in_one_message() {
        let (frames, waiting) = mpsc::channel(8);
        let (outgoing, mut sent) = mpsc::channel(8);
        for through in 1..=3 {
            frames.send(vec![ManagerFrame::Ack { through }]).await.unwrap();
        }
        drop(frames);

        assert!(matches!(write(Vec::new(), waiting, &outgoing).await, Refusal::Closed));

        let message = sent.recv().await.unwrap();
        assert_eq!(
            message,
            ToSocket::Message(
                r#"[{"ack":{"through":1}},{"ack":{"through":2}},{"ack":{"through":3}}]"#.to_owned()
            )
        );
        assert!(sent.try_recv().is_err());
    }
}
