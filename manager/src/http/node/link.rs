//! The pump between a node's WebSocket and its session.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use bytes::Bytes;
use futures_util::StreamExt as _;
use lp_protocol::frames::MAX_MESSAGE_BYTES;
use tokio::sync::mpsc;

use super::super::failure::Failure;
use super::super::state::State;
use super::Caller;
use crate::link::{Socket, ToSocket};

/// Messages between socket and session, each way: enough to gather while the other side is busy.
const MESSAGES: usize = 16;

/// How long the last words may take.
const FLUSH: Duration = Duration::from_secs(5);

/// A node's one connection: a WebSocket of JSON arrays of frames.
#[utoipa::path(
    get,
    path = "/node/v1/link",
    tag = "node plane",
    responses((status = 101, description = "Frames follow."), (status = 400, description = "Not a WebSocket's handshake."))
)]
pub(crate) async fn link(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Failure> {
    state.engine.epoch()?;
    let (response, session, messages) =
        actix_ws::handle(&request, body).map_err(|error| Failure::invalid(error.to_string()))?;
    let messages = messages
        .max_frame_size(MAX_MESSAGE_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MAX_MESSAGE_BYTES);
    let pumps = state.pumps.clone();
    // its owner is the tracker, which the end of the server waits for
    pumps.spawn_local(pump(state, caller, session, messages));
    Ok(response)
}

async fn pump(
    state: web::Data<State>,
    Caller(node_id): Caller,
    session: Session,
    messages: AggregatedMessageStream,
) {
    let (to_session, incoming) = mpsc::channel(MESSAGES);
    let (outgoing, from_session) = mpsc::channel(MESSAGES);
    let conversation = async {
        let reading = read(messages, session.clone(), to_session);
        tokio::select! {
            ended = state.link.serve(node_id, Socket { incoming, outgoing }, state.shutdown.clone()) => drop(ended),
            // the session sees that nothing more comes, and ends
            () = async { reading.await; std::future::pending().await } => {}
        }
    };
    let writing = write(from_session, session.clone());
    tokio::pin!(conversation, writing);
    tokio::select! {
        () = &mut conversation => {
            let _a_dead_socket_takes_no_last_words = tokio::time::timeout(FLUSH, writing).await;
        }
        () = &mut writing => conversation.await,
    }
}

async fn read(mut messages: AggregatedMessageStream, mut session: Session, to_session: mpsc::Sender<Bytes>) {
    while let Some(message) = messages.next().await {
        let passed = match message {
            Ok(AggregatedMessage::Text(text)) => to_session.send(text.into_bytes()).await.is_ok(),
            Ok(AggregatedMessage::Binary(bytes)) => to_session.send(bytes).await.is_ok(),
            Ok(AggregatedMessage::Ping(bytes)) => session.pong(&bytes).await.is_ok(),
            Ok(AggregatedMessage::Pong(_)) => true,
            Ok(AggregatedMessage::Close(_)) => false,
            Err(error) => {
                tracing::info!(error = %error, "a node's connection broke");
                false
            }
        };
        if !passed {
            return;
        }
    }
}

async fn write(mut from_session: mpsc::Receiver<ToSocket>, mut session: Session) {
    while let Some(word) = from_session.recv().await {
        match word {
            ToSocket::Message(text) => {
                if session.text(text).await.is_err() {
                    return;
                }
            }
            ToSocket::Close(sentence) => {
                let reason = CloseReason { code: CloseCode::Policy, description: Some(sentence) };
                let _closed_either_way = session.close(Some(reason)).await;
                return;
            }
        }
    }
}
