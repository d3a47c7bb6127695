//! One attempt's log as bytes, however often the connection breaks: it goes on at the byte where it was.

use std::sync::Arc;

use chrono::Utc;
use futures_util::StreamExt;
use lp_protocol::client::{Backoff, ManagerClient};
use lp_protocol::views::ReadLog;
use tokio::time::sleep;

use super::clock::{Chunk, Clock, When};
use super::number;
use crate::failure::Failure;

/// Which log.
pub(crate) struct Log<'a> {
    pub(crate) client: &'a ManagerClient,
    pub(crate) task: &'a str,
    pub(crate) action: &'a str,
    pub(crate) attempt: u32,
    pub(crate) stamping: Stamping,
}

/// Whether lines get the moments they were written at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamping {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// What is there at present.
    Now,
    /// The end of the attempt.
    End,
}

impl Log<'_> {
    /// Hands the bytes from `offset` on to `take`, with their times where those are wanted.
    ///
    /// # Errors
    /// What the manager refuses, what `take` returns; a lost connection only after a minute of trying.
    pub(crate) async fn copy(
        &self,
        mut offset: u64,
        until: Until,
        mut take: impl AsyncFnMut(Chunk) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut backoff = Backoff::new();
        loop {
            let query = ReadLog { offset, tail_bytes: None, follow: until == Until::End };
            let broken =
                match self.client.read_log(self.task, self.action, number(self.attempt), &query).await {
                    Err(error) => error,
                    Ok(mut log) => {
                        let clock = self.clock().await;
                        loop {
                            match log.bytes.next().await {
                                None => return Ok(()),
                                Some(Err(error)) => break error,
                                Some(Ok(bytes)) => {
                                    backoff.reset();
                                    let length = bytes.len() as u64;
                                    take(Chunk { bytes, when: when(&clock, offset) }).await?;
                                    offset += length;
                                }
                            }
                        }
                    }
                };
            match backoff.next_wait().filter(|_| broken.is_transient() && until == Until::End) {
                Some(wait) => sleep(wait).await,
                None => return Err(broken.into()),
            }
        }
    }

    /// Asked anew with each connection: what came while there was none has its times, too. That they are not to be had hides no line.
    async fn clock(&self) -> Option<Arc<Clock>> {
        match self.stamping {
            Stamping::No => None,
            Stamping::Yes => {
                let times = self.client.fetch_log_times(self.task, self.action, number(self.attempt)).await;
                Some(Arc::new(Clock::new(times.ok())))
            }
        }
    }
}

fn when(clock: &Option<Arc<Clock>>, offset: u64) -> Option<When> {
    clock.as_ref().map(|clock| When { offset, came: Utc::now(), clock: Arc::clone(clock) })
}
