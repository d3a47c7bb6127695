//! What is in the cache, how large it is, who uses it, and what goes first.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::sync::lock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    App,
    Venv,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::App => "app",
            Kind::Venv => "venv",
        }
    }
}

/// The same bytes may be an app here and a venv there, under different rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    kind: Kind,
    digest: String,
}

impl Id {
    pub(super) fn new(kind: Kind, digest: &str) -> Self {
        Self { kind, digest: digest.to_owned() }
    }

    pub(super) fn dir_name(&self) -> String {
        format!("{}-{}", self.kind.word(), self.digest)
    }

    fn parse(name: &str) -> Option<Self> {
        let (kind, digest) = name.split_once('-')?;
        let kind = [Kind::App, Kind::Venv].into_iter().find(|known| known.word() == kind)?;
        super::is_digest(digest).then(|| Self::new(kind, digest))
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    entries: HashMap<Id, Entry>,
    /// How many live pins; also of what is not there yet.
    pins: HashMap<Id, usize>,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    /// Reading of the index's clock, which counts uses.
    used: u64,
    /// Venvs inside of an app, by their path in it.
    inner: HashMap<String, PathBuf>,
}

/// Keeps a package from being evicted.
#[derive(Debug)]
pub(crate) struct Pin {
    index: Arc<Mutex<Index>>,
    id: Id,
}

pub(super) fn pin(index: &Arc<Mutex<Index>>, id: Id) -> Pin {
    *lock(index).pins.entry(id.clone()).or_default() += 1;
    Pin { index: Arc::clone(index), id }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut index = lock(&self.index);
        if let Some(count) = index.pins.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                index.pins.remove(&self.id);
            }
        }
    }
}

impl Index {
    /// Reads the directory, oldest use first as far as the files tell, and removes what is half-made.
    pub(super) fn load(dir: &Path) -> Self {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match Id::parse(&name) {
                Some(id) if entry.path().is_dir() => found.push((id, entry.path())),
                Some(_) | None => remove_temporary(&entry.path(), &name),
            }
        }
        found.sort_by_key(|(_, path)| fs::metadata(size_file(path)).and_then(|facts| facts.modified()).ok());
        let mut index = Self::default();
        for (id, path) in found {
            let bytes = read_size(&path);
            index.insert(id, path, bytes);
        }
        index
    }

    pub(super) fn insert(&mut self, id: Id, path: PathBuf, bytes: u64) {
        self.clock += 1;
        self.entries.insert(id, Entry { path, bytes, used: self.clock, inner: HashMap::new() });
    }

    pub(super) fn insert_inner(&mut self, app: &Id, inner: &str, path: PathBuf, bytes: u64) {
        if let Some(entry) = self.entries.get_mut(app)
            && entry.inner.insert(inner.to_owned(), path).is_none()
        {
            entry.bytes += bytes;
        }
    }

    pub(super) fn find(&mut self, id: &Id) -> Option<PathBuf> {
        self.clock += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.clock;
        Some(entry.path.clone())
    }

    pub(super) fn find_inner(&self, app: &Id, inner: &str) -> Option<PathBuf> {
        self.entries.get(app)?.inner.get(inner).cloned()
    }

    /// Takes out the least recently used that nobody uses, until the rest has at most `limit_bytes` or is all in use.
    pub(super) fn evict(&mut self, limit_bytes: u64) -> Vec<PathBuf> {
        let mut total: u64 = self.entries.values().map(|entry| entry.bytes).sum();
        let mut evicted = Vec::new();
        while total > limit_bytes {
            let idle = self.entries.iter().filter(|(id, _)| !self.pins.contains_key(id));
            let Some(id) = idle.min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone()) else { break };
            if let Some(entry) = self.entries.remove(&id) {
                total -= entry.bytes;
                evicted.push(entry.path);
            }
        }
        evicted
    }
}

/// A day: a download begun before then is not resumed by an attempt that still waits.
const MAX_DOWNLOAD_AGE: Duration = Duration::from_secs(24 * 3600);

fn remove_temporary(path: &Path, name: &str) {
    let age = || fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
    let removed = if name.starts_with(lp_package::unpack::TEMPORARY_PREFIX) {
        fs::remove_dir_all(path)
    } else if name.starts_with(super::fetch::PREFIX) && age().is_some_and(|age| age > MAX_DOWNLOAD_AGE) {
        fs::remove_file(path)
    } else {
        Ok(())
    };
    if let Err(error) = removed {
        tracing::warn!(path = %path.display(), %error, "cannot remove what is half-made");
    }
}

/// `<dir>.size`: written when the directory is complete; its time is that of the last use in an earlier process.
fn size_file(path: &Path) -> PathBuf {
    path.with_extension("size")
}

pub(super) fn write_size(path: &Path, bytes: u64) {
    // without it the size is counted at the next start
    let _ = fs::write(size_file(path), bytes.to_string());
}

pub(super) fn remove_size(path: &Path) {
    let _ = fs::remove_file(size_file(path));
}

fn read_size(path: &Path) -> u64 {
    let written = fs::read_to_string(size_file(path)).ok().and_then(|text| text.trim().parse().ok());
    written.unwrap_or_else(|| {
        let bytes = count(path);
        write_size(path, bytes);
        bytes
    })
}

fn count(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(facts) if facts.is_dir() => count(&entry.path()),
        Ok(facts) => facts.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Id {
        Id::new(Kind::App, &digit.to_string().repeat(64))
    }

    #[test]
    fn the_least_recently_used_that_nobody_uses_goes() {
        let index = Arc::new(Mutex::new(Index::default()));
        for digit in ['a', 'b', 'c'] {
            lock(&index).insert(id(digit), PathBuf::from(digit.to_string()), 10);
        }
        let pin = pin(&index, id('b'));
        lock(&index).find(&id('a'));

        assert_eq!(lock(&index).evict(20), [PathBuf::from("c")]);
        assert_eq!(lock(&index).evict(5), [PathBuf::from("a")], "b is in use");
        drop(pin);
        assert_eq!(lock(&index).evict(5), [PathBuf::from("b")]);
    }

    #[test]
    fn what_an_earlier_process_left_is_taken_over_and_the_half_made_removed() {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join(id('a').dir_name());
        fs::create_dir_all(whole.join("sub")).unwrap();
        fs::write(whole.join("sub/file"), "12345").unwrap();
        let half = dir.path().join(format!("{}x", lp_package::unpack::TEMPORARY_PREFIX));
        fs::create_dir(&half).unwrap();

        let mut index = Index::load(dir.path());

        assert_eq!(index.find(&id('a')), Some(whole));
        assert!(!half.exists());
        assert_eq!(index.evict(4).len(), 1, "its size was counted");
    }
}
