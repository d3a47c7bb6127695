//! From waiting to running.

use std::sync::Arc;

use lp_protocol::AttemptKey;
use lp_protocol::frames::AttemptEvent;

use super::{Now, Phase, State};
use crate::capacity::{add, lacking, nothing, wants_any};
use crate::journal::{Cause, Record};
use crate::runner::effects::{Effects, Job};
use crate::runner::launch::{Launch, Prepared};
use crate::runner::order::Order;
use crate::runner::workspace::Making;
use crate::supervisor::wire::{LEASE_GRACE, Request, Spawn};

/// 40 ms a start waits for company: a program that ends sooner reports both at once, and people do not see the difference.
const UNTOLD_MS: u64 = 40;

/// 64 attempts are looked at beyond the first that does not fit; the manager sends a few times the slots.
const LOOK_AHEAD: usize = 64;

impl State {
    /// Starts what fits, in order. Where one lacks something, later ones that want any of the same wait too, so that a large
    /// attempt is not passed for ever by small ones; those that want other things go ahead.
    pub(crate) fn start_waiting(&mut self, now: Now, effects: &mut Effects) {
        if self.waiting.is_empty() || !self.connected {
            return;
        }
        let mut used = self.used();
        let mut blocked: Vec<String> = Vec::new();
        let mut starting = Vec::new();
        let mut passed = 0;
        // with all slots taken, the usual case, only those that need none are looked at
        let candidates = self.waiting.iter(used.slots < self.total.slots);
        for (place, key) in candidates {
            let Some(attempt) = self.attempts.get(key) else { continue };
            if !self.may_run(attempt, now) {
                continue;
            }
            let need = &attempt.order.assignment.resources;
            let short = lacking(&self.total, &used, need);
            if short.is_empty() && !wants_any(need, &blocked) {
                add(&mut used, need);
                starting.push((*place, key.clone()));
                if need.slots > 0 && used.slots >= self.total.slots {
                    break;
                }
                continue;
            }
            blocked.extend(short.into_iter().map(str::to_owned));
            passed += 1;
            if passed > LOOK_AHEAD {
                break;
            }
        }
        for (place, key) in starting {
            self.waiting.remove(place);
            match self.give(&key) {
                Ok(()) => self.launch(&key, Making::Fresh, effects),
                Err(reason) => self.not_started(&key, reason, now, effects),
            }
        }
    }

    /// False for an attempt whose lease has run out before it began: without word from the manager it stays where it is.
    fn may_run(&self, attempt: &super::Attempt, now: Now) -> bool {
        self.lease(attempt)
            .is_none_or(|lease| lease.until_boot_ms.saturating_sub(lease.grace_ms) > now.boot_ms)
    }

    fn used(&self) -> lp_protocol::plan::Resources {
        let mut used = nothing();
        for key in &self.occupying {
            if let Some(attempt) = self.attempts.get(key) {
                add(&mut used, &attempt.order.assignment.resources);
            }
        }
        used
    }

    pub(super) fn launch(&mut self, key: &AttemptKey, making: Making, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        let prepared = match &attempt.phase {
            Phase::Waiting(prepared) | Phase::Running { prepared: Some(prepared), .. } => {
                Arc::clone(prepared)
            }
            Phase::Restored
            | Phase::Preparing
            | Phase::Launching(_)
            | Phase::Running { prepared: None, .. }
            | Phase::Concluding
            | Phase::Done { .. } => return,
        };
        attempt.phase = Phase::Launching(Arc::clone(&prepared));
        self.occupying.insert(key.clone());
        let given = attempt.given.clone();
        let launch = Launch {
            order: Arc::clone(&attempt.order),
            prepared,
            input: attempt.input.take(),
            making,
            given,
        };
        effects.jobs.push(Job::Launch(launch));
    }

    /// The workspace stands and the program is found, or the reason it is not.
    pub(crate) fn launched(
        &mut self,
        order: &Order,
        result: Result<Spawn, String>,
        now: Now,
        effects: &mut Effects,
    ) {
        let key = &order.assignment.attempt;
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        let Phase::Launching(prepared) = &attempt.phase else { return };
        if let Some(ending) = &attempt.ending {
            let cause = ending.cause.clone();
            self.end_unstarted(key, &cause, now, effects);
            return;
        }
        let prepared = Arc::clone(prepared);
        match result {
            Err(reason) => self.not_started(key, reason, now, effects),
            Ok(spawn) => {
                attempt.phase = Phase::Running { prepared: Some(prepared), start: now.moment };
                self.hand_over(key, spawn, effects);
                self.started(key, now);
                self.watch_health(key, effects);
                self.watch_output(key, effects);
            }
        }
    }

    fn hand_over(&self, key: &AttemptKey, mut spawn: Spawn, effects: &mut Effects) {
        if let Some(attempt) = self.attempts.get(key) {
            spawn.lease = self.lease(attempt);
            if let (Some(lease), Some(_)) = (spawn.lease, &attempt.order.assignment.docker) {
                spawn.env.push((LEASE_GRACE.to_owned(), lease.grace_ms.to_string()));
            }
        }
        effects.requests.push(Request::Spawn(Box::new(spawn)));
    }

    fn started(&mut self, key: &AttemptKey, now: Now) {
        self.untold.push_back((now.mono_ms() + UNTOLD_MS, key.clone()));
        self.watch_timeout(key);
        self.ring(key);
    }

    /// Its program has been started, or adopted: from now on its output is looked at.
    pub(super) fn watch_output(&self, key: &AttemptKey, effects: &mut Effects) {
        if let Some(attempt) = self.attempts.get(key) {
            effects.started.push(Arc::clone(&attempt.order));
        }
    }

    pub(super) fn watch_timeout(&mut self, key: &AttemptKey) {
        let Some(attempt) = self.attempts.get(key) else { return };
        if let (Phase::Running { start, .. }, Some(timeout)) =
            (&attempt.phase, attempt.order.assignment.timeout)
        {
            let at = start.mono_ms.saturating_add(timeout.as_millis() as u64);
            self.watch(key, Some(at));
        }
    }

    /// Tells the starts whose time has come.
    pub(super) fn tell_starts(&mut self, now: Now, effects: &mut Effects) {
        while self.untold.front().is_some_and(|(at, _)| *at <= now.mono_ms()) {
            let Some((_, key)) = self.untold.pop_front() else { return };
            let Some(attempt) = self.attempts.get_mut(&key) else { continue };
            if let (Phase::Running { start, .. }, false) = (&attempt.phase, attempt.is_forgotten()) {
                let preparing = std::mem::take(&mut attempt.preparing);
                let event = AttemptEvent::Started { start_at: crate::clock::wall(*start), preparing };
                self.report(&key, event, effects);
                // what runs for a while may write a long log
                effects.ship = true;
            }
        }
    }

    /// The system refused the spawn: find out why, or how else.
    pub(crate) fn spawn_refused(&mut self, key: &AttemptKey, errno: i32, now: Now, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get(key) else { return };
        let Phase::Running { prepared, .. } = &attempt.phase else { return };
        match prepared {
            Some(prepared) => {
                let (order, prepared) = (Arc::clone(&attempt.order), Arc::clone(prepared));
                let given = attempt.given.clone();
                effects.jobs.push(Job::Explain { order, prepared, given, errno });
            }
            None => {
                let reason = std::io::Error::from_raw_os_error(errno).to_string();
                self.not_started(key, reason, now, effects);
            }
        }
    }

    /// Another spawn in place of a refused one, or the reason there is none.
    pub(crate) fn explained(
        &mut self,
        order: &Order,
        result: Result<Spawn, String>,
        now: Now,
        effects: &mut Effects,
    ) {
        let key = &order.assignment.attempt;
        let Some(attempt) = self.attempts.get(key) else { return };
        let Phase::Running { .. } = attempt.phase else { return };
        match (result, attempt.ending.as_ref().map(|ending| ending.cause.clone())) {
            (_, Some(cause)) => self.end_unstarted(key, &cause, now, effects),
            (Ok(spawn), None) => self.hand_over(key, spawn, effects),
            (Err(reason), None) => self.not_started(key, reason, now, effects),
        }
    }

    pub(super) fn end_unstarted(&mut self, key: &AttemptKey, cause: &Cause, now: Now, effects: &mut Effects) {
        match cause {
            Cause::Forgotten => self.remove(key, effects),
            Cause::TimedOut => self.finish_unstarted(key, lp_protocol::Exit::TimedOut, now, effects),
            Cause::Unhealthy(reason) => {
                let exit = lp_protocol::Exit::Unhealthy { reason: reason.clone() };
                self.finish_unstarted(key, exit, now, effects);
            }
            Cause::Stopped => {
                self.finish_unstarted(key, lp_protocol::Exit::Stopped { returncode: -15 }, now, effects);
            }
        }
    }

    /// Writes down that we end it.
    pub(super) fn record_ending(&mut self, key: &AttemptKey, cause: &Cause) {
        self.journal.append(&Record::Ending { attempt: key.clone(), cause: cause.clone() });
    }

    /// Only used where a launch needs the packages again after a restart.
    pub(super) fn prepare_again(&mut self, key: &AttemptKey, effects: &mut Effects) {
        if let Some(attempt) = self.attempts.get_mut(key) {
            attempt.phase = Phase::Preparing;
            effects.prepare.push(Arc::clone(&attempt.order));
        }
    }

    /// The packages of a running attempt, if this process knows them.
    pub(super) fn known_packages(&self, key: &AttemptKey) -> Option<Arc<Prepared>> {
        match &self.attempts.get(key)?.phase {
            Phase::Running { prepared, .. } => prepared.clone(),
            Phase::Restored
            | Phase::Preparing
            | Phase::Waiting(_)
            | Phase::Launching(_)
            | Phase::Concluding
            | Phase::Done { .. } => None,
        }
    }
}
