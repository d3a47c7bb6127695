//! Messages on their way over the socket, in either direction.
//!
//! Whoever has a message writes it, together with what others have added meanwhile: no thread to wake when there is little, few
//! writes when there is much. Without a peer messages are dropped: both sides tell each other all they know when they meet again.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, TryLockError};

use serde::Serialize;

use super::wire::write_messages;
use crate::sync::lock;

pub(super) struct Outbox<T> {
    queue: Mutex<Vec<T>>,
    stream: Mutex<Option<UnixStream>>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { queue: Mutex::default(), stream: Mutex::default() }
    }
}

impl<T: Serialize> Outbox<T> {
    /// Begins a connection; `first` is the first thing said on it.
    pub(super) fn attach(&self, stream: UnixStream, first: Option<T>) {
        let mut slot = lock(&self.stream);
        *lock(&self.queue) = first.into_iter().collect();
        *slot = Some(stream);
    }

    pub(super) fn detach(&self) {
        *lock(&self.stream) = None;
    }

    /// Ends the connection; whoever reads from it notices.
    pub(super) fn hang_up(&self) {
        if let Some(stream) = lock(&self.stream).take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn push(&self, messages: impl IntoIterator<Item = T>) {
        lock(&self.queue).extend(messages);
        self.flush();
    }

    /// Writes all that waits, unless somebody else is at it and will take it along.
    pub(super) fn flush(&self) {
        while !lock(&self.queue).is_empty() {
            let mut stream = match self.stream.try_lock() {
                Ok(stream) => stream,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                // the writer looks at the queue again after it has let go
                Err(TryLockError::WouldBlock) => return,
            };
            let messages = std::mem::take(&mut *lock(&self.queue));
            let Some(connection) = stream.as_mut() else { continue };
            if !messages.is_empty() && write_messages(connection, &messages).is_err() {
                // the peer is gone or does not read: the next meeting tells it everything
                let _ = connection.shutdown(Shutdown::Both);
                *stream = None;
            }
        }
    }
}
