//! Keeping the cache below its size: at the start, while packages are made, and when what was in use is not any more.
//!
//! What goes is renamed first and then deleted, so that a crash in between leaves nothing that looks complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::index::{Id, Index};
use super::{Cache, fetch, size};
use crate::sync::lock;

/// How the names of evicted packages begin.
const EVICTED: &str = ".evicted-";

/// A minute between two counts of one package: to count is to walk through it.
const RECOUNT: Duration = Duration::from_secs(60);

/// A day: a download begun before then is not resumed by an attempt that still waits.
const MAX_DOWNLOAD_AGE: Duration = Duration::from_secs(24 * 3600);

/// Reads the directory, oldest use first as far as the files tell, and removes what is half-made or half-deleted.
pub(super) fn load(dir: &Path, limit_bytes: u64) -> Index {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match Id::parse(&name) {
            // a link stands in for what is being made and is no package
            Some(id) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => found.push((id, entry.path())),
            Some(_) => report(&entry.path(), fs::remove_file(entry.path())),
            None => remove_temporary(&entry.path(), &name),
        }
    }
    found.sort_by_key(|(_, path)| size::facts(path).and_then(|facts| facts.modified().ok()));
    let mut index = Index::new(limit_bytes);
    for (id, path) in found {
        let (bytes, python) = (size::read(&path), super::python_of(&id, &path));
        index.insert(id, path, bytes, python);
    }
    index
}

fn remove_temporary(path: &Path, name: &str) {
    let age = || fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
    let is_begun = [lp_package::unpack::TEMPORARY_PREFIX, EVICTED, crate::envs::BUILD_PREFIX];
    if is_begun.iter().any(|prefix| name.starts_with(prefix)) {
        report(path, fs::remove_dir_all(path));
    } else if name.starts_with(fetch::PREFIX) && age().is_some_and(|age| age > MAX_DOWNLOAD_AGE) {
        report(path, fs::remove_file(path));
    }
}

fn report(path: &Path, removed: std::io::Result<()>) {
    if let Err(error) = removed {
        tracing::warn!(path = %path.display(), %error, "cannot remove what is half-made");
    }
}

/// Takes what is too much out of the index and from under its name, in one go: whoever looks for it then makes it anew and finds the place free.
pub(super) fn set_aside(index: &Mutex<Index>) -> Vec<PathBuf> {
    let mut index = lock(index);
    let mut aside = Vec::new();
    for path in index.evict() {
        size::remove(&path);
        let to = path.with_file_name(format!("{EVICTED}{}", Uuid::new_v4()));
        match fs::rename(&path, &to) {
            Ok(()) => {
                tracing::info!(path = %path.display(), "evicted a package");
                aside.push(to);
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot evict a package"),
        }
    }
    aside
}

/// Deletes what was set aside. Blocks for as long as the disk needs.
pub(super) fn delete(aside: Vec<PathBuf>) {
    for path in aside {
        report(&path, fs::remove_dir_all(&path));
    }
}

impl Cache {
    /// Evicts and counts whenever packages have come out of use, until shutdown.
    pub(crate) async fn keep(self: Arc<Self>, shutdown: CancellationToken) {
        let bell = lock(&self.index).bell();
        loop {
            let counts_later = lock(&self.index).has_touched();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = bell.notified() => {}
                () = tokio::time::sleep(RECOUNT), if counts_later => {}
            }
            let cache = Arc::clone(&self);
            let tended = tokio::task::spawn_blocking(move || cache.tend(Instant::now()));
            if let Err(error) = tended.await {
                tracing::error!(%error, "tending the cache failed");
            }
        }
    }

    /// Counts what was used and evicts what is too much.
    fn tend(&self, now: Instant) {
        let before = now.checked_sub(RECOUNT).unwrap_or(now);
        let touched = lock(&self.index).take_touched(before);
        for (id, path) in touched {
            let bytes = size::count(&path);
            size::write(&path, bytes);
            lock(&self.index).recount(&id, bytes);
        }
        delete(set_aside(&self.index));
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::Kind;
    use super::*;

    #[test]
    fn what_an_earlier_process_left_is_taken_over_and_the_half_made_removed() {
        let dir = tempfile::tempdir().unwrap();
        let id = |digit: &str| Id::new(Kind::App, &digit.repeat(64));
        let whole = dir.path().join(id("a").dir_name());
        fs::create_dir_all(whole.join("sub")).unwrap();
        fs::write(whole.join("sub/file"), "12345").unwrap();
        for half in [format!("{}x", lp_package::unpack::TEMPORARY_PREFIX), format!("{EVICTED}x")] {
            fs::create_dir(dir.path().join(half)).unwrap();
        }
        std::os::unix::fs::symlink(&whole, dir.path().join(id("b").dir_name())).unwrap();

        let index = Mutex::new(load(dir.path(), 4));

        assert_eq!(lock(&index).find(&id("a")), Some(whole.clone()));
        assert_eq!(lock(&index).find(&id("b")), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the package and its size");
        let aside = set_aside(&index);
        assert_eq!(aside.len(), 1, "its size was counted");
        assert!(!whole.exists());
        delete(aside);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
