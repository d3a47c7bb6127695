//! When the lines of an output were written, for the script that shows them.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use lp_protocol::client::AttemptRef;
use lp_protocol::views::LogTimes;
use serde::Serialize;

use super::downloads::{AttemptPath, attachment};
use crate::failure::Failure;
use crate::frame::Signed;

/// Moments in milliseconds since 1970.
#[derive(Serialize)]
struct Told {
    start: Option<i64>,
    end: Option<i64>,
    precision: u64,
    /// Of each mark, by how much its offset and its moment are beyond those of the one before: a third of what they would take in full.
    marks: Vec<i64>,
}

pub(crate) async fn show(
    signed: web::ReqData<Signed>,
    path: web::Path<AttemptPath>,
) -> Result<HttpResponse, Failure> {
    let AttemptPath { task, action, attempt } = path.into_inner();
    let times = signed.session.client.fetch_log_times(&task, &action, AttemptRef::Number(attempt)).await?;
    Ok(attachment("application/json", "times.json").json(Told::from(&times)))
}

impl From<&LogTimes> for Told {
    fn from(times: &LogTimes) -> Self {
        let LogTimes { attempt: _, start_at, end_at, precision_ms, marks } = times;
        let millis = |at: &Option<DateTime<Utc>>| at.map(|at| at.timestamp_millis());
        let mut told = Vec::with_capacity(2 * marks.len());
        let mut last = (0, 0);
        for mark in marks {
            let next = (i64::try_from(mark.offset).unwrap_or(i64::MAX), mark.at.timestamp_millis());
            told.extend([next.0.saturating_sub(last.0), next.1.saturating_sub(last.1)]);
            last = next;
        }
        Self { start: millis(start_at), end: millis(end_at), precision: *precision_ms, marks: told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::views::LogMark;

    #[test]
    fn marks_are_told_by_their_differences() {
        let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        let marks = [(10, 1000), (15, 1500)].map(|(offset, ms)| LogMark { offset, at: at(ms) });
        let times = LogTimes {
            attempt: 1,
            start_at: Some(at(900)),
            end_at: None,
            precision_ms: 100,
            marks: marks.into(),
        };

        let told = serde_json::to_string(&Told::from(&times)).unwrap();

        assert_eq!(told, r#"{"start":900,"end":null,"precision":100,"marks":[10,1000,5,500]}"#);
    }
}
