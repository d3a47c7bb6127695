//! Who gets which user and which GPUs.

use std::collections::BTreeSet;

use lp_protocol::AttemptKey;

use super::{Phase, State};
use crate::isolation::Users;
use crate::journal::Record;
use crate::runner::given::Given;

impl State {
    /// What there is to be given out; nothing until this is called.
    pub(crate) fn set_givable(&mut self, users: Users, gpus: Vec<String>) {
        self.users = users;
        self.gpus = gpus;
    }

    /// Gives an attempt that is about to be launched what it needs. The counts say already that there is enough.
    ///
    /// # Errors
    /// There is not: a sentence.
    pub(super) fn give(&mut self, key: &AttemptKey) -> Result<(), String> {
        let Some(attempt) = self.attempts.get(key) else { return Ok(()) };
        let wanted = attempt.order.assignment.resources.gpus as usize;
        let has_all = attempt.given.gpus.len() >= wanted
            && (attempt.given.uid.is_some() || !matches!(self.users, Users::Range { .. }));
        if has_all {
            return Ok(());
        }
        let gpus = self.free_gpus(wanted)?;
        let uid = self.choose_user(key)?;
        let first_choice = self.first_choice(key);
        let given = Given { uid, gpus };
        if !given.gpus.is_empty() || uid != first_choice {
            self.journal.append(&Record::Given { attempt: key.clone(), given: given.clone() });
        }
        if let Some(attempt) = self.attempts.get_mut(key) {
            attempt.given = given;
        }
        Ok(())
    }

    /// The user an attempt has where nothing is written down.
    pub(super) fn first_choice(&self, key: &AttemptKey) -> Option<u32> {
        self.users.choose(key.task_id.0, |_| false)
    }

    /// Not those of programs that have ended: their count is free too.
    fn free_gpus(&self, wanted: usize) -> Result<Vec<String>, String> {
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let running = self.occupying.iter().filter_map(|key| self.attempts.get(key));
        let taken: BTreeSet<&String> = running.flat_map(|attempt| &attempt.given.gpus).collect();
        let free: Vec<String> =
            self.gpus.iter().filter(|gpu| !taken.contains(gpu)).take(wanted).cloned().collect();
        if free.len() < wanted {
            return Err(format!(
                "it needs {wanted} GPUs, and programs that still run have all but {} of them",
                free.len()
            ));
        }
        Ok(free)
    }

    /// The user its task has here already, or one that no other task has.
    fn choose_user(&self, key: &AttemptKey) -> Result<Option<u32>, String> {
        if !matches!(self.users, Users::Range { .. }) {
            return Ok(None);
        }
        let mut taken = BTreeSet::new();
        for (other, given) in self.holders(key) {
            match given.uid {
                Some(uid) if other.task_id == key.task_id => return Ok(Some(uid)),
                Some(uid) => _ = taken.insert(uid),
                None => {}
            }
        }
        let found = self.users.choose(key.task_id.0, |uid| taken.contains(&uid));
        found.map(Some).ok_or_else(|| "all users of the range `run_as` are taken by other tasks".to_owned())
    }

    /// Other attempts whose programs run or whose workspaces are still open.
    fn holders<'s>(&'s self, key: &'s AttemptKey) -> impl Iterator<Item = (&'s AttemptKey, &'s Given)> {
        self.attempts.iter().filter(move |(other, _)| *other != key).filter_map(|(other, attempt)| {
            match attempt.phase {
                Phase::Launching(_) | Phase::Running { .. } | Phase::Restored | Phase::Concluding => {
                    Some((other, &attempt.given))
                }
                Phase::Preparing | Phase::Waiting(_) | Phase::Done { .. } => None,
            }
        })
    }
}
