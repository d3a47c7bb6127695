//! A few threads for work with files.
//!
//! The thread that learns of something does the first pieces itself: a hand-over costs more than making a workspace. The pool takes what comes
//! in crowds, and what is large.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};

use super::effects::Job;
use crate::sync::{lock, wait};

/// As many threads as there are at most.
const MOST_WOKEN: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Pool {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    pub(crate) fn push(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut queue = lock(&self.queue);
        let before = queue.jobs.len();
        queue.jobs.extend(jobs);
        for _ in before..queue.jobs.len().min(before + MOST_WOKEN) {
            self.bell.notify_one();
        }
    }

    /// The next job; None once the pool is closed. Jobs left then are taken up again from the journal by the next process.
    pub(crate) fn next(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            match queue.jobs.pop_front() {
                Some(job) => return Some(job),
                None => queue = wait(&self.bell, queue),
            }
        }
    }

    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
        self.bell.notify_all();
    }
}
