//! Messages on their way over the socket, in either direction.
//!
//! Whoever has a message writes it, together with what others have added meanwhile: no thread to wake when there is little, few
//! writes when there is much. Without a peer messages are dropped: both sides tell each other all they know when they meet again.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use super::wire::to_bytes;
use crate::sync::lock;

/// 10 s for the peer to read; one that does not is stopped or gone, and is told everything when it returns.
const PATIENCE: Duration = Duration::from_secs(10);

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
            if !messages.is_empty() && write(connection, &messages).is_err() {
                // the peer is gone or does not read: the next meeting tells it everything
                let _ = connection.shutdown(Shutdown::Both);
                *stream = None;
            }
        }
    }
}

/// Writes all messages, waiting for room where the socket has none.
fn write<T: Serialize>(stream: &mut UnixStream, messages: &[T]) -> io::Result<()> {
    let bytes = to_bytes(messages)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(length) => rest = &rest[length..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_room(stream)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wait_for_room(stream: &UnixStream) -> io::Result<()> {
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)], timeout)? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}
