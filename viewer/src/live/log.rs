//! Following one attempt's output from an offset, over broken connections, until it ends.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use lp_protocol::client::{AttemptRef, ByteStream, ManagerClient};
use lp_protocol::views::ReadLog;
use tokio::time::{Instant, sleep_until};

/// Between two tries to read on: the program may not have started, or its node may be away.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct LogFollow {
    client: ManagerClient,
    task_id: String,
    action: String,
    attempt: u32,
    next: u64,
    reading: Reading,
}

enum Reading {
    NotYet { try_at: Instant },
    Now(ByteStream),
    Over,
}

/// What has come of it.
pub(super) enum Step {
    Bytes { bytes: Bytes, next: u64 },
    End,
}

impl LogFollow {
    pub(super) fn new(
        client: ManagerClient,
        task_id: String,
        action: String,
        attempt: u32,
        offset: u64,
    ) -> Self {
        Self {
            client,
            task_id,
            action,
            attempt,
            next: offset,
            reading: Reading::NotYet { try_at: Instant::now() },
        }
    }

    /// Waits for some more. Nothing is lost where the wait is given up: what was read is returned before the next wait begins.
    pub(super) async fn step(&mut self) -> Step {
        loop {
            match &mut self.reading {
                Reading::Over => std::future::pending().await,
                Reading::NotYet { try_at } => {
                    sleep_until(*try_at).await;
                    self.open().await;
                }
                Reading::Now(bytes) => match bytes.next().await {
                    Some(Ok(chunk)) => {
                        self.next += chunk.len() as u64;
                        return Step::Bytes { bytes: chunk, next: self.next };
                    }
                    Some(Err(_)) => self.reading = Reading::NotYet { try_at: Instant::now() + RETRY },
                    None => {
                        self.reading = Reading::Over;
                        return Step::End;
                    }
                },
            }
        }
    }

    async fn open(&mut self) {
        let query = ReadLog { offset: self.next, tail_bytes: None, follow: true };
        let attempt = AttemptRef::Number(self.attempt);
        self.reading = match self.client.read_log(&self.task_id, &self.action, attempt, &query).await {
            Ok(log) => Reading::Now(log.bytes),
            Err(error) if error.is_transient() || is_early(&error) => {
                Reading::NotYet { try_at: Instant::now() + RETRY }
            }
            // the page's other parts tell what has become of it
            Err(_) => Reading::Over,
        };
    }
}

/// An attempt that was assigned and has not started has no output yet.
fn is_early(error: &lp_protocol::client::Error) -> bool {
    error.code() == Some(lp_protocol::ErrorCode::NotFound)
}
