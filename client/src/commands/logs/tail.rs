//! Where the last N lines of a log begin.
//!
//! The manager knows bytes, not lines. So the end of the log is read in growing pieces until it holds enough line ends;
//! only their positions are kept, so that neither a long log nor a long line needs memory.

use std::collections::VecDeque;

use futures_util::StreamExt;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::ReadLog;

use super::number;
use crate::failure::Failure;

/// First guess of a line's length, 256 bytes; too small a guess costs another request.
const LINE_BYTES: u64 = 256;
/// The first piece is at least 64 KiB: smaller ones are not faster.
const LEAST_BYTES: u64 = 64 << 10;
/// Each piece is eight times the one before.
const GROWTH: u64 = 8;
/// Line ends that are remembered at most, a million (8 MiB): who wants more lines wants the log.
const MAX_LINES: u64 = 1_000_000;

/// The offset of the first of the last `lines` lines; 0 where all are wanted.
pub(crate) async fn start(
    client: &ManagerClient,
    task: &str,
    action: &str,
    attempt: u32,
    lines: Option<u64>,
) -> Result<u64, Failure> {
    let Some(lines) = lines else { return Ok(0) };
    let lines = lines.min(MAX_LINES);
    let mut tail_bytes = (lines * LINE_BYTES).max(LEAST_BYTES);
    loop {
        let query = ReadLog { offset: 0, tail_bytes: Some(tail_bytes), follow: false };
        let mut log = client.read_log(task, action, number(attempt), &query).await?;
        let Some(offset) = log.offset else { return Ok(0) };
        let mut ends = LineEnds::new(offset, lines);
        while let Some(bytes) = log.bytes.next().await {
            ends.push(&bytes?);
        }
        match ends.start() {
            Some(start) => return Ok(start),
            None if offset == 0 => return Ok(0),
            None => tail_bytes = tail_bytes.saturating_mul(GROWTH),
        }
    }
}

/// Remembers where the last lines begin.
struct LineEnds {
    position: u64,
    /// First bytes after the latest line ends, oldest first.
    starts: VecDeque<u64>,
    keep: usize,
    lines: usize,
}

impl LineEnds {
    fn new(offset: u64, lines: u64) -> Self {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX - 1);
        Self { position: offset, starts: VecDeque::new(), keep: lines.saturating_add(1), lines }
    }

    fn push(&mut self, bytes: &[u8]) {
        for (index, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' {
                if self.starts.len() == self.keep {
                    self.starts.pop_front();
                }
                self.starts.push_back(self.position + index as u64 + 1);
            }
        }
        self.position += bytes.len() as u64;
    }

    /// Where the last lines begin, if enough line ends went by.
    fn start(&self) -> Option<u64> {
        // a line end as the last byte begins no line
        let begun = self.starts.iter().filter(|start| **start < self.position).count();
        match self.lines {
            0 => Some(self.position),
            lines if begun >= lines => self.starts.get(begun - lines).copied(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_begin_after_the_line_end_before_them() {
        for (text, lines, start) in [
            ("a\nb\nc\n", 1, Some(104)),
            ("a\nb\nc\n", 2, Some(102)),
            ("a\nb\nc\n", 3, None),
            ("a\nb\nc", 1, Some(104)),
            ("a\nb\nc", 2, Some(102)),
            ("a\nb\nc", 3, None),
            ("\n\n\n", 1, Some(102)),
            ("x", 0, Some(101)),
            ("", 5, None),
        ] {
            let mut ends = LineEnds::new(100, lines);
            for byte in text.as_bytes() {
                ends.push(std::slice::from_ref(byte));
            }
            assert_eq!(ends.start(), start, "{text:?} {lines}");
        }
    }

    #[test]
    fn memory_is_for_the_wanted_lines_only() {
        let mut ends = LineEnds::new(0, 3);

        ends.push(&[b'\n'; 100_000]);

        assert_eq!(ends.starts.len(), 4);
        assert_eq!(ends.start(), Some(99_997));
    }
}
