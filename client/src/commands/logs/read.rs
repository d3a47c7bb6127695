//! One attempt's log as bytes, however often the connection breaks: it goes on at the byte where it was.

use bytes::Bytes;
use futures_util::StreamExt;
use lp_protocol::client::{Backoff, ManagerClient};
use lp_protocol::views::ReadLog;
use tokio::time::sleep;

use super::number;
use crate::failure::Failure;

/// Which log.
pub(crate) struct Log<'a> {
    pub(crate) client: &'a ManagerClient,
    pub(crate) task: &'a str,
    pub(crate) action: &'a str,
    pub(crate) attempt: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// What is there at present.
    Now,
    /// The end of the attempt.
    End,
}

impl Log<'_> {
    /// Hands the bytes from `offset` on to `take`.
    ///
    /// # Errors
    /// What the manager refuses, what `take` returns; a lost connection only after a minute of trying.
    pub(crate) async fn copy(
        &self,
        mut offset: u64,
        until: Until,
        mut take: impl AsyncFnMut(Bytes) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut backoff = Backoff::new();
        loop {
            let query = ReadLog { offset, tail_bytes: None, follow: until == Until::End };
            let broken =
                match self.client.read_log(self.task, self.action, number(self.attempt), &query).await {
                    Err(error) => error,
                    Ok(mut log) => loop {
                        match log.bytes.next().await {
                            None => return Ok(()),
                            Some(Err(error)) => break error,
                            Some(Ok(bytes)) => {
                                backoff.reset();
                                offset += bytes.len() as u64;
                                take(bytes).await?;
                            }
                        }
                    },
                };
            match backoff.next_wait().filter(|_| broken.is_transient() && until == Until::End) {
                Some(wait) => sleep(wait).await,
                None => return Err(broken.into()),
            }
        }
    }
}
