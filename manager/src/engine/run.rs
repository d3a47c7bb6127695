//! The life of the engine: wait for the lease, load, serve until something ends that, begin again.
//!
//! A start, a failed commit (disk full, database away) and a lost lease take the same path: the core is thrown away and built anew from
//! the store. Meanwhile callers are told that the manager cannot do it now, and nodes are disconnected, so that on their return
//! both sides agree on what they hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::activity::day_begins;
use super::batch::{Leadership, Turn};
use super::handle::{Engine, Error, Request};
use crate::clock::Clock;
use crate::core::{self, Core, Now};
use crate::store::{Epoch, Lease, Store};

/// How many requests may wait for the loop before their senders do.
const INBOX: usize = 4096;
/// How many events a slow reader may fall behind before it misses some.
const EVENTS: usize = 8192;
/// First and longest wait between attempts to reach the database.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

#[derive(Clone, Debug)]
pub struct Settings {
    pub core: core::Settings,
    /// Names this manager among those on one database; the same after a restart, so that it takes its own lease again at once.
    pub holder: String,
    /// Where other managers forward requests to while this one leads.
    pub address: String,
    pub lease_ttl: Duration,
    /// Put before names of images without a registry by the nodes that have none of their own.
    pub docker_registry: Option<String>,
}

/// Starts the loop. It ends, with its lease released, when `shutdown` is cancelled.
pub fn start(store: Arc<Store>, settings: Settings, shutdown: CancellationToken) -> (Engine, JoinHandle<()>) {
    let (inbox, requests) = mpsc::channel(INBOX);
    let (events, _) = broadcast::channel(EVENTS);
    let (leadership, watched) = watch::channel(None);
    let engine = Engine { store: store.clone(), inbox, events: events.clone(), leadership: watched };
    let life = Life {
        store,
        settings,
        requests,
        events,
        leadership,
        shutdown,
        origin: Instant::now(),
        turn: None,
        clock: Clock::system(),
    };
    let handle = tokio::spawn(life.run());
    (engine, handle)
}

struct Life {
    store: Arc<Store>,
    settings: Settings,
    requests: mpsc::Receiver<Request>,
    events: broadcast::Sender<Arc<lp_protocol::views::Event>>,
    leadership: watch::Sender<Option<Epoch>>,
    shutdown: CancellationToken,
    origin: Instant,
    clock: Clock,
    /// What outlives a reload: those who wait for tasks, and the counters.
    turn: Option<Turn>,
}

/// Why serving ended.
enum End {
    Shutdown,
    Deposed,
    Failed,
}

impl Life {
    async fn run(mut self) {
        let mut retry = RETRY.0;
        while !self.shutdown.is_cancelled() {
            let (wait, reason) = match self.lead().await {
                Ok(End::Shutdown) => return,
                Ok(End::Deposed) => (Duration::ZERO, "another manager leads".to_owned()),
                Ok(End::Failed) => (RETRY.0, "the database does not take writes".to_owned()),
                Err(Obstacle::HeldBy { holder, remaining }) => {
                    (remaining.min(self.settings.lease_ttl / 3), format!("manager {holder} leads"))
                }
                Err(Obstacle::Store(error)) => {
                    tracing::warn!(error = %error, "the store cannot be read; trying again");
                    retry = (retry * 2).min(RETRY.1);
                    (retry, "the database cannot be reached".to_owned())
                }
            };
            self.refuse_for(wait, &reason).await;
        }
    }

    /// Takes the lease, loads and serves.
    async fn lead(&mut self) -> Result<End, Obstacle> {
        let Settings { holder, address, lease_ttl, .. } = &self.settings;
        let epoch = match self.store.acquire_lease(holder, address, *lease_ttl).await? {
            Lease::Mine(epoch) => epoch,
            Lease::Held { holder, remaining, .. } => return Err(Obstacle::HeldBy { holder, remaining }),
        };
        let open = self.store.load_open().await?;
        for row in &open.corrupt {
            tracing::error!(row, "a stored row cannot be read and is left out");
        }
        tracing::info!(epoch = epoch.0, tasks = open.tasks.len(), "leading");
        let core = Core::load(self.now(), self.settings.core, open);
        let leadership = Leadership {
            store: self.store.clone(),
            epoch,
            events: self.events.clone(),
            docker_registry: self.settings.docker_registry.clone(),
        };
        let past = self.store.count_ended_since(day_begins(self.now().wall)).await?;
        let mut turn = Turn::new(leadership, core, past, self.turn.take());
        let _nobody_watches = self.leadership.send_replace(Some(epoch));
        let end = self.serve(&mut turn, epoch).await;
        self.leadership.send_replace(None);
        turn.disconnect_all();
        if matches!(end, End::Shutdown)
            && let Err(error) = self.store.release_lease(epoch).await
        {
            tracing::debug!(error = %error, "the lease was not released; it runs out by itself");
        }
        self.turn = Some(turn);
        Ok(end)
    }

    /// Turns of the loop: wait for something, take all that has gathered, carry it out.
    async fn serve(&mut self, turn: &mut Turn, epoch: Epoch) -> End {
        let ttl = self.settings.lease_ttl;
        let mut renewal = tokio::time::interval(ttl / 3);
        renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // what the loaded state itself calls for: tasks that were done but not yet said to be, placements
        if let Err(end) = self.one_turn(turn, None).await {
            return end;
        }
        loop {
            let due = turn.next_due().map(|due| tokio::time::Instant::from_std(self.origin + due));
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let request = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return End::Shutdown,
                _ = renewal.tick() => match self.store.renew_lease(epoch, ttl).await {
                    Ok(()) => continue,
                    Err(crate::store::Error::Deposed) => return End::Deposed,
                    Err(error) => {
                        tracing::warn!(error = %error, "the lease could not be renewed");
                        return End::Failed;
                    }
                },
                request = self.requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return End::Shutdown,
                },
                () = timer => None,
            };
            if let Err(end) = self.one_turn(turn, request).await {
                return end;
            }
        }
    }

    async fn one_turn(&mut self, turn: &mut Turn, first: Option<Request>) -> Result<(), End> {
        let mut requests: Vec<Request> = first.into_iter().collect();
        let mut weight: usize = requests.iter().map(Request::weight).sum();
        while weight < Turn::MAX_WEIGHT {
            let Ok(request) = self.requests.try_recv() else { break };
            weight += request.weight();
            requests.push(request);
        }
        let (origin, wall) = (self.origin, self.clock.clone());
        let clock = move || Now { wall: wall.now(), mono: origin.elapsed() };
        match turn.carry_out(clock, requests).await {
            Ok(()) => Ok(()),
            Err(crate::store::Error::Deposed) => {
                tracing::warn!("deposed: another manager leads");
                Err(End::Deposed)
            }
            Err(error) => {
                tracing::error!(error = %error, "a batch could not be committed; loading anew");
                Err(End::Failed)
            }
        }
    }

    /// Answers everybody with a refusal for a while.
    async fn refuse_for(&mut self, wait: Duration, reason: &str) {
        let until = tokio::time::sleep(wait);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = &mut until => return,
                request = self.requests.recv() => match request {
                    Some(request) => request.refuse(Error::Unavailable { reason: reason.to_owned() }),
                    None => return,
                },
            }
        }
    }

    fn now(&self) -> Now {
        Now { wall: self.clock.now(), mono: self.origin.elapsed() }
    }
}

/// Why this manager does not lead now.
enum Obstacle {
    HeldBy { holder: String, remaining: Duration },
    Store(crate::store::Error),
}

impl From<crate::store::Error> for Obstacle {
    fn from(error: crate::store::Error) -> Self {
        Self::Store(error)
    }
}
