//! The limit: what this machine can do without any platform.
//!
//! The same as a node does for an action and nothing else: a workspace directory with an `input.data`, the program started directly
//! (`posix_spawn`, no shell) with its output in a file, waiting for it, reading back `output.data`. Where the platform would have
//! told somebody about the end, the end is written to a file and synced first, as ours is to the database.
//!
//! Nothing is deleted here: ext4 passes over inodes that were freed within the last seconds, which makes creating files after a deletion
//! several times slower. The directories go with the whole cluster, at the end of the bench.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// As long as the input of an action that was given nothing.
const INPUT: &[u8] = br#"{"task_id": "deaf60c9-0000-4000-8000-000000000000", "workspace": "/var/lib/lp/node/workspaces/de/deaf60c9-0000-4000-8000-000000000000/action.1", "action_info": {"task_create_at": "2026-11-22 05:52:16.683930", "task_name": "run true", "action_name": "action", "http_host": "127.0.0.1", "http_port": 8000}}"#;

/// As long as a row about an attempt that has ended.
const RECORD: [u8; 200] = [b'.'; 200];

/// What an action runs: the program's absolute path and its arguments; `{workspace}` is replaced.
pub(super) type Words = Vec<String>;

/// Runs actions in directories below `root`, which is on the same disk as the cluster's data.
pub(super) struct Limit {
    root: PathBuf,
    threads: usize,
    made: AtomicUsize,
    sets: AtomicUsize,
}

impl Limit {
    pub(super) fn new(root: PathBuf, threads: usize) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root, threads, made: AtomicUsize::new(0), sets: AtomicUsize::new(0) })
    }

    /// W1: so many actions on as many threads as the machine has processors.
    pub(super) fn many(&self, count: usize, words: &[String]) -> io::Result<Duration> {
        let set = self.new_set()?;
        let begin = Instant::now();
        self.on_threads(count, |_| self.action(&set, words))?;
        Ok(begin.elapsed())
    }

    /// W2: one action and the sync of its record, `count` times one after the other.
    pub(super) fn single(&self, count: usize, words: &[String]) -> io::Result<Vec<Duration>> {
        let set = self.new_set()?;
        let mut journal = journal(&set)?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begin = Instant::now();
            self.recorded(&set, &mut journal, words)?;
            times.push(begin.elapsed());
        }
        Ok(times)
    }

    /// W3: a chain, each action and its record before the next.
    pub(super) fn chain(&self, hops: usize, words: &[String]) -> io::Result<Duration> {
        Ok(self.single(hops, words)?.iter().sum())
    }

    /// W4: one, then `width` on all threads with their records synced in groups, then one.
    pub(super) fn fan_out(&self, width: usize, words: &[String]) -> io::Result<Duration> {
        let set = self.new_set()?;
        let mut first_and_last = journal(&set)?;
        let group = OpenOptions::new().create(true).append(true).open(set.join("group"))?;
        let begin = Instant::now();
        self.recorded(&set, &mut first_and_last, words)?;
        let (ended, ends) = mpsc::channel();
        let committer = thread::spawn(move || commit_in_groups(group, &ends));
        self.on_threads(width, move |_| {
            self.action(&set, words)?;
            // fails only where the committer has failed, which is told below
            let _ = ended.send(());
            Ok(())
        })?;
        committer.join().map_err(|_| io::Error::other("the committing thread has panicked"))??;
        let set = self.new_set()?;
        self.recorded(&set, &mut first_and_last, words)?;
        Ok(begin.elapsed())
    }

    /// Spreads the numbers below `count` over the threads, as they come.
    fn on_threads(
        &self,
        count: usize,
        act: impl Fn(usize) -> io::Result<()> + Sync + Send,
    ) -> io::Result<()> {
        let next = AtomicUsize::new(0);
        let worker = || {
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    number if number < count => act(number)?,
                    _ => return Ok(()),
                }
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the limit has panicked")))
            })
        })
    }

    fn recorded(&self, set: &Path, journal: &mut File, words: &[String]) -> io::Result<()> {
        self.action(set, words)?;
        journal.write_all(&RECORD)?;
        journal.sync_data()
    }

    fn action(&self, set: &Path, words: &[String]) -> io::Result<()> {
        let workspace = set.join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&workspace)?;
        fs::write(workspace.join("input.data"), INPUT)?;
        let stdout = File::create_new(workspace.join("stdout.data"))?;
        let path = workspace.to_string_lossy();
        let mut words = words.iter().map(|word| word.replace("{workspace}", &path));
        let program = words.next().ok_or(ErrorKind::InvalidInput)?;
        let mut command = Command::new(&program);
        command.args(words).current_dir(&self.root).stdin(Stdio::null());
        command.stderr(stdout.try_clone()?).stdout(stdout);
        let status = command.status()?;
        if !status.success() {
            return Err(io::Error::other(format!("{program} has ended with {status}")));
        }
        match fs::read(workspace.join("output.data")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A directory for the workspaces of one measurement.
    fn new_set(&self) -> io::Result<PathBuf> {
        let set = self.root.join(format!("set-{}", self.sets.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&set)?;
        Ok(set)
    }
}

fn journal(set: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(set.join("journal"))
}

/// Writes and syncs whatever has ended since the last time, until nothing more can end.
fn commit_in_groups(mut journal: File, ends: &Receiver<()>) -> io::Result<()> {
    while ends.recv().is_ok() {
        let group = 1 + ends.try_iter().count();
        journal.write_all(&RECORD.repeat(group))?;
        journal.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Words {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn each_action_gets_a_workspace_with_input_and_output() {
        let home = tempfile::tempdir().unwrap();
        let limit = Limit::new(home.path().to_owned(), 2).unwrap();

        limit.many(5, &words(&["/bin/sh", "-c", "cat \"$0/input.data\"", "{workspace}"])).unwrap();

        for number in 0..5 {
            let output = fs::read(home.path().join(format!("set-0/{number}/stdout.data"))).unwrap();
            assert_eq!(output, INPUT);
        }
    }

    #[test]
    fn every_end_is_recorded() {
        let home = tempfile::tempdir().unwrap();
        let limit = Limit::new(home.path().to_owned(), 2).unwrap();

        limit.fan_out(7, &words(&["/bin/true"])).unwrap();
        let times = limit.single(3, &words(&["/bin/true"])).unwrap();

        let length = |path: &str| fs::metadata(home.path().join(path)).unwrap().len();
        assert_eq!(times.len(), 3);
        assert_eq!((length("set-0/group"), length("set-0/journal")), (7 * 200, 2 * 200));
        assert_eq!(length("set-2/journal"), 3 * 200);
    }

    #[test]
    fn a_program_that_fails_is_no_measurement() {
        let home = tempfile::tempdir().unwrap();
        let limit = Limit::new(home.path().to_owned(), 2).unwrap();

        assert!(limit.many(1, &words(&["/bin/false"])).is_err());
    }
}
