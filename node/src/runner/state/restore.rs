//! The journal read back, and written anew.

use std::sync::Arc;

use lp_protocol::AttemptKey;
use lp_protocol::frames::{AssignedEnv, Assignment, AttemptEvent, INLINE_LOG_BYTES, Report};

use super::{Ending, Phase, State};
use crate::cache::Pin;
use crate::journal::Record;
use crate::runner::given::Given;

impl State {
    /// Takes over what an earlier process wrote. `pins` holds the packages of an attempt.
    pub(crate) fn restore(&mut self, records: Vec<Record>, pins: impl Fn(&Assignment) -> Vec<Pin>) {
        for record in records {
            match record {
                Record::Head { next_seq, acked, instance } => {
                    self.outbox.resume(next_seq, acked);
                    self.instance = instance;
                }
                Record::Supervisor { instance } => self.instance = Some(instance),
                Record::Accept { assignment } => {
                    let pins = pins(&assignment);
                    self.insert(*assignment, pins, Phase::Restored);
                }
                Record::Given { attempt, given } => {
                    if let Some(attempt) = self.attempts.get_mut(&attempt) {
                        attempt.given = given;
                    }
                }
                Record::Built { attempt, package } => {
                    if let Some(attempt) = self.attempts.get_mut(&attempt) {
                        let env = Some(AssignedEnv::Package(package.clone()));
                        let assignment = Assignment { env, ..attempt.order.assignment.clone() };
                        attempt.pins.extend(pins(&assignment));
                        attempt.built = Some(package);
                    }
                }
                Record::Ending { attempt, cause } => {
                    if let Some(attempt) = self.attempts.get_mut(&attempt) {
                        attempt.ending = Some(Ending { cause, kill_at_ms: None, is_container_killed: false });
                    }
                }
                Record::Report { report } => self.restore_report(Arc::from(report)),
                Record::Acked { through } => self.restore_ack(through),
                Record::Forget { attempt } => {
                    self.attempts.remove(&attempt);
                    self.outbox.forget(&attempt);
                    self.logs.remove(&attempt);
                }
                Record::Log { attempt, bytes } => {
                    self.logs.insert(attempt, bytes);
                }
                Record::LogDone { attempt } => {
                    self.logs.remove(&attempt);
                }
            }
        }
        self.outbox.rewind();
    }

    fn restore_report(&mut self, report: Arc<Report>) {
        if let AttemptEvent::Finished(finish) = &report.event
            && finish.log.is_none()
            && finish.log_bytes > INLINE_LOG_BYTES
        {
            self.logs.insert(report.attempt.clone(), finish.log_bytes);
        }
        let is_last = !matches!(report.event, AttemptEvent::Started { .. });
        if let Some(attempt) = self.attempts.get_mut(&report.attempt)
            && is_last
        {
            attempt.phase = Phase::Done { seq: report.seq };
            attempt.input = None;
            attempt.pins.clear();
        }
        self.outbox.restore(report);
    }

    fn restore_ack(&mut self, through: u64) {
        for report in self.outbox.ack(through) {
            if !matches!(report.event, AttemptEvent::Started { .. }) {
                self.attempts.remove(&report.attempt);
            }
        }
    }

    /// All that must not be forgotten, in as few records as say it.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::Head {
            next_seq: self.outbox.next_seq(),
            acked: self.outbox.acked(),
            instance: self.instance.clone(),
        }];
        let mut attempts: Vec<_> = self.attempts.iter().collect();
        attempts.sort_by_key(|(_, attempt)| attempt.place.1);
        for (key, attempt) in attempts {
            let mut assignment = attempt.order.assignment.clone();
            if let Some(input) = &attempt.input {
                assignment.input = (**input).to_owned();
            }
            records.push(Record::Accept { assignment: Box::new(assignment) });
            if attempt.given != (Given { uid: self.first_choice(key), gpus: Vec::new() })
                && attempt.given != Given::default()
            {
                records.push(Record::Given { attempt: key.clone(), given: attempt.given.clone() });
            }
            if let Some(package) = &attempt.built {
                records.push(Record::Built { attempt: key.clone(), package: package.clone() });
            }
            if let Some(ending) = &attempt.ending {
                records.push(Record::Ending { attempt: key.clone(), cause: ending.cause.clone() });
            }
        }
        records
            .extend(self.outbox.iter().map(|report| Record::Report { report: Box::new((**report).clone()) }));
        // after the reports, which would announce logs that are done
        let announced = self
            .outbox
            .iter()
            .map(|report| report.attempt.clone())
            .filter(|key| !self.logs.contains_key(key));
        records.extend(
            announced
                .collect::<std::collections::BTreeSet<AttemptKey>>()
                .into_iter()
                .map(|attempt| Record::LogDone { attempt }),
        );
        records.extend(
            self.logs.iter().map(|(attempt, bytes)| Record::Log { attempt: attempt.clone(), bytes: *bytes }),
        );
        records
    }
}
