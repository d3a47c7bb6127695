//! Taking marks: looking how long the outputs of running programs are, when they have changed.
//!
//! A program that ends at once is not looked at: start and end say enough. For one that runs longer the system tells of its first line after a
//! pause; then it is looked at ten times a second, without being told of every line, until it pauses again. So a program that writes a
//! million lines costs as much as one that writes ten in a second, and one that is silent costs nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::AttemptKey;
use lp_protocol::marks::SAMPLE_MS;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::times::{Seen, When};
use super::watch::Watcher;
use crate::runner::Runner;
use crate::runner::order::Order;
use crate::runner::workspace::{self, STDOUT};

/// From one look at an output to the next; a program that ends within it is not looked at.
const SAMPLE: Duration = Duration::from_millis(SAMPLE_MS);

pub(crate) struct Marker {
    pub(crate) runner: Arc<Runner>,
    pub(crate) watcher: Arc<Watcher>,
    /// Programs that were started or adopted.
    pub(crate) started: mpsc::UnboundedReceiver<Arc<Order>>,
}

impl Marker {
    /// Marks until shutdown.
    pub(crate) async fn keep(mut self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut young = Vec::new();
        loop {
            let wait = async {
                if young.is_empty() {
                    young.extend(self.started.recv().await);
                }
                // all that start in one period are looked at together, and few are left then
                tokio::time::sleep(SAMPLE).await;
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = wait => {}
            }
            let mut old = std::mem::take(&mut young);
            while let Ok(order) = self.started.try_recv() {
                young.push(order);
            }
            self.runner.look(|state| old.retain(|order| state.is_live(&order.assignment.attempt)));
            for order in old {
                let one = One::new(&self.runner, &self.watcher, order);
                tasks.spawn(one.keep(shutdown.clone()));
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// One program's output.
struct One {
    runner: Arc<Runner>,
    watcher: Arc<Watcher>,
    order: Arc<Order>,
    /// Rung when the program has ended, and when its last report is made.
    bell: Arc<Notify>,
}

impl One {
    fn new(runner: &Arc<Runner>, watcher: &Arc<Watcher>, order: Arc<Order>) -> Self {
        let bell = runner.look(|state| state.follow(&order.assignment.attempt));
        Self { runner: Arc::clone(runner), watcher: Arc::clone(watcher), order, bell }
    }

    async fn keep(self, shutdown: CancellationToken) {
        let key = &self.order.assignment.attempt;
        let Some(start_ms) = self.runner.look(|state| state.started_ms(key)) else { return };
        if !self.runner.times.begin(key, start_ms, now_ms()) {
            return;
        }
        tokio::select! {
            () = shutdown.cancelled() => {
                self.runner.times.write(key, now_ms(), When::Now);
            }
            () = self.mark(key) => self.runner.times.forget(key),
        }
    }

    /// Marks until the attempt's end was reported, with the marks.
    async fn mark(&self, key: &AttemptKey) {
        let dir = workspace::path(&self.runner.site.layout, key);
        let path = dir.join(STDOUT);
        while self.runner.look(|state| state.is_live(key)) {
            let due = self.runner.times.write(key, now_ms(), When::Due);
            if self.note(key, &path) {
                self.pause(SAMPLE).await;
                continue;
            }
            // the directory where the output is not there: for its making
            let watch = self.watcher.watch(if Seen::look(&path).is_some() { &path } else { &dir });
            // it may have grown before it was watched
            if self.note(key, &path) {
                drop(watch);
                self.pause(SAMPLE).await;
                continue;
            }
            tokio::select! {
                () = watch.changed() => {}
                () = self.bell.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(due.unwrap_or(0))), if due.is_some() => {}
            }
            if Seen::look(&path).is_none() {
                // other files come and go
                self.pause(SAMPLE).await;
            }
        }
        while self.runner.look(|state| state.is_held(key)) {
            self.bell.notified().await;
        }
    }

    fn note(&self, key: &AttemptKey, path: &Path) -> bool {
        Seen::look(path).is_some_and(|seen| self.runner.times.note(key, seen, now_ms()))
    }

    async fn pause(&self, length: Duration) {
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            () = self.bell.notified() => {}
        }
    }
}

fn now_ms() -> u64 {
    crate::clock::now().unix_millis()
}
