//! The marks of the outputs of running programs: when which output was how long.
//!
//! Kept in memory, in the form they travel in, and now and then in a file of the node's own, out of the programs' reach, so that a node that is
//! restarted goes on with them. What a crash takes of the file's end costs precision and nothing else. An output's marks go with the report of
//! its attempt's end, and its file then.

use std::collections::HashMap;
use std::fs::{self, DirEntry, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_protocol::AttemptKey;
use lp_protocol::marks::{Change, MAX_MARKS_BYTES, Marks};

use crate::sync::lock;

/// 2 s between writes of what has come to marks while an output grows without a pause.
const WRITE_EVERY_MS: u64 = 2000;

#[derive(Debug)]
pub(crate) struct Times {
    dir: PathBuf,
    /// Of the attempts that are watched.
    known: Mutex<HashMap<AttemptKey, Arc<Mutex<Kept>>>>,
}

/// An output as it was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) bytes: u64,
    /// When it was last written to, as the file system says (milliseconds since 1970).
    pub(crate) written_ms: u64,
}

#[derive(Debug, Default)]
struct Kept {
    marks: Marks,
    /// Before that nothing of it was written.
    start_ms: u64,
    /// So many bytes of them are in the file.
    in_file: usize,
    written_at_ms: u64,
    /// Something came since.
    is_dirty: bool,
    /// They have gone to the manager.
    is_over: bool,
}

impl Seen {
    /// What is under the name of an output; None where that is no file.
    pub(crate) fn look(path: &Path) -> Option<Self> {
        let facts = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        let written_ms = facts.mtime().saturating_mul(1000).saturating_add(facts.mtime_nsec() / 1_000_000);
        Some(Self { bytes: facts.len(), written_ms: u64::try_from(written_ms).unwrap_or(0) })
    }
}

impl Times {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, known: Mutex::default() }
    }

    /// Removes the files of attempts that are not `held`: their end was reported, or nobody wants to hear of it.
    pub(crate) fn sweep(&self, held: &[AttemptKey]) {
        let names: std::collections::HashSet<String> = held.iter().map(file_name).collect();
        let is_stray = |entry: &DirEntry| !entry.file_name().to_str().is_some_and(|name| names.contains(name));
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for stray in entries.flatten().filter(is_stray) {
            remove(&stray.path());
        }
    }

    /// Takes up an output, with what an earlier process has noted of it; false where it is watched already.
    pub(crate) fn begin(&self, key: &AttemptKey, start_ms: u64, now_ms: u64) -> bool {
        let marks = match self.is_known(key) {
            true => return false,
            false => self.read(key, start_ms),
        };
        let kept = Kept { marks, start_ms, written_at_ms: now_ms, ..Kept::default() };
        lock(&self.known).insert(key.clone(), Arc::new(Mutex::new(kept)));
        true
    }

    /// Notes how an output was found at `now_ms`; true where it has changed.
    pub(crate) fn note(&self, key: &AttemptKey, seen: Seen, now_ms: u64) -> bool {
        let Some(kept) = self.find(key) else { return false };
        let changed = lock(&kept).note(seen, now_ms) != Change::None;
        changed
    }

    /// Writes down what has not been written for a while, or all there is; in how many milliseconds there is more to write, if there is.
    pub(crate) fn write(&self, key: &AttemptKey, now_ms: u64, when: When) -> Option<u64> {
        let kept = self.find(key)?;
        let mut kept = lock(&kept);
        if kept.is_over || !kept.is_dirty {
            return None;
        }
        let waited_ms = now_ms.saturating_sub(kept.written_at_ms);
        if when == When::Due && waited_ms < WRITE_EVERY_MS {
            return Some(WRITE_EVERY_MS - waited_ms);
        }
        (kept.written_at_ms, kept.is_dirty) = (now_ms, false);
        if let Err(error) = kept.write(&self.path(key)) {
            // what is not in the file is lost at a restart, and only then
            tracing::debug!(attempt = %key, %error, "cannot write down when its output was written");
        }
        None
    }

    /// The marks so far, in the form they travel in; None where it is not watched.
    pub(crate) fn peek(&self, key: &AttemptKey) -> Option<Vec<u8>> {
        self.find(key).map(|kept| lock(&kept).marks.encode())
    }

    /// The marks of an output that has ended as `seen`, for its report; None where there are none. They are forgotten here.
    pub(crate) fn take(&self, key: &AttemptKey, seen: Seen, (start_ms, end_ms): (u64, u64)) -> Option<String> {
        let mut kept = match self.remove(key) {
            Some(kept) => {
                let mut kept = over(&kept);
                std::mem::take(&mut *kept)
            }
            None => Kept { marks: self.read(key, start_ms), start_ms, ..Kept::default() },
        };
        let _ = kept.note(seen, end_ms);
        remove(&self.path(key));
        (!kept.marks.is_empty()).then(|| STANDARD.encode(kept.marks.encode()))
    }

    /// Nobody will ask for them.
    pub(crate) fn forget(&self, key: &AttemptKey) {
        if let Some(kept) = self.remove(key) {
            drop(over(&kept));
            remove(&self.path(key));
        }
    }

    fn is_known(&self, key: &AttemptKey) -> bool {
        lock(&self.known).contains_key(key)
    }

    fn find(&self, key: &AttemptKey) -> Option<Arc<Mutex<Kept>>> {
        lock(&self.known).get(key).map(Arc::clone)
    }

    fn remove(&self, key: &AttemptKey) -> Option<Arc<Mutex<Kept>>> {
        lock(&self.known).remove(key)
    }

    fn read(&self, key: &AttemptKey, start_ms: u64) -> Marks {
        let path = self.path(key);
        let is_sane = |facts: &fs::Metadata| facts.is_file() && facts.len() <= MAX_MARKS_BYTES as u64;
        if !fs::symlink_metadata(&path).is_ok_and(|facts| is_sane(&facts)) {
            return Marks::default();
        }
        // an attempt of the same name before it was another one
        Marks::salvage(&fs::read(&path).unwrap_or_default()).since(start_ms)
    }

    fn path(&self, key: &AttemptKey) -> PathBuf {
        self.dir.join(file_name(key))
    }
}

/// When marks are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Not more often than need be; a program that ends soon costs no file.
    Due,
    /// The node ends.
    Now,
}

impl Kept {
    /// The moment is the file's own, which is exact however late one looks; one that cannot be is put between start and now.
    fn note(&mut self, seen: Seen, now_ms: u64) -> Change {
        let at_ms = seen.written_ms.max(self.start_ms).min(now_ms.max(self.start_ms));
        let change = self.marks.push(seen.bytes, at_ms);
        self.is_dirty |= change != Change::None;
        if change == Change::Rewritten {
            self.in_file = 0;
        }
        change
    }

    /// All but the last mark, which the next one may replace and the next process finds again.
    fn write(&mut self, path: &Path) -> io::Result<()> {
        let bytes = self.marks.encode_settled();
        if self.marks.is_unsettled() || bytes.len() == self.in_file {
            return Ok(());
        }
        let is_new = self.in_file == 0;
        let mut options = OpenOptions::new();
        options.append(!is_new).write(true).create(is_new).truncate(is_new).mode(0o600);
        let written = options.open(path).and_then(|mut file| file.write_all(&bytes[self.in_file..]));
        // after half a write the place of the rest is not known: all of it is written anew
        self.in_file = if written.is_ok() { bytes.len() } else { 0 };
        written
    }
}

fn over(kept: &Mutex<Kept>) -> std::sync::MutexGuard<'_, Kept> {
    let mut kept = lock(kept);
    kept.is_over = true;
    kept
}

/// The node takes no attempt whose action's name is not safe in a path.
fn file_name(key: &AttemptKey) -> String {
    format!("{}.{}.{}", key.task_id, key.action, key.attempt)
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::debug!(path = %path.display(), %error, "cannot remove what was noted of an output");
        }
        Ok(()) | Err(_) => {}
    }
}
