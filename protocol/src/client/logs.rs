//! An attempt's output, from any byte on, during and after its run.

use std::fmt;

use reqwest::Method;

use super::{ByteStream, Error, ManagerClient};
use crate::views::{LogTimes, ReadLog};

/// Which attempt of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptRef {
    Latest,
    Number(u32),
}

impl fmt::Display for AttemptRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttemptRef::Latest => f.write_str("latest"),
            AttemptRef::Number(number) => write!(f, "{number}"),
        }
    }
}

/// The bytes of a log as they come; they end when the attempt has, or at the present end where nobody follows.
pub struct LogStream {
    /// The attempt it is of.
    pub attempt: Option<u32>,
    /// Where in the log the first byte stands; what to go on from after a broken connection is this plus what came. None where
    /// the end of the log was asked for and the manager is too old to say where that begins.
    pub offset: Option<u64>,
    pub bytes: ByteStream,
}

impl ManagerClient {
    /// `GET /tasks/{task}/actions/{action}/attempts/{n|latest}/log/times`.
    pub async fn fetch_log_times(
        &self,
        task: &str,
        action: &str,
        attempt: AttemptRef,
    ) -> Result<LogTimes, Error> {
        let path = ["tasks", task, "actions", action, "attempts", &attempt.to_string(), "log", "times"];
        self.json(self.request(Method::GET, &path)?).await
    }

    /// `GET /tasks/{task}/actions/{action}/attempts/{n|latest}/log`.
    pub async fn read_log(
        &self,
        task: &str,
        action: &str,
        attempt: AttemptRef,
        query: &ReadLog,
    ) -> Result<LogStream, Error> {
        let path = ["tasks", task, "actions", action, "attempts", &attempt.to_string(), "log"];
        let response = self.send(self.request(Method::GET, &path)?.query(query)).await?;
        let header = |name| response.headers().get(name)?.to_str().ok();
        let attempt = header("x-attempt").and_then(|text: &str| text.parse().ok());
        let offset = header("x-offset").and_then(|text: &str| text.parse().ok());
        let offset = offset.or_else(|| query.tail_bytes.is_none().then_some(query.offset));
        Ok(LogStream { attempt, offset, bytes: self.bytes(response) })
    }
}
