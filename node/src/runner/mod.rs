//! The runner: makes the state machine's decisions happen.
//!
//! Every event, from the link, the supervisor, a timer or a finished piece of file work, is one pass: lock, decide, write the journal, unlock,
//! act. There is no thread that owns the state, because for a short action each hand-over between threads costs as much as its files.

pub(crate) mod command;
pub(crate) mod conclude;
pub(crate) mod effects;
pub(crate) mod environ;
pub(crate) mod given;
pub(crate) mod health;
mod input;
pub(crate) mod launch;
pub(crate) mod order;
mod pool;
mod resolve;
pub(crate) mod state;
pub(crate) mod workspace;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_protocol::frames::Assignment;
use lp_protocol::marks::{Marks, SAMPLE_MS};
use lp_protocol::{AttemptKey, PreparingStep};
use tokio::sync::{Notify, mpsc};

pub(crate) use input::Address;

use crate::cache::{Cache, Pin};
use crate::docker;
use crate::docker::files::End;
use crate::docker::keep::Over;
use crate::logs::{Seen, Times};
use crate::supervisor::client::{Client, Message};
use crate::supervisor::wire::Ended;
use crate::sync::lock;
use effects::{Effects, Job, Left, Reading};
use health::Watch;
use launch::{Launch, Prepared, Site};
use order::Order;
use pool::Pool;
use state::{Arrival, Now, State};

/// Two pieces of file work are done by the thread that learns of them: the end of one program and the launch of the next.
const OWN_JOBS: usize = 2;

/// 256 KiB of input: writing more is left to the pool.
const LARGE_INPUT_BYTES: usize = 256 << 10;

pub(crate) struct Runner {
    state: Mutex<State>,
    pub(crate) site: Site,
    pub(crate) supervisor: Client,
    pub(crate) cache: Arc<Cache>,
    pool: Pool,
    /// When the last workspace was made (monotonic milliseconds).
    launched_ms: AtomicU64,
    pub(crate) bells: Bells,
    /// Unbounded, because it is fed under no lock and holds at most the attempts that are held.
    pub(crate) preparing: mpsc::UnboundedSender<Arc<Order>>,
    /// Unbounded likewise: the manager's requests to delete, a key each.
    pub(crate) trashing: mpsc::UnboundedSender<AttemptKey>,
    /// Unbounded likewise: one for each start of a program that has a health command.
    pub(crate) watching: mpsc::UnboundedSender<Watch>,
    /// Unbounded likewise: one for each start.
    pub(crate) marking: mpsc::UnboundedSender<Arc<Order>>,
    /// When outputs were written.
    pub(crate) times: Times,
}

/// Rung when there is something to look at.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    pub(crate) link: Notify,
    pub(crate) timer: Notify,
    pub(crate) ship: Notify,
    /// The supervisor has told something, perhaps the end of the last program.
    pub(crate) ends: Notify,
}

impl Runner {
    pub(crate) fn new(
        state: State,
        site: Site,
        cache: Arc<Cache>,
        preparing: mpsc::UnboundedSender<Arc<Order>>,
        trashing: mpsc::UnboundedSender<AttemptKey>,
        watching: mpsc::UnboundedSender<Watch>,
        marking: mpsc::UnboundedSender<Arc<Order>>,
    ) -> Self {
        let times = Times::new(site.layout.log_times());
        times.sweep(&state.held());
        Self {
            state: Mutex::new(state),
            site,
            supervisor: Client::default(),
            cache,
            pool: Pool::default(),
            launched_ms: AtomicU64::new(0),
            bells: Bells::default(),
            preparing,
            trashing,
            watching,
            marking,
            times,
        }
    }

    /// One pass: decides under the lock, then acts. Blocks for the time of a few file operations.
    pub(crate) fn act(&self, decide: impl FnOnce(&mut State, Now, &mut Effects)) {
        let effects = self.decide(decide);
        self.perform(effects);
    }

    /// A look without a decision.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.state))
    }

    pub(crate) fn assign(&self, assignments: Vec<Assignment>) {
        let arrivals: Vec<Arrival> = assignments
            .into_iter()
            .map(|assignment| {
                // pinned before it is looked for, so that it is not evicted in between
                let pins = self.cache.pins(&assignment);
                // an image is the engine's, which must be asked
                let ready = assignment.docker.is_none().then(|| self.cache.find_ready(&assignment));
                let prepared = ready.flatten().map(Arc::new);
                Arrival { assignment, pins, prepared }
            })
            .collect();
        self.act(|state, now, effects| {
            for arrival in arrivals {
                state.accept(arrival, now, effects);
            }
        });
    }

    pub(crate) fn prepared(
        &self,
        key: &AttemptKey,
        result: Result<(Prepared, Vec<Pin>), String>,
        steps: Vec<PreparingStep>,
    ) {
        let result = result.map(|(prepared, pins)| (Arc::new(prepared), pins));
        self.act(|state, now, effects| state.prepared(key, result, steps, now, effects));
    }

    pub(crate) fn on_supervisor(&self, message: Message) {
        self.act(|state, now, effects| match message {
            Message::Up { instance, attempts } => {
                let was_launched =
                    |key: &AttemptKey| workspace::path(&self.site.layout, key).symlink_metadata().is_ok();
                state.supervisor_up(instance, attempts, was_launched, now, effects);
            }
            Message::Events(events) => state.supervisor_events(events, now, effects),
            Message::Down => state.supervisor_down(),
        });
        self.bells.ends.notify_one();
    }

    /// Works on what comes in crowds until [`Runner::close`].
    pub(crate) fn work(&self) {
        while let Some(job) = self.pool.next() {
            let effects = self.run(job);
            self.perform(effects);
        }
    }

    /// Since the last workspace was made.
    pub(crate) fn quiet_for(&self) -> Duration {
        Duration::from_millis(crate::clock::mono_millis() - self.launched_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn close(&self) {
        self.pool.close();
        self.supervisor.stop();
    }

    fn decide(&self, decide: impl FnOnce(&mut State, Now, &mut Effects)) -> Effects {
        let mut effects = Effects::default();
        let mut state = lock(&self.state);
        let now = Now::read();
        decide(&mut state, now, &mut effects);
        state.start_waiting(now, &mut effects);
        state.tell(now, &mut effects);
        if let Err(error) = state.commit(&mut effects) {
            if state.mark_stuck(now) {
                tracing::error!(%error, "cannot write the journal; nothing is started or reported until it can be written");
            }
            self.bells.timer.notify_one();
        }
        effects
    }

    fn perform(&self, mut effects: Effects) {
        let mut own: VecDeque<Job> = VecDeque::new();
        loop {
            own.extend(self.release(&mut effects));
            if own.len() > OWN_JOBS {
                self.pool.push(own.drain(OWN_JOBS..));
            }
            let Some(job) = own.pop_front() else { return };
            if is_large(&self.site, &job) {
                self.pool.push([job]);
                continue;
            }
            effects = self.run(job);
        }
    }

    /// Lets everything out but the jobs.
    fn release(&self, effects: &mut Effects) -> Vec<Job> {
        self.supervisor.send(std::mem::take(&mut effects.requests));
        if std::mem::take(&mut effects.link) {
            self.bells.link.notify_one();
        }
        if std::mem::take(&mut effects.timer) {
            self.bells.timer.notify_one();
        }
        if std::mem::take(&mut effects.ship) {
            self.bells.ship.notify_one();
        }
        for order in effects.prepare.drain(..) {
            // fails only when the node ends; the journal has it
            let _ = self.preparing.send(order);
        }
        for key in effects.trash.drain(..) {
            let _ = self.trashing.send(key);
        }
        for watch in effects.watch.drain(..) {
            let _ = self.watching.send(watch);
        }
        for order in effects.started.drain(..) {
            let _ = self.marking.send(order);
        }
        for key in effects.ended_containers.drain(..) {
            docker::files::remove(&self.site.layout, &key);
        }
        if std::mem::take(&mut effects.sweep_containers) {
            self.site.containers.sweep.notify_one();
        }
        std::mem::take(&mut effects.jobs)
    }

    fn run(&self, job: Job) -> Effects {
        match job {
            Job::Launch(launch) => {
                self.launched_ms.store(crate::clock::mono_millis(), Ordering::Relaxed);
                let result = launch::prepare(&self.site, &launch);
                self.decide(|state, now, effects| state.launched(&launch.order, result, now, effects))
            }
            Job::Explain { order, prepared, given, errno } => {
                let result = launch::after_refusal(&self.site, (&order, &prepared, &given), errno);
                self.decide(|state, now, effects| state.explained(&order, result, now, effects))
            }
            Job::Close { order } => {
                workspace::close(&workspace::path(&self.site.layout, &order.assignment.attempt));
                Effects::default()
            }
            Job::Conclude { order, given, ended, reading } => {
                let over = Over { order, given, ended, reading };
                if over.order.assignment.docker.is_none() {
                    return self.conclude(&over, None);
                }
                match docker::files::end(&self.site.layout, &over.order.assignment.attempt) {
                    Some(end) if end.is_removed => self.conclude(&over, Some(end)),
                    Some(_) | None => {
                        self.site.containers.remove_first(over);
                        Effects::default()
                    }
                }
            }
        }
    }

    /// The container of an attempt whose shim did not remove it is gone now.
    pub(crate) fn container_over(&self, over: &Over) {
        let end = docker::files::end(&self.site.layout, &over.order.assignment.attempt);
        let effects = self.conclude(over, Some(end.unwrap_or_else(End::unknown)));
        self.perform(effects);
    }

    fn conclude(&self, over: &Over, container: Option<End>) -> Effects {
        let path = workspace::path(&self.site.layout, &over.order.assignment.attempt);
        let output = match over.reading {
            Reading::Output => conclude::output(&path),
            Reading::LogOnly => Ok(None),
        };
        let mut log = conclude::log(&path);
        log.times = self.times_of(&over.order.assignment.attempt, log.bytes, &over.ended);
        // a container's user may be anybody
        if over.given.uid.is_some() || container.is_some() {
            workspace::close(&path);
        }
        let left = Left { output, log, container };
        self.decide(|state, _, effects| state.concluded(&over.order, &over.ended, left, effects))
    }
}

impl Runner {
    /// When an attempt's output was written so far, for the manager; None where its end is the manager's by now.
    pub(crate) fn log_times(&self, key: &AttemptKey) -> Option<Vec<u8>> {
        if let Some(times) = self.times.peek(key) {
            return Some(times);
        }
        let (is_held, reported) = self.look(|state| (state.holds(key), state.reported_times(key)));
        let reported = reported.and_then(|times| STANDARD.decode(times).ok());
        is_held.then(|| reported.unwrap_or_else(|| Marks::default().encode()))
    }

    /// When the output of a program that has ended was written. One that ran so shortly that it was not looked at has start and end.
    fn times_of(&self, key: &AttemptKey, bytes: u64, ended: &Ended) -> Option<String> {
        if ended.end.mono_ms.saturating_sub(ended.start.mono_ms) < SAMPLE_MS {
            return None;
        }
        let path = workspace::path(&self.site.layout, key).join(workspace::STDOUT);
        let last = Seen { bytes, ..Seen::look(&path).unwrap_or_default() };
        self.times.take(key, last, (ended.start.unix_millis(), ended.end.unix_millis()))
    }
}

fn is_large(site: &Site, job: &Job) -> bool {
    match job {
        Job::Launch(Launch { input: Some(input), .. }) => input.get().len() > LARGE_INPUT_BYTES,
        Job::Launch(_) | Job::Explain { .. } | Job::Close { .. } => false,
        Job::Conclude { order, reading: Reading::Output, .. } => {
            conclude::is_large(&workspace::path(&site.layout, &order.assignment.attempt))
        }
        Job::Conclude { reading: Reading::LogOnly, .. } => false,
    }
}
