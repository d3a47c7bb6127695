//! Assignments and their packages.

use std::cmp::Reverse;
use std::sync::Arc;

use lp_protocol::frames::{Assignment, AttemptEvent};
use lp_protocol::{AttemptKey, Exit, PreparingStep};

use super::{Attempt, Phase, State};
use crate::cache::Pin;
use crate::capacity::lacking;
use crate::journal::Record;
use crate::runner::effects::Effects;
use crate::runner::given::Given;
use crate::runner::launch::Prepared;
use crate::runner::order::Order;
use crate::runner::state::Now;
use crate::runner::workspace::is_safe_name;

/// An assignment with what the cache says about it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) assignment: Assignment,
    pub(crate) pins: Vec<Pin>,
    /// Its packages, where they are unpacked already.
    pub(crate) prepared: Option<Arc<Prepared>>,
}

impl State {
    /// Takes an attempt. One that is held already is a repeated frame and changes nothing.
    pub(crate) fn accept(&mut self, arrival: Arrival, now: Now, effects: &mut Effects) {
        let Arrival { assignment, pins, prepared } = arrival;
        let key = assignment.attempt.clone();
        if self.attempts.contains_key(&key) {
            tracing::debug!(attempt = %key, "assigned again what is held already");
            return;
        }
        let refusal = self.why_not(&assignment);
        if refusal.is_none() {
            let record = Record::Accept { assignment: Box::new(assignment) };
            self.journal.append(&record);
            let Record::Accept { assignment } = record else { return };
            self.insert(*assignment, pins, Phase::Preparing);
            match prepared {
                Some(prepared) => self.prepared(&key, Ok((prepared, Vec::new())), Vec::new(), now, effects),
                None => {
                    effects.prepare.extend(self.attempts.get(&key).map(|attempt| Arc::clone(&attempt.order)))
                }
            }
        } else if let Some(reason) = refusal {
            self.refuse(key, reason, now, effects);
        }
    }

    pub(super) fn insert(&mut self, assignment: Assignment, pins: Vec<Pin>, phase: Phase) {
        let (order, input) = Order::new(assignment);
        let key = order.assignment.attempt.clone();
        let place = (Reverse(order.assignment.priority), self.next_arrival);
        self.next_arrival += 1;
        // a rewritten journal has no input for what was launched
        let input = (input.get() != "null").then(|| input.into());
        let given = match phase {
            // an earlier process may have launched it; what it wrote down comes after
            Phase::Restored => Given { uid: self.first_choice(&key), ..Given::default() },
            _ => Given::default(),
        };
        let attempt = Attempt {
            order: Arc::new(order),
            input,
            place,
            phase,
            ending: None,
            deadline: None,
            pins,
            given,
            preparing: Vec::new(),
            built: None,
        };
        self.attempts.insert(key, attempt);
    }

    fn why_not(&self, assignment: &Assignment) -> Option<String> {
        if !is_safe_name(&assignment.attempt.action) {
            return Some(format!(
                "`{}` is not a name of an action",
                assignment.attempt.action.escape_debug()
            ));
        }
        let nothing = crate::capacity::nothing();
        let lacking = lacking(&self.total, &nothing, &assignment.resources);
        (!lacking.is_empty()).then(|| format!("it needs more {} than this node has", lacking.join(" and ")))
    }

    /// Reports that an attempt will not be run here, and why; for one that cannot even be taken.
    pub(crate) fn refuse(&mut self, key: AttemptKey, reason: String, now: Now, effects: &mut Effects) {
        if !self.attempts.contains_key(&key) {
            let exit = Exit::NotStarted { reason };
            let finish = super::end::unstarted(exit, crate::clock::wall(now.moment));
            self.report(&key, AttemptEvent::Finished(Box::new(finish)), effects);
        }
    }

    /// The packages are there, or it is known why they never will be.
    pub(crate) fn prepared(
        &mut self,
        key: &AttemptKey,
        result: Result<(Arc<Prepared>, Vec<Pin>), String>,
        steps: Vec<PreparingStep>,
        now: Now,
        effects: &mut Effects,
    ) {
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        let Phase::Preparing = attempt.phase else { return };
        attempt.preparing = steps;
        match result {
            Ok((prepared, pins)) => {
                attempt.pins.extend(pins);
                if let Some(package) = &prepared.built {
                    // what it runs in must be known after a restart, to be kept
                    attempt.built = Some(package.clone());
                    let package = package.clone();
                    self.journal.append(&Record::Built { attempt: key.clone(), package });
                }
                attempt.phase = Phase::Waiting(prepared);
                self.waiting.insert(attempt.place, key.clone(), attempt.order.assignment.resources.slots);
            }
            Err(reason) => self.not_started(key, reason, now, effects),
        }
    }

    pub(super) fn not_started(&mut self, key: &AttemptKey, reason: String, now: Now, effects: &mut Effects) {
        self.finish_unstarted(key, Exit::NotStarted { reason }, now, effects);
    }

    /// Hands attempts back that have not started.
    pub(crate) fn recall(&mut self, keys: &[AttemptKey], effects: &mut Effects) {
        for key in keys {
            let Some(attempt) = self.attempts.get(key) else { continue };
            if attempt.ending.is_none() && matches!(attempt.phase, Phase::Preparing | Phase::Waiting(_)) {
                self.report_last(key, AttemptEvent::Returned, effects);
            }
        }
    }
}
