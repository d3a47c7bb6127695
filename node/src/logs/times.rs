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

/// 1 s before its start a mark may still be of an attempt: the clock of file systems has ticks, and its supervisor notes the start a little later.
const BEFORE_MS: u64 = 1000;

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
        let is_stray =
            |entry: &DirEntry| !entry.file_name().to_str().is_some_and(|name| names.contains(name));
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
        lock(&kept).note(seen, now_ms) != Change::None
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
    pub(crate) fn take(
        &self,
        key: &AttemptKey,
        seen: Seen,
        (start_ms, end_ms): (u64, u64),
    ) -> Option<String> {
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
        Marks::salvage(&fs::read(&path).unwrap_or_default()).since(start_ms.saturating_sub(BEFORE_MS))
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

#[cfg(test)]
mod tests {
    use lp_protocol::TaskId;

    use super::*;

    const START: u64 = 1_790_000_000_000;

    struct Bench {
        dir: tempfile::TempDir,
        key: AttemptKey,
        times: Times,
    }

    impl Bench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let key = AttemptKey { task_id: TaskId::random(), action: "a b".into(), attempt: 1 };
            let times = Times::new(dir.path().to_owned());
            assert!(times.begin(&key, START, START));
            Self { dir, key, times }
        }

        /// Found `bytes` long so many milliseconds after the start, when it was last written to.
        fn note(&self, bytes: u64, after_ms: u64) -> bool {
            let seen = Seen { bytes, written_ms: START + after_ms };
            self.times.note(&self.key, seen, START + after_ms)
        }

        fn restart(&mut self) {
            self.times = Times::new(self.dir.path().to_owned());
            self.times.sweep(std::slice::from_ref(&self.key));
            assert!(self.times.begin(&self.key, START, START));
        }

        /// What goes with the end: offsets and milliseconds after the start.
        fn end(&self, bytes: u64, after_ms: u64) -> Vec<(u64, u64)> {
            let last = Seen { bytes, written_ms: START + after_ms };
            let told = self.times.take(&self.key, last, (START, START + after_ms));
            let marks = told.map(|told| Marks::decode(&STANDARD.decode(told).unwrap()).unwrap());
            marks.unwrap_or_default().iter().map(|mark| (mark.offset, mark.at_ms - START)).collect()
        }

        fn files(&self) -> usize {
            fs::read_dir(self.dir.path()).unwrap().count()
        }
    }

    #[test]
    fn marks_go_with_the_end_and_nothing_of_them_stays() {
        let bench = Bench::new();
        assert!(!bench.times.begin(&bench.key, START, START), "it is watched already");

        assert!(bench.note(5, 100) && !bench.note(5, 200) && bench.note(9, 3000));
        bench.times.write(&bench.key, START + 3000, When::Due);

        assert_eq!(bench.files(), 1);
        assert_eq!(bench.end(12, 5000), [(5, 100), (9, 3000), (12, 5000)]);
        assert_eq!((bench.files(), bench.times.peek(&bench.key)), (0, None));
        bench.times.write(&bench.key, START + 9000, When::Now);
        assert_eq!(bench.files(), 0);
    }

    #[test]
    fn a_program_that_ends_soon_costs_no_file() {
        let bench = Bench::new();

        for step in 1..10 {
            bench.note(step, step * 100);
            assert!(bench.times.write(&bench.key, START + step * 100, When::Due).is_some());
        }

        assert_eq!(bench.files(), 0);
        assert_eq!(bench.end(9, 1000).len(), 9);
    }

    #[test]
    fn a_later_process_goes_on_and_finds_the_last_moment_in_the_file_system() {
        let mut bench = Bench::new();
        bench.note(5, 100);
        bench.note(9, 200);
        bench.times.write(&bench.key, START + 300, When::Now);

        bench.restart();
        bench.note(20, 400);
        bench.times.write(&bench.key, START + 600, When::Now);
        bench.note(30, 700);
        bench.times.write(&bench.key, START + 800, When::Now);
        bench.restart();

        assert_eq!(bench.end(40, 900), [(5, 100), (20, 400), (40, 900)]);
    }

    #[test]
    fn a_file_that_is_damaged_or_of_an_earlier_attempt_costs_its_marks_only() {
        let mut bench = Bench::new();
        bench.note(5, 100);
        bench.note(9, 200);
        bench.note(12, 300);
        bench.times.write(&bench.key, START + 300, When::Now);
        let path = bench.times.path(&bench.key);
        let whole = fs::read(&path).unwrap();

        for (bytes, kept) in [
            (&whole[..whole.len() - 1], vec![(5, 100), (20, 900)]),
            (&b"\xff\xff"[..], vec![(20, 900)]),
            (&b""[..], vec![(20, 900)]),
        ] {
            fs::write(&path, bytes).unwrap();
            bench.restart();
            assert_eq!(bench.end(20, 900), kept);
        }
        fs::write(&path, &whole).unwrap();
        bench.times = Times::new(bench.dir.path().to_owned());
        assert!(bench.times.begin(&bench.key, START + 2000, START + 2000));
        assert_eq!(bench.end(20, 2900), [(20, 2900)]);
    }

    #[test]
    fn an_output_that_its_program_has_cut_begins_anew_in_the_file_too() {
        let mut bench = Bench::new();
        bench.note(500, 100);
        bench.note(900, 200);
        bench.times.write(&bench.key, START + 300, When::Now);

        bench.note(7, 400);
        bench.note(9, 500);
        bench.times.write(&bench.key, START + 600, When::Now);
        bench.restart();

        assert_eq!(bench.end(9, 500), [(7, 400), (9, 500)]);
    }

    #[test]
    fn a_moment_that_cannot_be_is_put_between_start_and_end() {
        for (written_ms, after_ms) in [(0, 0), (u64::MAX, 1000)] {
            let bench = Bench::new();
            let last = Seen { bytes: 3, written_ms };

            let told = bench.times.take(&bench.key, last, (START, START + 1000)).unwrap();

            let marks = Marks::decode(&STANDARD.decode(told).unwrap()).unwrap();
            assert_eq!(marks.last().unwrap().at_ms, START + after_ms);
        }
    }

    #[test]
    fn an_output_of_nothing_has_no_marks_and_an_unwatched_one_its_last() {
        let bench = Bench::new();
        assert!(bench.end(0, 500).is_empty());

        assert_eq!(bench.end(3, 500), [(3, 500)]);
    }

    #[test]
    fn files_of_attempts_that_are_not_held_are_swept() {
        let bench = Bench::new();
        fs::write(bench.dir.path().join("stray"), "x").unwrap();
        fs::write(bench.times.path(&bench.key), "y").unwrap();

        bench.times.sweep(std::slice::from_ref(&bench.key));

        assert_eq!(bench.files(), 1);
        bench.times.forget(&bench.key);
        assert_eq!(bench.files(), 0);
    }
}
