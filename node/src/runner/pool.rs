//! A few threads for work with files.
//!
//! The thread that learns of something does the first pieces itself: a hand-over costs more than making a workspace. The pool takes what comes
//! in crowds, and what is large.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};

use super::effects::Job;
use crate::sync::{lock, wait};

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
        match queue.jobs.len() - before {
            0 => {}
            1 => self.bell.notify_one(),
            _ => self.bell.notify_all(),
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
