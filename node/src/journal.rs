//! The node's memory on disk: an append-only file of what it has accepted and what it has to report.
//!
//! Each record is one line, `<length> <json>`; lengths, because an output may hold newlines. Everything of one pass is one
//! write. There is no fsync: a crash of the machine ends the programs too, and the manager's lease sees to them. A torn or
//! senseless tail is cut off and kept aside. The file is rewritten with what is still true when it has grown to twice that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lp_protocol::AttemptKey;
use lp_protocol::frames::{Assignment, PackageRef, Report};
use serde::{Deserialize, Serialize};

use crate::runner::given::Given;

/// 8 MiB: a rewrite then costs well below a millisecond per thousand actions.
const MIN_REWRITE_BYTES: u64 = 8 << 20;

/// 64 KiB of records nobody waits for are written all the same.
const LAZY_BYTES: usize = 64 << 10;

/// What the node must not forget.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// Head of a rewritten file.
    Head {
        next_seq: u64,
        acked: u64,
        instance: Option<String>,
    },
    /// The supervisor that gets the spawns from here on.
    Supervisor {
        instance: String,
    },
    Accept {
        assignment: Box<Assignment>,
    },
    /// What it has of this node, where that does not follow from the attempt alone.
    Given {
        attempt: AttemptKey,
        given: Given,
    },
    /// It runs in this environment, which was built from a lock.
    Built {
        attempt: AttemptKey,
        package: PackageRef,
    },
    /// We end it; how it then ends is our doing.
    Ending {
        attempt: AttemptKey,
        cause: Cause,
    },
    Report {
        report: Box<Report>,
    },
    Acked {
        through: u64,
    },
    /// The manager wants to hear nothing more of it.
    Forget {
        attempt: AttemptKey,
    },
    /// Its log is on the way to the manager (in a rewritten file; else the report says it).
    Log {
        attempt: AttemptKey,
        bytes: u64,
    },
    /// All of its log is with the manager, or nobody wants it.
    LogDone {
        attempt: AttemptKey,
    },
}

/// Why we end a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    Stopped,
    TimedOut,
    /// Its health command failed too often; the sentence says how.
    Unhealthy(String),
    /// The manager has given it to another node or recorded its end.
    Forgotten,
}

#[derive(Debug, thiserror::Error)]
#[error("open the journal `{}`", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Length of what is known to be whole.
    written: u64,
    /// Appended and not yet written.
    pending: Vec<u8>,
    /// Something of it must be written before anybody acts.
    urgent: bool,
    rewrite_at: u64,
}

impl Journal {
    /// Opens or makes the journal and reads what it holds, oldest first.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Record>), Error> {
        let failed = |source| Error { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let bytes = fs::read(path).map_err(failed)?;
        let (records, whole) = parse(&bytes);
        if whole < bytes.len() {
            let aside = path.with_extension("damaged");
            tracing::warn!(
                lost_bytes = bytes.len() - whole,
                kept_in = %aside.display(),
                "the end of the journal was damaged and is cut off"
            );
            // for whoever wants to look; the journal itself goes on without it
            let _ = fs::write(&aside, &bytes[whole..]);
            file.set_len(whole as u64).map_err(failed)?;
        }
        let written = whole as u64;
        let journal = Self {
            path: path.to_owned(),
            file,
            written,
            pending: Vec::new(),
            urgent: false,
            rewrite_at: MIN_REWRITE_BYTES,
        };
        Ok((journal, records))
    }

    /// Adds a record to what the next flush writes.
    pub(crate) fn append(&mut self, record: &Record) {
        self.append_lazily(record);
        self.urgent = true;
    }

    /// Adds a record that is written when others are.
    pub(crate) fn append_lazily(&mut self, record: &Record) {
        let begin = self.pending.len();
        // room for the length, which is known only afterwards
        self.pending.extend_from_slice(b"0000000000 ");
        if let Err(error) = serde_json::to_writer(&mut self.pending, record) {
            self.pending.truncate(begin);
            tracing::error!(%error, "a record cannot be written as JSON");
            return;
        }
        let length = self.pending.len() - begin - 11;
        let digits = format!("{length:010}");
        self.pending[begin..begin + 10].copy_from_slice(digits.as_bytes());
        self.pending.push(b'\n');
    }

    /// Writes what was appended. After an error nothing of it counts and the next flush writes all of it again.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.urgent && self.pending.len() < LAZY_BYTES {
            return Ok(());
        }
        // at the place after what is whole: half of an earlier failed write is overwritten
        self.file.write_all_at(&self.pending, self.written)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.urgent = false;
        // one large input must not stay in memory for ever
        self.pending.shrink_to(1 << 20);
        Ok(())
    }

    /// True when a rewrite pays.
    pub(crate) fn is_overgrown(&self) -> bool {
        self.written >= self.rewrite_at
    }

    /// Replaces everything by `records`, which say the same in fewer words. Call with nothing pending.
    pub(crate) fn rewrite(&mut self, records: impl Iterator<Item = Record>) -> io::Result<()> {
        let aside = self.path.with_extension("new");
        for record in records {
            self.append(&record);
        }
        let bytes = std::mem::take(&mut self.pending);
        self.urgent = false;
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(&bytes)?;
        fs::rename(&aside, &self.path)?;
        self.file = file;
        self.written = bytes.len() as u64;
        self.rewrite_at = MIN_REWRITE_BYTES.max(self.written * 2);
        Ok(())
    }

    /// Does not try again before the file has doubled; for a rewrite that failed.
    pub(crate) fn put_off_rewrite(&mut self) {
        self.rewrite_at = self.written * 2;
    }
}

#[cfg(test)]
impl Journal {
    /// As a full disk would have it.
    pub(crate) fn set_writable(&mut self, writable: bool) {
        self.file = OpenOptions::new().read(true).write(writable).open(&self.path).expect("it is there");
    }
}

/// The records up to the first that is not whole, and how many bytes they take.
fn parse(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some((record, length)) = parse_one(&bytes[at..]) {
        records.push(record);
        at += length;
    }
    (records, at)
}

fn parse_one(bytes: &[u8]) -> Option<(Record, usize)> {
    let head = bytes.get(..11)?;
    let length: usize = std::str::from_utf8(&head[..10]).ok()?.parse().ok()?;
    let end = 11usize.checked_add(length)?;
    if head[10] != b' ' || bytes.get(end) != Some(&b'\n') {
        return None;
    }
    let record = serde_json::from_slice(&bytes[11..end]).ok()?;
    Some((record, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::order::tests::assignment;
    use proptest::prelude::*;

    fn accept(action: &str) -> Record {
        Record::Accept { assignment: Box::new(assignment(action)) }
    }

    fn actions(records: &[Record]) -> Vec<String> {
        let name = |record: &Record| match record {
            Record::Accept { assignment } => assignment.attempt.action.clone(),
            other => format!("{other:?}"),
        };
        records.iter().map(name).collect()
    }

    #[test]
    fn what_was_flushed_is_read_again_and_what_was_not_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert!(records.is_empty());

        journal.append(&accept("a\nb"));
        journal.append(&accept("c"));
        journal.flush().unwrap();
        journal.append(&accept("d"));
        drop(journal);

        let (_, records) = Journal::open(&path).unwrap();
        assert_eq!(actions(&records), ["a\nb", "c"]);
    }

    #[test]
    fn a_rewrite_keeps_what_it_is_given_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&accept("a"));
        journal.flush().unwrap();

        journal.rewrite([accept("b")].into_iter()).unwrap();
        journal.append(&accept("c"));
        journal.flush().unwrap();

        let (_, records) = Journal::open(&path).unwrap();
        assert_eq!(actions(&records), ["b", "c"]);
    }

    proptest! {
        #[test]
        fn a_torn_journal_gives_its_whole_records_and_can_be_written_again(cut in 0usize..3000, noise in any::<[u8; 8]>()) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("journal");
            let (mut journal, _) = Journal::open(&path).unwrap();
            for action in ["a", "b", "c"] {
                journal.append(&accept(action));
            }
            journal.flush().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let whole = bytes.len();
            bytes.truncate(cut.min(whole));
            bytes.extend(noise);
            fs::write(&path, &bytes).unwrap();

            let (mut journal, records) = Journal::open(&path).unwrap();
            journal.append(&accept("d"));
            journal.flush().unwrap();

            let kept = actions(&records);
            prop_assert_eq!(&kept[..], &["a", "b", "c"][..kept.len()]);
            let (_, records) = Journal::open(&path).unwrap();
            prop_assert_eq!(actions(&records).len(), kept.len() + 1);
        }
    }
}
