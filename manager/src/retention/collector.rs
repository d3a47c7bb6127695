//! One pass over all kinds, by request or now and then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lp_protocol::views::{Garbage, GarbageKind, GarbageName};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Error, Policy};
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::link::Link;
use crate::store::Store;
use crate::sweep::Swept;

/// Time between two passes. What they look for is minutes old at least.
const EVERY: Duration = Duration::from_secs(600);

/// How long a request works before it answers with what it has got to.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tasks looked at, and removed in one transaction, at once: some 10 ms, in which the engine does nothing else.
pub(super) const STEP: u32 = 100;

/// What the collector works with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Arc<Store>,
    pub(crate) blobs: Blobs,
    pub(crate) engine: Engine,
    pub(crate) link: Link,
    pub(crate) clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only tell what would go.
    Preview,
    Remove,
}

pub(crate) struct Collector {
    pub(super) parts: Parts,
    pub(super) policy: Policy,
    swept: Arc<Swept>,
    /// One pass at a time.
    turn: Mutex<()>,
}

/// A pass under way.
pub(super) struct Pass<'a> {
    pub(super) collector: &'a Collector,
    pub(super) mode: Mode,
    deadline: Option<Instant>,
    /// Some of it is left for another pass.
    pub(super) is_cut: bool,
}

/// How much of a kind went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gone {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Collector {
    pub(crate) fn new(parts: Parts, policy: Policy, swept: Arc<Swept>) -> Self {
        Self { parts, policy, swept, turn: Mutex::default() }
    }

    /// Collects now and then until the end, while this manager leads.
    pub(crate) async fn run(self: Arc<Self>, end: CancellationToken) {
        let mut interval = tokio::time::interval(EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // the first tick is at once, and a start has better things to do
        interval.reset();
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                _ = interval.tick() => {}
            }
            if self.parts.engine.epoch().is_err() {
                continue;
            }
            let outcome = tokio::select! {
                () = end.cancelled() => return,
                outcome = self.collect(Mode::Remove, None) => outcome,
            };
            match outcome {
                Ok(garbage) => self.note(&garbage),
                Err(error) => {
                    self.swept.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(error = %error, "retention ended early");
                }
            }
        }
    }

    /// Collects for somebody who waits for the answer.
    pub(crate) async fn collect_on_request(&self, mode: Mode) -> Result<Garbage, Error> {
        let garbage = self.collect(mode, Some(PATIENCE)).await?;
        if mode == Mode::Remove {
            self.note(&garbage);
        }
        Ok(garbage)
    }

    /// Says what went, in the log and in the metrics.
    fn note(&self, garbage: &Garbage) {
        for GarbageKind { kind, count, bytes, rule } in garbage.kinds.iter().filter(|kind| kind.count > 0) {
            let counter = match kind {
                GarbageName::Tasks => &self.swept.tasks,
                GarbageName::Logs => &self.swept.logs,
                GarbageName::Workspaces => &self.swept.workspaces,
                GarbageName::Packages => &self.swept.packages,
                GarbageName::Versions => &self.swept.versions,
                GarbageName::Builds => &self.swept.builds,
            };
            counter.fetch_add(*count, Ordering::Relaxed);
            tracing::info!(
                kind = kind.as_str(),
                count,
                size_bytes = bytes,
                kept = rule,
                "removed what need not be kept"
            );
        }
    }

    async fn collect(&self, mode: Mode, patience: Option<Duration>) -> Result<Garbage, Error> {
        let _turn = self.turn.lock().await;
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut pass = Pass { collector: self, mode, deadline, is_cut: false };
        // in this order: what goes with a task is not counted again, and what an archive's last version was is looked at by itself
        let expiry = pass.expiry().await?;
        let mut tasks = pass.collect_tasks(expiry).await?;
        pass.collect_works(expiry, &mut tasks).await?;
        let logs = pass.collect_logs(expiry, tasks.archived_bytes).await?;
        let workspaces = pass.collect_workspaces(expiry).await?;
        let builds = pass.collect_builds().await?;
        let packages = pass.collect_packages().await?;
        let versions = pass.collect_versions().await?;
        let kind = |kind, count, bytes| GarbageKind { kind, count, bytes, rule: self.policy.rule(kind) };
        Ok(Garbage {
            dry_run: mode == Mode::Preview,
            complete: !pass.is_cut,
            kinds: vec![
                kind(GarbageName::Tasks, tasks.gone.count, Some(tasks.gone.bytes)),
                kind(GarbageName::Logs, logs.count, Some(logs.bytes)),
                kind(GarbageName::Workspaces, workspaces, None),
                kind(GarbageName::Packages, packages.count, Some(packages.bytes)),
                kind(GarbageName::Versions, versions.count, Some(versions.bytes)),
                kind(GarbageName::Builds, builds.count, Some(builds.bytes)),
            ],
        })
    }
}

impl Pass<'_> {
    /// Whether the next step may be taken. Leaving work undone is noted.
    pub(super) fn goes_on(&mut self) -> bool {
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() < deadline);
        let leads = self.mode == Mode::Preview || self.collector.parts.engine.epoch().is_ok();
        self.is_cut |= !(in_time && leads);
        in_time && leads
    }
}
