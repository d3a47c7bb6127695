//! What is cleaned up in the background: packages that nobody refers to, uploads that were abandoned, and log segments whose task is gone.
//!
//! Each pass takes no input, looks at everything anew, may be run twice, and does its work in small steps. Only the leader sweeps: with
//! several managers on one blob store one is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::blobs::Key;
use crate::retention::{Error, Mode, Parts, sweep_packages};

/// Time between two walks over all packages. What they look for is at least a day old.
const PACKAGES_EVERY: Duration = Duration::from_secs(3600);

/// Time between two looks for log segments of deleted tasks.
const LOGS_EVERY: Duration = Duration::from_secs(60);

/// Segments removed at once.
const LOGS_AT_ONCE: u32 = 200;

/// What the sweeps of this process have done.
#[derive(Debug, Default)]
pub struct Swept {
    pub packages: AtomicU64,
    pub log_segments: AtomicU64,
    /// By retention, as the next three.
    pub tasks: AtomicU64,
    pub logs: AtomicU64,
    pub workspaces: AtomicU64,
    pub versions: AtomicU64,
    pub builds: AtomicU64,
    pub failures: AtomicU64,
}

pub(crate) struct Sweeper {
    parts: Parts,
    keep_orphans: Duration,
    swept: Arc<Swept>,
}

impl Sweeper {
    pub(crate) fn new(parts: Parts, keep_orphans: Duration) -> Self {
        Self { parts, keep_orphans, swept: Arc::default() }
    }

    pub fn swept(&self) -> Arc<Swept> {
        self.swept.clone()
    }

    /// Sweeps now and then until the end.
    pub async fn run(self, end: CancellationToken) {
        let mut packages = tokio::time::interval(PACKAGES_EVERY);
        let mut logs = tokio::time::interval(LOGS_EVERY);
        for interval in [&mut packages, &mut logs] {
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // the first tick is at once, and a start has better things to do
            interval.reset();
        }
        loop {
            let outcome = tokio::select! {
                () = end.cancelled() => return,
                _ = packages.tick() => tokio::select! {
                    () = end.cancelled() => return,
                    outcome = self.sweep_stored() => outcome,
                },
                _ = logs.tick() => tokio::select! {
                    () = end.cancelled() => return,
                    outcome = self.sweep_logs() => outcome,
                },
            };
            if let Err(error) = outcome {
                self.swept.failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(error = %error, "a sweep ended early");
            }
        }
    }

    async fn sweep_stored(&self) -> Result<u64, Error> {
        // each manager's own, whoever leads
        let gone = self.parts.blobs.sweep_uploads(SystemTime::now()).await?;
        if gone > 0 {
            tracing::info!(gone, "removed abandoned uploads");
        }
        self.sweep_packages().await
    }

    /// Removes packages that are old enough and that nothing refers to. Returns how many.
    async fn sweep_packages(&self) -> Result<u64, Error> {
        let leads = || self.parts.engine.epoch().is_ok();
        let gone = sweep_packages(&self.parts, self.keep_orphans, Mode::Remove, leads).await?;
        self.swept.packages.fetch_add(gone.count, Ordering::Relaxed);
        Ok(gone.count)
    }

    /// Removes log segments whose attempt is gone. Returns how many.
    async fn sweep_logs(&self) -> Result<u64, Error> {
        let mut removed = 0;
        while self.parts.engine.epoch().is_ok() {
            let dead = self.parts.store.take_dead_blobs(LOGS_AT_ONCE).await?;
            if dead.is_empty() {
                break;
            }
            for text in &dead {
                match Key::parse(text) {
                    Some(key) => self.parts.blobs.delete(&key).await?,
                    None => tracing::error!(key = text, "a stored name of a log segment is none of ours"),
                }
            }
            self.parts.store.forget_dead_blobs(&dead).await?;
            removed += dead.len() as u64;
        }
        self.swept.log_segments.fetch_add(removed, Ordering::Relaxed);
        Ok(removed)
    }
}
