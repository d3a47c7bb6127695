//! What is in the cache, how large it is, who uses it, what goes first, and what of this the manager has not been told.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lp_protocol::frames::{HeldPackage, MAX_TOLD_PACKAGES, PackageKey, PackageKind, PackageNews};
use tokio::sync::Notify;

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

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn dir_name(&self) -> String {
        format!("{}-{}", self.kind.word(), self.digest)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let (kind, digest) = name.split_once('-')?;
        let kind = [Kind::App, Kind::Venv].into_iter().find(|known| known.word() == kind)?;
        super::is_digest(digest).then(|| Self::new(kind, digest))
    }

    fn key(&self) -> PackageKey {
        let kind = match self.kind {
            Kind::App => PackageKind::App,
            Kind::Venv => PackageKind::Venv,
        };
        PackageKey { kind, digest: self.digest.clone() }
    }
}

/// Packages that failed and are remembered to be told, so that nobody can fill the memory with them.
const MAX_FAULTS: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Index {
    entries: HashMap<Id, Entry>,
    /// How many live pins; also of what is not there yet.
    pins: HashMap<Id, usize>,
    clock: u64,
    /// Of all entries.
    bytes: u64,
    /// What those that are being made take meanwhile.
    reserved: u64,
    limit_bytes: u64,
    /// Entries that programs have used since they were counted.
    touched: HashSet<Id>,
    /// Why packages are not there.
    faults: HashMap<Id, String>,
    /// What has changed since the manager was told.
    changed: HashSet<Id>,
    /// Rung when something could be evicted or should be counted.
    bell: Arc<Notify>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    /// Reading of the index's clock, which counts uses.
    used: u64,
    counted_at: Instant,
    /// The Python of a venv, for people.
    python: Option<String>,
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
        let Some(count) = index.pins.get_mut(&self.id) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        index.pins.remove(&self.id);
        if index.entries.contains_key(&self.id) {
            index.touched.insert(self.id.clone());
            index.bell.notify_one();
        }
    }
}

/// Space that is being filled. It counts until it is dropped, so what is half-made pushes out what is idle instead of coming on top.
#[derive(Debug)]
pub(super) struct Room {
    index: Arc<Mutex<Index>>,
    bytes: u64,
}

impl Room {
    pub(super) fn new(index: &Arc<Mutex<Index>>) -> Self {
        Self { index: Arc::clone(index), bytes: 0 }
    }

    /// Now it takes so much.
    pub(super) fn resize(&mut self, bytes: u64) {
        let mut index = lock(&self.index);
        index.reserved = index.reserved - self.bytes + bytes;
        self.bytes = bytes;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        lock(&self.index).reserved -= self.bytes;
    }
}

impl Index {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, ..Self::default() }
    }

    /// How much more is unpacked between two looks at what has to go for it: 4 MiB, less in a small cache.
    pub(super) fn growth_bytes(&self) -> u64 {
        (self.limit_bytes / 64).clamp(64 << 10, 4 << 20)
    }

    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    pub(super) fn insert(&mut self, id: Id, path: PathBuf, bytes: u64, python: Option<String>) {
        self.clock += 1;
        let entry = Entry {
            path,
            bytes,
            used: self.clock,
            counted_at: Instant::now(),
            python,
            inner: HashMap::new(),
        };
        self.faults.remove(&id);
        self.changed.insert(id.clone());
        self.bytes += bytes;
        if let Some(old) = self.entries.insert(id, entry) {
            self.bytes -= old.bytes;
        }
    }

    pub(super) fn insert_inner(&mut self, app: &Id, inner: &str, path: PathBuf) {
        if let Some(entry) = self.entries.get_mut(app) {
            entry.inner.insert(inner.to_owned(), path);
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

    /// Remembers why a package is not there.
    pub(super) fn fail(&mut self, id: Id, fault: String) {
        if self.faults.len() < MAX_FAULTS || self.faults.contains_key(&id) {
            self.changed.insert(id.clone());
            self.faults.insert(id, fault);
        }
    }

    /// Takes out the least recently used that nobody uses, until the rest with what is being made has at most the limit or is all in use.
    pub(super) fn evict(&mut self) -> Vec<PathBuf> {
        let mut evicted = Vec::new();
        while self.bytes + self.reserved > self.limit_bytes {
            let idle = self.entries.iter().filter(|(id, _)| !self.pins.contains_key(id));
            let Some(id) = idle.min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone()) else { break };
            if let Some(entry) = self.entries.remove(&id) {
                self.bytes -= entry.bytes;
                evicted.push(entry.path);
            }
            self.touched.remove(&id);
            self.changed.insert(id);
        }
        evicted
    }

    /// Those that programs have used, and that were not counted since `before`.
    pub(super) fn take_touched(&mut self, before: Instant) -> Vec<(Id, PathBuf)> {
        let mut taken = Vec::new();
        self.touched.retain(|id| match self.entries.get(id) {
            Some(entry) if entry.counted_at < before => {
                taken.push((id.clone(), entry.path.clone()));
                false
            }
            Some(_) => true,
            None => false,
        });
        taken
    }

    /// Whether some wait to be counted.
    pub(super) fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(super) fn recount(&mut self, id: &Id, bytes: u64) {
        if let Some(entry) = self.entries.get_mut(id) {
            self.bytes = self.bytes - entry.bytes + bytes;
            if entry.bytes != bytes {
                self.changed.insert(id.clone());
            }
            entry.bytes = bytes;
            entry.counted_at = Instant::now();
        }
    }

    /// Everything, for a manager that has been told nothing.
    pub(super) fn all(&mut self) -> PackageNews {
        self.changed.clear();
        let mut ids: Vec<_> = self.entries.iter().map(|(id, entry)| (entry.used, id)).collect();
        ids.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
        let held = ids.into_iter().map(|(_, id)| id).chain(self.faults.keys());
        let held = held.take(MAX_TOLD_PACKAGES).filter_map(|id| self.held(id)).collect();
        PackageNews { whole: true, held, ..self.sums() }
    }

    /// What has changed since this or [`Index::all`] was last asked.
    pub(super) fn news(&mut self) -> Option<PackageNews> {
        if self.changed.is_empty() {
            return None;
        }
        let mut news = self.sums();
        for id in std::mem::take(&mut self.changed) {
            match self.held(&id) {
                Some(held) => news.held.push(held),
                None => news.gone.push(id.key()),
            }
        }
        Some(news)
    }

    fn held(&self, id: &Id) -> Option<HeldPackage> {
        let key = id.key();
        match (self.entries.get(id), self.faults.get(id)) {
            (Some(entry), _) => {
                let Entry { bytes, python, .. } = entry;
                Some(HeldPackage { key, bytes: *bytes, python: python.clone(), fault: None })
            }
            (None, Some(fault)) => {
                Some(HeldPackage { key, bytes: 0, python: None, fault: Some(fault.clone()) })
            }
            (None, None) => None,
        }
    }

    fn sums(&self) -> PackageNews {
        PackageNews { used_bytes: self.bytes, limit_bytes: self.limit_bytes, ..PackageNews::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Id {
        Id::new(Kind::App, &digit.to_string().repeat(64))
    }

    fn filled(limit_bytes: u64) -> Arc<Mutex<Index>> {
        let mut index = Index::new(limit_bytes);
        for digit in ['a', 'b', 'c'] {
            index.insert(id(digit), PathBuf::from(digit.to_string()), 10, None);
        }
        Arc::new(Mutex::new(index))
    }

    #[test]
    fn the_least_recently_used_that_nobody_uses_goes() {
        let index = filled(20);
        let pin = pin(&index, id('b'));
        lock(&index).find(&id('a'));

        assert_eq!(lock(&index).evict(), [PathBuf::from("c")]);
        lock(&index).limit_bytes = 5;
        assert_eq!(lock(&index).evict(), [PathBuf::from("a")], "b is in use");
        drop(pin);
        assert_eq!(lock(&index).evict(), [PathBuf::from("b")]);
    }

    #[test]
    fn what_is_being_made_counts_from_its_first_byte() {
        let index = filled(35);
        let mut room = Room::new(&index);

        for (bytes, goes) in [(5, &[][..]), (10, &["a"]), (25, &["b"])] {
            room.resize(bytes);
            assert_eq!(lock(&index).evict(), goes.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
        drop(room);
        assert!(lock(&index).evict().is_empty());
        assert_eq!(lock(&index).bytes, 10);
    }

    #[test]
    fn the_manager_is_told_all_once_and_then_what_has_changed() {
        let index = filled(100);
        let mut index = lock(&index);

        let all = index.all();
        assert_eq!((all.whole, all.held.len(), all.used_bytes, all.limit_bytes), (true, 3, 30, 100));
        assert_eq!(index.news(), None);
        index.fail(id('d'), "no such thing".into());
        index.limit_bytes = 20;
        index.evict();
        let news = index.news().unwrap();
        assert_eq!((news.whole, news.used_bytes), (false, 20));
        assert_eq!(news.gone, [id('a').key()]);
        assert_eq!(news.held[0].fault.as_deref(), Some("no such thing"));
        index.insert(id('d'), PathBuf::from("d"), 1, Some("3.11 in /usr/bin".into()));
        let held = &index.news().unwrap().held[0];
        assert_eq!((held.bytes, held.fault.as_deref()), (1, None));
    }

    #[test]
    fn what_programs_have_used_is_counted_again_when_nobody_uses_it() {
        let index = filled(100);
        let now = Instant::now();
        let (one, two) = (pin(&index, id('a')), pin(&index, id('a')));
        drop(one);
        assert!(lock(&index).take_touched(now).is_empty());
        drop(two);
        assert!(
            lock(&index).take_touched(now - std::time::Duration::from_secs(60)).is_empty(),
            "just counted"
        );
        let later = Instant::now() + std::time::Duration::from_secs(60);
        assert_eq!(lock(&index).take_touched(later).len(), 1);
        assert!(lock(&index).take_touched(later).is_empty());

        lock(&index).recount(&id('a'), 95);
        assert_eq!(lock(&index).evict(), [PathBuf::from("a"), PathBuf::from("b")][..1], "the oldest goes");
    }
}
