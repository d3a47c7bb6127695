//! Which attempt a task's page has open, and the end of its output.
//!
//! Unless somebody has chosen one, the page opens what a person came for: the first action that failed, else what runs, else what ended
//! last.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use lp_protocol::client::{AttemptRef, ManagerClient};
use lp_protocol::views::{ActionView, AttemptView, ReadLog, TaskInfo};
use lp_protocol::{Stage, Status};
use serde::Deserialize;

use crate::failure::Failure;
use crate::parts::{LogText, bytes};

/// The end of a log that is shown at once; what was written before is a download away.
const TAIL_BYTES: u64 = 64 << 10;

/// A node that does not answer must not keep the page from showing what the manager knows.
const LOG_PATIENCE: Duration = Duration::from_secs(4);

/// What the address asks for; empty means that nobody has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) attempt: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) action: String,
    /// None: it has not been tried yet.
    pub(crate) attempt: Option<u32>,
}

impl Selected {
    pub(crate) fn choose(task: &TaskInfo, wanted: &Wanted) -> Option<Self> {
        let by_name = task.actions.iter().find(|action| action.name == wanted.action);
        let action = by_name.or_else(|| most_telling(&task.actions))?;
        let number = wanted.attempt.parse().ok().filter(|_| by_name.is_some());
        let attempt =
            number.filter(|number| action.attempts.iter().any(|attempt| attempt.attempt == *number));
        let attempt = attempt.or_else(|| action.attempts.last().map(|attempt| attempt.attempt));
        Some(Self { action: action.name.clone(), attempt })
    }

    pub(crate) fn find<'a>(&self, task: &'a TaskInfo) -> Option<(&'a ActionView, Option<&'a AttemptView>)> {
        let action = task.actions.iter().find(|action| action.name == self.action)?;
        let attempt = action.attempts.iter().find(|attempt| Some(attempt.attempt) == self.attempt);
        Some((action, attempt))
    }
}

fn most_telling(actions: &[ActionView]) -> Option<&ActionView> {
    let failed = || actions.iter().find(|action| action.status == Some(Status::Fail));
    let busy = |action: &&ActionView| matches!(action.stage, Stage::Running | Stage::Stopping);
    let last_end = |action: &&ActionView| -> Option<DateTime<Utc>> {
        action.attempts.last().and_then(|attempt| attempt.end_at)
    };
    let tried = || actions.iter().filter(|action| !action.attempts.is_empty()).max_by_key(last_end);
    failed().or_else(|| actions.iter().find(busy)).or_else(tried).or_else(|| actions.first())
}

/// The end of an attempt's output as it stood when the page was made.
pub(super) struct LogTail {
    pub(super) text: String,
    /// What was left out before it, in words.
    pub(super) left_out: Option<String>,
    /// Where to go on from.
    pub(super) next: u64,
    /// Why there is nothing to see.
    pub(super) message: Option<String>,
}

impl LogTail {
    fn nothing(message: String) -> Self {
        Self { text: String::new(), left_out: None, next: 0, message: Some(message) }
    }

    pub(super) async fn fetch(
        client: &ManagerClient,
        task_id: &str,
        action: &str,
        attempt: &AttemptView,
    ) -> Self {
        let reading = Self::read(client, task_id, action, attempt);
        match tokio::time::timeout(LOG_PATIENCE, reading).await {
            Ok(Ok(tail)) => tail,
            Ok(Err(failure)) => Self::nothing(failure.line()),
            Err(_) => Self::nothing(
                "The node has not sent the output yet. It stays where it is; reload to try again.".to_owned(),
            ),
        }
    }

    async fn read(
        client: &ManagerClient,
        task_id: &str,
        action: &str,
        attempt: &AttemptView,
    ) -> Result<Self, Failure> {
        let query = ReadLog { tail_bytes: Some(TAIL_BYTES), ..ReadLog::default() };
        let mut log = client.read_log(task_id, action, AttemptRef::Number(attempt.attempt), &query).await?;
        let start = log.offset.unwrap_or_else(|| attempt.log_bytes.saturating_sub(TAIL_BYTES));
        let mut tail = Vec::new();
        while let Some(chunk) = log.bytes.next().await {
            tail.extend_from_slice(&chunk?);
            // the manager was asked for less; one that sends more does not fill our memory
            if tail.len() as u64 > 2 * TAIL_BYTES {
                break;
            }
        }
        Ok(Self::new(&tail, start))
    }

    fn new(tail: &[u8], start: u64) -> Self {
        // the first line is likely a half one
        let skip =
            if start == 0 { 0 } else { tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
        let before = start + skip as u64;
        Self {
            text: LogText::default().feed(&tail[skip..]),
            left_out: (before > 0).then(|| bytes(before)),
            next: start + tail.len() as u64,
            message: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_begins_with_a_whole_line_and_says_what_it_leaves_out() {
        let tail = LogTail::new(b"half\nwhole\n", 4096);

        assert_eq!((tail.text.as_str(), tail.next), ("whole\n", 4096 + 11));
        assert_eq!(tail.left_out.as_deref(), Some("4.0 KiB"));
    }

    #[test]
    fn a_whole_log_and_one_endless_line_are_shown_as_they_are() {
        assert_eq!(LogTail::new(b"a\nb", 0).text, "a\nb");
        assert_eq!(LogTail::new(b"a\nb", 0).left_out, None);
        assert_eq!(LogTail::new(b"xxxx", 10).text, "xxxx");
    }
}
