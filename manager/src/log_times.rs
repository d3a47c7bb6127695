//! When an attempt's output was written: from the row once it has ended, from its node while it runs.
//!
//! The two are asked in this order and the first once more where the node has just given its report away, so that there is no moment between them.

use lp_protocol::frames::StreamRequest;
use lp_protocol::marks::{MAX_MARKS_BYTES, Marks};
use lp_protocol::views::LogTimes;
use lp_protocol::{AttemptKey, ErrorCode, Stage};

use crate::core::record::{AttemptId, AttemptRecord};
use crate::link::NoStream;
use crate::logs::{Error, Logs};

impl Logs {
    /// What is known of the times of an attempt's output.
    ///
    /// # Errors
    /// It runs, and its node cannot be asked.
    pub async fn load_times(&self, id: AttemptId, key: &AttemptKey) -> Result<LogTimes, Error> {
        let record = self.find(id, key).await?;
        let marks = match record.stage {
            Stage::Finished => self.stored_marks(id).await?,
            // nothing has started
            Stage::Pending => Marks::default(),
            Stage::Running | Stage::Stopping => match self.ask_marks(&record, key).await {
                Ok(marks) => marks,
                Err(error) if is_over(&error) => {
                    let record = self.find(id, key).await?;
                    return Ok(times(key, &record, &self.stored_marks(id).await?));
                }
                Err(error) => return Err(error),
            },
        };
        Ok(times(key, &record, &marks))
    }

    async fn find(&self, id: AttemptId, key: &AttemptKey) -> Result<AttemptRecord, Error> {
        let record = self.store.find_attempt(id).await?;
        record.ok_or_else(|| Error::NoSuchAttempt(key.clone()))
    }

    async fn stored_marks(&self, id: AttemptId) -> Result<Marks, Error> {
        let bytes = self.store.load_log_times(id).await?;
        Ok(bytes.and_then(|bytes| Marks::decode(&bytes).ok()).unwrap_or_default())
    }

    async fn ask_marks(&self, record: &AttemptRecord, key: &AttemptKey) -> Result<Marks, Error> {
        let node_id = record.node_id;
        let unreachable = |source| Error::Unreachable { node_id, source };
        let what = StreamRequest::LogTimes { attempt: key.clone() };
        let incoming = match self.link.open_stream(node_id, what).await {
            Ok(incoming) => incoming,
            Err(NoStream::Refused(error)) if error.code != ErrorCode::Unavailable => {
                return Err(Error::Refused(error));
            }
            Err(source) => return Err(unreachable(source)),
        };
        let bytes = incoming.read_all(MAX_MARKS_BYTES).await;
        let marks = bytes.ok().flatten().and_then(|bytes| Marks::decode(&bytes).ok());
        // it broke off, or says what we do not understand
        marks.ok_or_else(|| unreachable(NoStream::NoAnswer))
    }
}

/// The node has no more to say of it.
fn is_over(error: &Error) -> bool {
    matches!(error, Error::Refused(error) if error.code == ErrorCode::Gone)
}

fn times(key: &AttemptKey, record: &AttemptRecord, marks: &Marks) -> LogTimes {
    LogTimes::new(key.attempt, record.start_at, record.end_at, marks)
}
