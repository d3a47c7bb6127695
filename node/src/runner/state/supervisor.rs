//! What the supervisor knows, held against what we know.

use std::collections::HashMap;

use lp_protocol::{AttemptKey, Exit};

use super::{Now, Phase, State};
use crate::journal::Record;
use crate::runner::effects::Effects;
use crate::runner::workspace::Making;
use crate::supervisor::wire::{Event, Known, Moment, Request};

const SIGKILL: i32 = 9;

/// Attempts by the names the supervisor has for them.
type ByName = HashMap<String, AttemptKey>;

impl State {
    /// A connection to a supervisor stands and these are all the attempts it knows. With another instance than before, what was started is
    /// lost: the supervisor's client has killed it. `was_launched` tells whether an attempt's workspace was made.
    pub(crate) fn supervisor_up(
        &mut self,
        instance: String,
        known: Vec<Known>,
        was_launched: impl Fn(&AttemptKey) -> bool,
        now: Now,
        effects: &mut Effects,
    ) {
        let same = self.instance.as_ref() == Some(&instance);
        self.connected = true;
        if !same {
            self.journal.append(&Record::Supervisor { instance: instance.clone() });
            self.instance = Some(instance);
        }
        let names: ByName =
            self.attempts.iter().map(|(key, attempt)| (attempt.order.key.clone(), key.clone())).collect();
        let mut missing: HashMap<AttemptKey, ()> = self
            .attempts
            .iter()
            .filter(|(_, attempt)| matches!(attempt.phase, Phase::Restored | Phase::Running { .. }))
            .map(|(key, _)| (key.clone(), ()))
            .collect();
        for known in known {
            let name = match &known {
                Known::Running { key, .. } => key,
                Known::Ended(ended) => &ended.key,
            };
            let Some(key) = names.get(name) else {
                self.stray(known, effects);
                continue;
            };
            missing.remove(key);
            match known {
                Known::Running { start, .. } => self.adopt(key, start, now, effects),
                Known::Ended(ended) => self.ended(key, ended, effects),
            }
        }
        for key in missing.into_keys() {
            self.missing(&key, same, was_launched(&key), now, effects);
        }
    }

    /// The connection is gone: nothing is started until one stands again.
    pub(crate) fn supervisor_down(&mut self) {
        self.connected = false;
    }

    /// Something the supervisor runs and we know nothing of: the manager wants to hear nothing of it either.
    fn stray(&mut self, known: Known, effects: &mut Effects) {
        effects.requests.push(match known {
            Known::Running { key, .. } => Request::Signal { key, signal: SIGKILL },
            Known::Ended(ended) => Request::Forget { keys: vec![ended.key] },
        });
    }

    /// It runs: go on watching it, and go on ending it if we were.
    fn adopt(&mut self, key: &AttemptKey, start: Moment, now: Now, effects: &mut Effects) {
        let packages = self.known_packages(key);
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        match attempt.phase {
            Phase::Restored | Phase::Launching(_) | Phase::Running { .. } => {}
            Phase::Preparing | Phase::Waiting(_) | Phase::Concluding | Phase::Done { .. } => return,
        }
        let restored = matches!(attempt.phase, Phase::Restored);
        let is_watched = matches!(attempt.phase, Phase::Running { start: known, .. } if known == start);
        attempt.phase = Phase::Running { prepared: packages, start };
        self.occupying.insert(key.clone());
        if restored {
            tracing::info!(attempt = %key, "adopted a running program");
            self.untold.push_back((now.mono_ms(), key.clone()));
            self.watch_timeout(key);
        }
        if !is_watched {
            self.watch_health(key, effects);
            self.watch_output(key, effects);
        }
        self.resume_ending(key, now, effects);
    }

    fn resume_ending(&mut self, key: &AttemptKey, now: Now, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get(key) else { return };
        let Some(ending) = &attempt.ending else { return };
        let grace_ms = attempt.order.assignment.grace.as_millis() as u64;
        let cause = ending.cause.clone();
        self.end(key, cause, (15, grace_ms), now, effects);
    }

    /// The supervisor does not know it.
    fn missing(&mut self, key: &AttemptKey, same: bool, was_launched: bool, now: Now, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get(key) else { return };
        if let Some(ending) = &attempt.ending {
            // nothing of it runs, and nothing will
            let cause = ending.cause.clone();
            self.end_unstarted(key, &cause, now, effects);
            return;
        }
        let restored = matches!(attempt.phase, Phase::Restored);
        match (same, restored) {
            // the same process would know it: it was never handed over
            (true, true) => self.prepare_again(key, effects),
            (true, false) => self.launch(key, Making::Again, effects),
            (false, true) if !was_launched => self.prepare_again(key, effects),
            (false, _) => {
                let reason = "the supervisor of the node died, and with it the knowledge of how the program ended; \
                              what was left of it was killed";
                self.finish_unstarted(key, Exit::Lost { reason: reason.to_owned() }, now, effects);
            }
        }
    }

    /// Something happened to programs.
    pub(crate) fn supervisor_events(&mut self, events: Vec<Event>, now: Now, effects: &mut Effects) {
        for event in events {
            match event {
                Event::Ended(ended) => match parse_key(&ended.key) {
                    Some(key) => self.ended(&key, ended, effects),
                    None => effects.requests.push(Request::Forget { keys: vec![ended.key] }),
                },
                Event::NotStarted { key, errno } => {
                    if let Some(key) = parse_key(&key) {
                        self.spawn_refused(&key, errno, now, effects);
                    }
                }
                // only the first event of a connection, and that one is not passed on
                Event::Welcome { .. } => {}
            }
        }
    }
}

/// The inverse of the key's `Display`; an action's name has no slash.
fn parse_key(text: &str) -> Option<AttemptKey> {
    let (task_id, rest) = text.split_once('/')?;
    let (action, attempt) = rest.rsplit_once('/')?;
    Some(AttemptKey {
        task_id: task_id.parse().ok()?,
        action: action.to_owned(),
        attempt: attempt.parse().ok()?,
    })
}
