//! A state machine under the hand of a test, and the hands that do what it wants.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::frames::{AttemptEvent, Welcome};
use lp_protocol::plan::Resources;
use lp_protocol::{AttemptKey, NodeId};

use super::super::{Arrival, Now, State};
use crate::isolation::Users;
use crate::journal::Journal;
use crate::runner::conclude::Log;
use crate::runner::effects::{Effects, Job, Left};
use crate::runner::launch::Prepared;
use crate::runner::order::tests::assignment;
use crate::supervisor::wire::{Ended, Event, How, Known, Moment, Request, Spawn};

/// A state with its journal, and the hands that do what it wants.
pub(super) struct Bench {
    pub(super) dir: tempfile::TempDir,
    pub(super) state: State,
    pub(super) now: Now,
    /// Spawns handed over, by key.
    pub(super) spawned: Vec<String>,
    pub(super) requests: Vec<Request>,
    /// Starts whose health is to be watched.
    pub(super) watched: Vec<Moment>,
    /// The link was rung since this was last looked at.
    pub(super) rung: bool,
}

impl Bench {
    pub(super) fn new(slots: u32) -> Self {
        let mut bench = Self::unconnected(slots);
        bench.supervisor_up("first", vec![]);
        bench
    }

    pub(super) fn unconnected(slots: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = open(&dir, slots);
        Self {
            dir,
            state,
            now: Now::default(),
            spawned: Vec::new(),
            requests: Vec::new(),
            watched: Vec::new(),
            rung: false,
        }
    }

    /// The same data with a new process.
    pub(super) fn restart(self) -> Self {
        let state = open(&self.dir, 2);
        Self { state, spawned: Vec::new(), requests: Vec::new(), ..self }
    }

    /// One pass: decide, start what fits, commit, and do the file work at once.
    pub(super) fn act(&mut self, decide: impl FnOnce(&mut State, Now, &mut Effects)) {
        let mut effects = Effects::default();
        decide(&mut self.state, self.now, &mut effects);
        loop {
            self.state.start_waiting(self.now, &mut effects);
            self.state.tell(self.now, &mut effects);
            if self.state.commit(&mut effects).is_err() {
                return;
            }
            self.requests.append(&mut effects.requests);
            self.watched.extend(effects.watch.drain(..).map(|watch| watch.start));
            self.rung |= std::mem::take(&mut effects.link);
            for request in &self.requests {
                if let Request::Spawn(spawn) = request
                    && !self.spawned.contains(&spawn.key)
                {
                    self.spawned.push(spawn.key.clone());
                }
            }
            let orders = std::mem::take(&mut effects.prepare);
            let jobs = std::mem::take(&mut effects.jobs);
            if orders.is_empty() && jobs.is_empty() {
                return;
            }
            for order in orders {
                self.state.prepared(
                    &order.assignment.attempt,
                    Ok((packages(), Vec::new())),
                    Vec::new(),
                    self.now,
                    &mut effects,
                );
            }
            for job in jobs {
                self.work(job, &mut effects);
            }
        }
    }

    pub(super) fn work(&mut self, job: Job, effects: &mut Effects) {
        match job {
            Job::Launch(launch) => {
                let spawn = Spawn { key: launch.order.key.clone(), ..Spawn::default() };
                self.state.launched(&launch.order, Ok(spawn), self.now, effects);
            }
            Job::Close { .. } => {}
            Job::Explain { order, .. } => {
                self.state.explained(&order, Err("a reason".into()), self.now, effects)
            }
            Job::Conclude { order, ended, .. } => {
                let left = Left { output: Ok(None), log: Log::default(), container: None };
                self.state.concluded(&order, &ended, left, effects);
            }
        }
    }

    pub(super) fn assign(&mut self, change: impl FnOnce(&mut lp_protocol::frames::Assignment)) -> AttemptKey {
        let mut assignment = assignment("a");
        change(&mut assignment);
        let key = assignment.attempt.clone();
        let arrival = Arrival { assignment, pins: vec![], prepared: Some(packages()) };
        self.act(|state, now, effects| state.accept(arrival, now, effects));
        key
    }

    pub(super) fn end(&mut self, key: &AttemptKey, how: How) {
        let event = Event::Ended(ended(key, how));
        self.act(|state, now, effects| state.supervisor_events(vec![event], now, effects));
    }

    pub(super) fn supervisor_up(&mut self, instance: &str, known: Vec<Known>) {
        self.act(|state, now, effects| state.supervisor_up(instance.into(), known, |_| true, now, effects));
    }

    pub(super) fn welcome(&mut self, go_on: Vec<AttemptKey>, acked: u64) {
        let second = Duration::from_secs(1);
        let welcome =
            Welcome { node_id: NodeId::random(), heartbeat: second, lost_after: 60 * second, go_on, acked };
        self.act(|state, now, effects| state.welcome(&welcome, now, effects));
    }

    pub(super) fn tick(&mut self, mono_ms: u64) {
        self.now.moment.mono_ms = mono_ms;
        self.act(|state, now, effects| state.tick(now, effects));
    }

    pub(super) fn is_spawned(&self, key: &AttemptKey) -> bool {
        self.spawned.contains(&key.to_string())
    }

    /// What the manager is told, in short.
    pub(super) fn told(&mut self) -> Vec<(AttemptKey, String)> {
        let reports = self.state.outbox.take(usize::MAX);
        let word = |event: &AttemptEvent| match event {
            AttemptEvent::Started { .. } => "started".to_owned(),
            AttemptEvent::Finished(finish) => finish.exit.to_string(),
            AttemptEvent::Returned => "returned".to_owned(),
        };
        reports.iter().map(|report| (report.attempt.clone(), word(&report.event))).collect()
    }

    pub(super) fn signals(&self) -> Vec<i32> {
        let signal = |request: &Request| match request {
            Request::Signal { signal, .. } => Some(*signal),
            _ => None,
        };
        self.requests.iter().filter_map(signal).collect()
    }
}

pub(super) fn open(dir: &tempfile::TempDir, slots: u32) -> State {
    let (journal, records) = Journal::open(&dir.path().join("journal")).unwrap();
    let mut state = State::new(Resources { slots, gpus: 1, ..Resources::default() }, journal);
    state.set_givable(Users::Range { first: 100, count: 1000 }, vec!["a".into()]);
    state.restore(records, |_| vec![]);
    state
}

pub(super) fn packages() -> Arc<Prepared> {
    Arc::new(Prepared { app: PathBuf::from("/app"), venv: None, built: None })
}

pub(super) fn ended(key: &AttemptKey, how: How) -> Ended {
    let (start, end) = (Moment::default(), Moment::default());
    Ended {
        key: key.to_string(),
        how,
        start,
        end,
        cpu_micros: 0,
        max_rss_bytes: 0,
        read_bytes: 0,
        written_bytes: 0,
        out_of_memory: None,
        lease_expired: false,
    }
}
