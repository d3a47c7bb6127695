//! When lines were written, for `--timestamps`.
//!
//! What the node has marked is asked for once the log is open, so that it covers what was written before. Of what comes later, while one
//! follows, the moment it comes is taken: the node sends it on when it is written.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lp_protocol::views::LogTimes;

use crate::output::text;

/// Before a moment of which no more is known than that the line was there by then.
const ROUGH: char = '~';

/// 1 s: an end that is so near to the start, or to the mark before, is a moment.
const NEAR_MS: i64 = 1000;

/// What is known of one attempt; None where the manager or the node could not tell.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    times: Option<LogTimes>,
}

/// A piece of a log.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    /// Where timestamps are wanted.
    pub(crate) when: Option<When>,
}

/// Where in the log a piece begins, and when it came.
#[derive(Debug, Clone)]
pub(crate) struct When {
    pub(crate) offset: u64,
    pub(crate) came: DateTime<Utc>,
    pub(crate) clock: Arc<Clock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    at: DateTime<Utc>,
    is_rough: bool,
}

impl Clock {
    pub(crate) fn new(times: Option<LogTimes>) -> Self {
        Self { times }
    }

    /// When the bytes before `end`, which came at `came`, had been written.
    fn at(&self, end: u64, came: DateTime<Utc>) -> Stamp {
        let Some(times) = &self.times else { return Stamp { at: came, is_rough: true } };
        if let Some(at) = times.marked(end) {
            return Stamp { at, is_rough: false };
        }
        let Some(at) = times.end_at else { return Stamp { at: came, is_rough: false } };
        // written between the last mark, or the start, and the end
        let since = times.marks.last().map(|mark| mark.at).or(times.start_at);
        let is_near = since.is_some_and(|since| (at - since).num_milliseconds() <= NEAR_MS);
        Stamp { at, is_rough: !is_near }
    }
}

impl When {
    /// The pieces of `bytes` that end with a line, and the rest; each with its moment.
    pub(crate) fn lines<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (&'a [u8], Stamp)> {
        let mut end = self.offset;
        bytes.split_inclusive(|byte| *byte == b'\n').map(move |piece| {
            end += piece.len() as u64;
            (piece, self.clock.at(end, self.came))
        })
    }
}

impl Stamp {
    /// Clocks of two machines may disagree; what was written later is not shown as earlier.
    pub(crate) fn not_before(self, other: Option<Stamp>) -> Self {
        match other {
            Some(other) if other.at > self.at => Stamp { at: other.at, ..self },
            Some(_) | None => self,
        }
    }

    /// `2026-11-22T12:44:11.123Z`, with `~` before it where it is rough.
    pub(crate) fn text(self) -> String {
        let rough = if self.is_rough { String::from(ROUGH) } else { String::new() };
        rough + &text::exact(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::views::LogMark;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    fn stamps(times: Option<LogTimes>, came: i64) -> Vec<String> {
        let when = When { offset: 0, came: at(came), clock: Arc::new(Clock::new(times)) };
        when.lines(b"one\ntwo\nthree").map(|(_, stamp)| stamp.text()).collect()
    }

    #[test]
    fn a_line_has_the_time_of_its_mark_then_of_the_end_and_live_of_its_coming() {
        let marks = vec![LogMark { offset: 4, at: at(1000) }, LogMark { offset: 8, at: at(2000) }];
        let times = |end: Option<i64>| LogTimes {
            attempt: 1,
            start_at: Some(at(0)),
            end_at: end.map(at),
            precision_ms: 100,
            marks: marks.clone(),
        };

        let marked = ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"];
        for (times, last) in [
            (times(Some(2500)), "1970-01-01T00:00:02.500Z"),
            (times(Some(8000)), "~1970-01-01T00:00:08.000Z"),
            (times(None), "1970-01-01T00:00:09.000Z"),
        ] {
            assert_eq!(stamps(Some(times), 9000), [marked[0], marked[1], last]);
        }
        assert_eq!(stamps(None, 9000)[0], "~1970-01-01T00:00:09.000Z");
    }

    #[test]
    fn what_is_rough_says_so_and_nothing_goes_back() {
        let rough = Stamp { at: at(5), is_rough: true };
        let exact = Stamp { at: at(3), is_rough: false };

        assert_eq!(rough.text(), "~1970-01-01T00:00:00.005Z");
        assert_eq!(exact.not_before(Some(rough)).text(), "1970-01-01T00:00:00.005Z");
        assert_eq!(exact.not_before(None), exact);
    }
}
