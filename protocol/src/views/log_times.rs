//! When the lines of an output were written.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::marks::Marks;

/// What is known of when an attempt's output was written. Programs write straight into a file; their node looks how long it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogTimes {
    /// Number of the attempt.
    pub attempt: u32,
    /// When its program was started: nothing was written before.
    pub start_at: Option<DateTime<Utc>>,
    /// When it ended: everything was written by then.
    pub end_at: Option<DateTime<Utc>>,
    /// A line was written at most about so many milliseconds before the moment of its mark (longer where the node was down meanwhile).
    pub precision_ms: u64,
    /// By offset. The time of a line is that of the first mark at or beyond its end; a line beyond the last one was written between that and `end_at`.
    /// Empty for programs that ran for less than about 100 ms, and where they are no longer known.
    pub marks: Vec<LogMark>,
}

/// At `at` the output had just become `offset` bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogMark {
    pub offset: u64,
    pub at: DateTime<Utc>,
}

impl LogTimes {
    pub fn new(
        attempt: u32,
        start_at: Option<DateTime<Utc>>,
        end_at: Option<DateTime<Utc>>,
        marks: &Marks,
    ) -> Self {
        let mark = |mark: crate::marks::Mark| {
            // one beyond what a calendar knows is no moment
            let at = i64::try_from(mark.at_ms).ok().and_then(DateTime::from_timestamp_millis)?;
            Some(LogMark { offset: mark.offset, at })
        };
        let precision_ms = marks.precision_ms();
        Self { attempt, start_at, end_at, precision_ms, marks: marks.iter().filter_map(mark).collect() }
    }

    /// When the bytes before `end` had been written, as far as marks tell.
    pub fn marked(&self, end: u64) -> Option<DateTime<Utc>> {
        let after = self.marks.partition_point(|mark| mark.offset < end);
        self.marks.get(after).map(|mark| mark.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_line_is_that_of_the_first_mark_at_or_beyond_its_end() {
        let mut marks = Marks::default();
        for (offset, at_ms) in [(10, 1000), (30, 2000)] {
            let _ = marks.push(offset, at_ms);
        }
        let times = LogTimes::new(1, None, None, &marks);

        let millis = |end| times.marked(end).map(|at| at.timestamp_millis());
        assert_eq!([1, 10, 11, 30, 31].map(millis), [Some(1000), Some(1000), Some(2000), Some(2000), None]);
    }

    #[test]
    fn a_mark_beyond_the_calendar_is_left_out() {
        let mut marks = Marks::default();
        let _ = marks.push(1, 5);
        let _ = marks.push(2, u64::MAX);

        assert_eq!(LogTimes::new(1, None, None, &marks).marks.len(), 1);
    }
}
