//! The node's attempts: what each waits for, who may run, what is to be reported.
//!
//! A synchronous state machine without clocks, threads or files other than its journal: every event is one method that takes the time
//! and leaves [`Effects`]. An attempt is the node's from [`State::accept`] until the manager has acknowledged its last report.
//!
//! ```text
//! Restored ─┐
//! Preparing ─► Waiting ─► Launching ─► Running ─► Concluding ─► Done (until acknowledged)
//!      └──────────┴───────────┴── not started, stopped, returned ──┘
//! ```

mod accept;
mod end;
mod give;
mod health;
mod manager;
mod queue;
mod restore;
mod start;
mod stop;
mod supervisor;
mod tell;
#[cfg(test)]
mod tests;
mod times;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

pub(crate) use accept::Arrival;

use lp_protocol::frames::PackageRef;
use lp_protocol::plan::Resources;
use lp_protocol::{AttemptKey, PreparingStep};
use serde_json::value::RawValue;
use tokio::sync::Notify;

use queue::{Place, Queue};

use super::effects::Effects;
use super::given::Given;
use super::launch::Prepared;
use super::order::Order;
use crate::cache::Pin;
use crate::capacity::Load;
use crate::isolation::Users;
use crate::journal::{Cause, Journal, Record};
use crate::outbox::Outbox;
use crate::supervisor::wire::{Lease, Moment};

/// Now, on the clocks decisions are made by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    pub(crate) moment: Moment,
    pub(crate) boot_ms: u64,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { moment: crate::clock::now(), boot_ms: crate::clock::boot_millis() }
    }

    fn mono_ms(self) -> u64 {
        self.moment.mono_ms
    }
}

#[derive(Debug)]
pub(crate) struct State {
    total: Resources,
    attempts: HashMap<AttemptKey, Attempt>,
    /// Ready to start: higher priority first, then as they came.
    waiting: Queue,
    /// Launching and running: what they need is in use.
    occupying: HashSet<AttemptKey>,
    /// When to look at an attempt again (monotonic milliseconds).
    deadlines: BTreeSet<(u64, AttemptKey)>,
    /// Starts not told yet, oldest first, with the moment they are told alone.
    untold: VecDeque<(u64, AttemptKey)>,
    /// Logs on the way to the manager and their lengths.
    logs: BTreeMap<AttemptKey, u64>,
    /// To be deleted as soon as they have ended.
    doomed: HashSet<AttemptKey>,
    followers: HashMap<AttemptKey, Vec<Arc<Notify>>>,
    next_arrival: u64,
    /// The supervisor that gets the spawns.
    instance: Option<String>,
    /// A connection to it stands: what is started now is surely handed over.
    connected: bool,
    pub(crate) outbox: Outbox,
    journal: Journal,
    /// Decided, but the journal could not be written yet.
    held_back: Effects,
    /// The journal could not be written; when to try again.
    stuck_until_ms: Option<u64>,
    /// When reports that wait for others are sent alone.
    tell_by_ms: Option<u64>,
    /// What the timer sleeps for.
    armed_ms: Option<u64>,
    lease: LeaseTerms,
    users: Users,
    /// The GPUs of this node, by id.
    gpus: Vec<String>,
}

/// 500 ms between attempts to write a journal that cannot be written.
const STUCK_MS: u64 = 500;

#[derive(Debug)]
struct Attempt {
    order: Arc<Order>,
    /// Until it is launched.
    input: Option<Arc<RawValue>>,
    place: Place,
    phase: Phase,
    ending: Option<Ending>,
    /// Its entry in `deadlines`.
    deadline: Option<u64>,
    /// Its packages stay in the cache as long as this lives.
    pins: Vec<Pin>,
    /// From its launch on.
    given: Given,
    /// What was prepared, until the manager is told.
    preparing: Vec<PreparingStep>,
    /// The environment it runs in, where that was built from a lock.
    built: Option<PackageRef>,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Accepted by an earlier process; the supervisor will say what became of it.
    Restored,
    Preparing,
    Waiting(Arc<Prepared>),
    Launching(Arc<Prepared>),
    /// Handed to the supervisor. The packages are known unless an earlier process launched it.
    Running {
        prepared: Option<Arc<Prepared>>,
        start: Moment,
    },
    Concluding,
    /// Its last report has this number.
    Done {
        seq: u64,
    },
}

/// We end it.
#[derive(Clone, Debug)]
struct Ending {
    cause: Cause,
    /// When it is killed, if it has not ended by then.
    kill_at_ms: Option<u64>,
    /// The kill of its container was asked for; the next kill is its shim's.
    is_container_killed: bool,
}

/// Until when programs that may not outlive the word with the manager may run.
#[derive(Clone, Copy, Debug, Default)]
struct LeaseTerms {
    lost_after_ms: u64,
    contact_boot_ms: u64,
}

impl State {
    pub(crate) fn new(total: Resources, journal: Journal) -> Self {
        Self {
            total,
            attempts: HashMap::new(),
            waiting: Queue::default(),
            occupying: HashSet::new(),
            deadlines: BTreeSet::new(),
            untold: VecDeque::new(),
            logs: BTreeMap::new(),
            doomed: HashSet::new(),
            followers: HashMap::new(),
            next_arrival: 0,
            instance: None,
            connected: false,
            outbox: Outbox::new(),
            journal,
            held_back: Effects::default(),
            stuck_until_ms: None,
            tell_by_ms: None,
            armed_ms: None,
            lease: LeaseTerms::default(),
            users: Users::Own { why: String::new() },
            gpus: Vec::new(),
        }
    }

    /// Attempts the manager has not heard the end of.
    pub(crate) fn held(&self) -> Vec<AttemptKey> {
        let held = self.attempts.iter().filter(|(_, attempt)| !attempt.is_forgotten());
        held.map(|(key, _)| key.clone()).collect()
    }

    /// True from acceptance until the program has ended and nothing more is written.
    pub(crate) fn is_live(&self, key: &AttemptKey) -> bool {
        self.attempts
            .get(key)
            .is_some_and(|attempt| !matches!(attempt.phase, Phase::Concluding | Phase::Done { .. }))
    }

    /// True until its last report.
    pub(crate) fn is_held(&self, key: &AttemptKey) -> bool {
        self.attempts.get(key).is_some_and(|attempt| !matches!(attempt.phase, Phase::Done { .. }))
    }

    /// True while its packages are waited for.
    pub(crate) fn is_preparing(&self, key: &AttemptKey) -> bool {
        self.attempts.get(key).is_some_and(|attempt| matches!(attempt.phase, Phase::Preparing))
    }

    pub(crate) fn load(&self) -> Load {
        let running = self.occupying.len();
        let over = self
            .attempts
            .values()
            .filter(|attempt| matches!(attempt.phase, Phase::Concluding | Phase::Done { .. }));
        let waiting = self.attempts.len() - running - over.count();
        Load { running: running as u32, waiting: waiting as u32 }
    }

    /// The attempts whose programs run, with those that have a log to ship.
    pub(crate) fn running(&self) -> Vec<AttemptKey> {
        let is_running = |key: &&AttemptKey| {
            self.attempts.get(*key).is_some_and(|attempt| matches!(attempt.phase, Phase::Running { .. }))
        };
        self.occupying.iter().filter(is_running).cloned().collect()
    }

    /// Logs of ended attempts that are not all with the manager yet.
    pub(crate) fn unshipped(&self) -> Vec<(AttemptKey, u64)> {
        self.logs.iter().map(|(key, bytes)| (key.clone(), *bytes)).collect()
    }

    /// The manager has all of the log, or nobody wants it.
    pub(crate) fn log_done(&mut self, key: &AttemptKey) {
        if self.logs.remove(key).is_some() {
            self.journal.append(&Record::LogDone { attempt: key.clone() });
        }
    }

    /// Rung when the attempt's program starts and when it has ended.
    pub(crate) fn follow(&mut self, key: &AttemptKey) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        if !self.attempts.contains_key(key) {
            return bell;
        }
        self.followers.entry(key.clone()).or_default().push(Arc::clone(&bell));
        bell
    }

    fn ring(&mut self, key: &AttemptKey) {
        if let Some(bells) = self.followers.get_mut(key) {
            // a follower that is gone holds its bell no longer
            bells.retain(|bell| Arc::strong_count(bell) > 1);
            bells.iter().for_each(|bell| bell.notify_one());
        }
    }

    /// When something is to be done without an event (monotonic milliseconds).
    fn next_deadline(&self) -> Option<u64> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let untold = self.untold.front().map(|(at, _)| *at);
        [deadline, untold, self.stuck_until_ms, self.tell_by_ms].into_iter().flatten().min()
    }

    /// The deadline the timer goes to sleep for; an earlier one that is set later rings it.
    pub(crate) fn arm(&mut self) -> Option<u64> {
        self.armed_ms = self.next_deadline();
        self.armed_ms
    }

    /// True where the timer sleeps too long.
    fn is_armed_late(&self) -> bool {
        match (self.next_deadline(), self.armed_ms) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(next), Some(armed)) => next < armed,
        }
    }

    /// Sets when to look at an attempt again, or that there is no need to.
    fn watch(&mut self, key: &AttemptKey, at: Option<u64>) {
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        if let Some(old) = std::mem::replace(&mut attempt.deadline, at) {
            self.deadlines.remove(&(old, key.clone()));
        }
        if let Some(at) = at {
            self.deadlines.insert((at, key.clone()));
        }
    }

    /// Writes the journal; only then do the effects of this pass leave. After a failure they wait here for the next pass, together with
    /// the records, and nothing is started or told that a restart would not know of.
    ///
    /// # Errors
    /// The journal cannot be written (disk full); to be tried again soon.
    pub(crate) fn commit(&mut self, effects: &mut Effects) -> std::io::Result<()> {
        effects.timer = self.is_armed_late();
        self.held_back.append(std::mem::take(effects));
        self.journal.flush()?;
        self.stuck_until_ms = None;
        self.outbox.mark_journalled();
        *effects = std::mem::take(&mut self.held_back);
        if self.journal.is_overgrown() {
            let records = self.records();
            if let Err(error) = self.journal.rewrite(records.into_iter()) {
                tracing::warn!(%error, "cannot rewrite the journal; it goes on growing");
                self.journal.put_off_rewrite();
            }
        }
        Ok(())
    }

    /// Has the timer come back to a journal that could not be written; true the first time.
    pub(crate) fn mark_stuck(&mut self, now: Now) -> bool {
        self.stuck_until_ms.replace(now.mono_ms() + STUCK_MS).is_none()
    }

    /// Removes an attempt that is over for the manager too.
    fn remove(&mut self, key: &AttemptKey, effects: &mut Effects) {
        self.watch(key, None);
        if let Some(attempt) = self.attempts.remove(key) {
            effects.let_go(&attempt.order);
            self.waiting.remove(attempt.place);
            self.occupying.remove(key);
            self.ring(key);
            self.followers.remove(key);
            if self.doomed.remove(key) {
                self.trash(key, effects);
            }
        }
    }

    fn lease(&self, attempt: &Attempt) -> Option<Lease> {
        let assignment = &attempt.order.assignment;
        // a grace longer than half of the lease would leave no time to run
        let grace_ms = (assignment.grace.as_millis() as u64).min(self.lease.length() / 2);
        assignment.exclusive.then(|| Lease { until_boot_ms: self.lease.until(), grace_ms })
    }
}

impl Attempt {
    fn is_forgotten(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.cause == Cause::Forgotten)
    }
}

impl LeaseTerms {
    /// Three quarters of the time after which the manager gives attempts away.
    fn length(self) -> u64 {
        self.lost_after_ms / 4 * 3
    }

    /// By then the program has ended, its grace included; counted from the last moment the manager surely heard of us.
    fn until(self) -> u64 {
        self.contact_boot_ms + self.length()
    }
}

#[cfg(test)]
impl State {
    fn break_journal(&mut self) {
        self.journal.set_writable(false);
    }

    fn mend_journal(&mut self) {
        self.journal.set_writable(true);
    }

    fn rewrite_journal(&mut self) {
        let records = self.records();
        self.journal.rewrite(records.into_iter()).expect("the disk has room");
    }
}
