//! Reports on their way to the manager: numbered, kept until it says they are committed.

use std::collections::VecDeque;
use std::sync::Arc;

use lp_protocol::AttemptKey;
use lp_protocol::frames::{AttemptEvent, Report};

#[derive(Debug)]
pub(crate) struct Outbox {
    reports: VecDeque<Arc<Report>>,
    next_seq: u64,
    /// The last report given to the connection that stands.
    sent: u64,
    /// The last report that is in the journal and so may be sent.
    journalled: u64,
    acked: u64,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self { reports: VecDeque::new(), next_seq: 1, sent: 0, journalled: 0, acked: 0 }
    }

    /// Goes on where the numbers of an earlier process ended.
    pub(crate) fn resume(&mut self, next_seq: u64, acked: u64) {
        self.next_seq = self.next_seq.max(next_seq);
        self.acked = self.acked.max(acked);
    }

    /// Takes back a report of an earlier process.
    pub(crate) fn restore(&mut self, report: Arc<Report>) {
        self.next_seq = self.next_seq.max(report.seq + 1);
        self.journalled = self.journalled.max(report.seq);
        self.reports.push_back(report);
    }

    pub(crate) fn push(&mut self, attempt: AttemptKey, event: AttemptEvent) -> Arc<Report> {
        let report = Arc::new(Report { seq: self.next_seq, attempt, event });
        self.next_seq += 1;
        self.reports.push_back(Arc::clone(&report));
        report
    }

    /// The journal holds all reports made so far.
    pub(crate) fn mark_journalled(&mut self) {
        self.journalled = self.next_seq - 1;
    }

    /// Reports that may be sent and were not, oldest first, up to about `bytes` of output; they count as sent.
    pub(crate) fn take(&mut self, bytes: usize) -> Vec<Arc<Report>> {
        let mut taken = Vec::new();
        let mut size = 0;
        let begin = self.reports.partition_point(|report| report.seq <= self.sent);
        for report in self.reports.iter().skip(begin) {
            if report.seq > self.journalled || size > bytes {
                break;
            }
            size += weight(report);
            self.sent = report.seq;
            taken.push(Arc::clone(report));
        }
        taken
    }

    /// How many reports the connection that stands was not given.
    pub(crate) fn unsent(&self) -> u64 {
        self.reports.back().map_or(0, |last| last.seq.saturating_sub(self.sent))
    }

    /// Gives what waits new numbers from `first` on; it counts as not sent.
    pub(crate) fn renumber(&mut self, first: u64) {
        self.next_seq = first;
        for report in &mut self.reports {
            Arc::make_mut(report).seq = self.next_seq;
            self.next_seq += 1;
        }
        self.journalled = self.journalled.max(first - 1);
        self.sent = first - 1;
    }

    /// A new connection: what is not committed is sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = self.acked;
    }

    /// Drops reports that are committed and returns them.
    pub(crate) fn ack(&mut self, through: u64) -> Vec<Arc<Report>> {
        self.acked = self.acked.max(through);
        self.sent = self.sent.max(self.acked);
        let count = self.reports.partition_point(|report| report.seq <= through);
        self.reports.drain(..count).collect()
    }

    /// Drops what would be told about an attempt.
    pub(crate) fn forget(&mut self, attempt: &AttemptKey) {
        self.reports.retain(|report| report.attempt != *attempt);
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Report>> {
        self.reports.iter()
    }
}

fn weight(report: &Report) -> usize {
    match &report.event {
        AttemptEvent::Finished(finish) => {
            512 + finish.output.as_ref().map_or(0, |output| output.get().len())
                + finish.log.as_ref().map_or(0, String::len)
                + finish.log_times.as_ref().map_or(0, String::len)
        }
        AttemptEvent::Started { .. } | AttemptEvent::Returned => 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::order::tests::order;

    fn outbox(count: usize) -> Outbox {
        let mut outbox = Outbox::new();
        for _ in 0..count {
            outbox.push(order("a").assignment.attempt, AttemptEvent::Returned);
        }
        outbox
    }

    fn seqs(reports: &[Arc<Report>]) -> Vec<u64> {
        reports.iter().map(|report| report.seq).collect()
    }

    #[test]
    fn nothing_is_sent_before_it_is_journalled() {
        let mut outbox = outbox(2);
        assert!(outbox.take(usize::MAX).is_empty());

        outbox.mark_journalled();
        assert_eq!(seqs(&outbox.take(usize::MAX)), [1, 2]);
        assert!(outbox.take(usize::MAX).is_empty());
    }

    #[test]
    fn what_is_not_committed_is_sent_again_on_a_new_connection() {
        let mut outbox = outbox(3);
        outbox.mark_journalled();
        outbox.take(usize::MAX);

        assert_eq!(seqs(&outbox.ack(1)), [1]);
        outbox.rewind();

        assert_eq!(seqs(&outbox.take(1)), [2]);
        assert_eq!(seqs(&outbox.take(usize::MAX)), [3]);
        assert_eq!(seqs(&outbox.ack(9)), [2, 3]);
    }

    #[test]
    fn numbers_go_on_after_a_restart() {
        let mut outbox = Outbox::new();
        outbox.resume(8, 5);

        assert_eq!(outbox.push(order("a").assignment.attempt, AttemptEvent::Returned).seq, 8);
    }
}
