//! Telling that a file or directory has changed, by one inotify for the whole node.
//!
//! One, because a user has 128 of them by default and every reader of a log would need its own. Where the system gives none, a
//! watcher has its readers look five times a second instead.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask, Watches};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use crate::sync::lock;

/// 200 ms where there is no inotify: still within what a reader of a log is promised.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// 4 KiB holds some 250 events of a file; more are read in the next round.
const BUFFER_BYTES: usize = 4096;

type Bells = Arc<Mutex<HashMap<WatchDescriptor, Vec<Weak<Notify>>>>>;

#[derive(Default)]
pub(crate) struct Watcher {
    inner: Mutex<Option<Inner>>,
}

struct Inner {
    watches: Watches,
    bells: Bells,
    /// Reads events as long as the watcher lives.
    _reader: AbortOnDropHandle<()>,
}

/// One reader's interest in one path.
pub(crate) struct Watch {
    bell: Arc<Notify>,
    live: Option<Live>,
}

struct Live {
    watches: Watches,
    bells: Bells,
    descriptor: WatchDescriptor,
}

impl Watcher {
    /// Watches a file for growth, or a directory for new files, until the watch is dropped. Links are not followed. Call on a runtime.
    pub(crate) fn watch(&self, path: &Path) -> Watch {
        let bell = Arc::new(Notify::new());
        let mut inner = lock(&self.inner);
        if inner.is_none() {
            *inner = Inner::start()
                .map_err(|error| tracing::warn!(%error, "no inotify; logs are looked at in intervals"))
                .ok();
        }
        let live = inner.as_mut().and_then(|inner| inner.add(path, &bell));
        Watch { bell, live }
    }
}

impl Inner {
    fn start() -> std::io::Result<Self> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        let mut events = inotify.into_event_stream([0; BUFFER_BYTES])?;
        let bells = Bells::default();
        let ring = Arc::clone(&bells);
        let reader = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let Ok(event) = event else { continue };
                let bells = lock(&ring);
                if event.mask.contains(EventMask::Q_OVERFLOW) {
                    // events were lost: everybody looks
                    bells.values().flatten().filter_map(Weak::upgrade).for_each(|bell| bell.notify_one());
                } else if let Some(listeners) = bells.get(&event.wd) {
                    listeners.iter().filter_map(Weak::upgrade).for_each(|bell| bell.notify_one());
                }
            }
        });
        Ok(Self { watches, bells, _reader: AbortOnDropHandle::new(reader) })
    }

    fn add(&mut self, path: &Path, bell: &Arc<Notify>) -> Option<Live> {
        let mask = WatchMask::MODIFY | WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::DONT_FOLLOW;
        let mut bells = lock(&self.bells);
        // a second reader of the same file gets the same descriptor
        let descriptor = self.watches.add(path, mask).ok()?;
        bells.entry(descriptor.clone()).or_default().push(Arc::downgrade(bell));
        Some(Live { watches: self.watches.clone(), bells: Arc::clone(&self.bells), descriptor })
    }
}

impl Watch {
    /// Waits for the next change. One that came between two calls counts.
    pub(crate) async fn changed(&self) {
        match self.live {
            Some(_) => self.bell.notified().await,
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(live) = &mut self.live else { return };
        let mut bells = lock(&live.bells);
        let Some(listeners) = bells.get_mut(&live.descriptor) else { return };
        listeners.retain(|listener| !std::ptr::eq(listener.as_ptr(), Arc::as_ptr(&self.bell)));
        if listeners.is_empty() {
            bells.remove(&live.descriptor);
            // fails where the file is gone already, and the watch with it
            let _ = live.watches.remove(live.descriptor.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[tokio::test]
    async fn every_reader_of_a_file_hears_of_its_growth() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut file = File::create(&path).unwrap();
        let watcher = Watcher::default();
        let (first, second) = (watcher.watch(&path), watcher.watch(&path));
        drop(watcher.watch(&path));

        file.write_all(b"x").unwrap();

        let both = async { tokio::join!(first.changed(), second.changed()) };
        tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
    }
}
