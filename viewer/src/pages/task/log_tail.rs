//! The end of an attempt's output as it stood when the page was made; what was written before is read by the script, or downloaded.

use std::time::Duration;

use futures_util::StreamExt as _;
use lp_protocol::client::{AttemptRef, ManagerClient};
use lp_protocol::views::{AttemptView, ReadLog};

use crate::failure::Failure;
use crate::parts::{LogText, bytes};

const TAIL_BYTES: u64 = 64 << 10;

/// A node that does not answer must not keep the page from showing what the manager knows.
const LOG_PATIENCE: Duration = Duration::from_secs(4);

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
