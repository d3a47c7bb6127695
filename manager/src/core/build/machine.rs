//! The state of builds and the steps between: begin, try later, give up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::env::EnvAnswer;
use lp_protocol::frames::ManagerFrame;
use lp_protocol::{DigestHex, NodeId};

use super::record::{BuildRecord, BuildState};
use crate::core::timers::Timer;
use crate::core::{Core, Effect, Now};

/// Failures in a row after which those who wait are told that it cannot be built. What fails three times over minutes and, where several
/// nodes wait, on several of them, is not a hiccup of a network.
pub(super) const MAX_FAILURES: u32 = 3;

/// Losses in a row: a build that takes its node down with it must not go through all of them.
pub(super) const MAX_LOSSES: u32 = 5;

/// First wait after a failure; it grows sixfold: 10 s, then a minute.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// Ten minutes after it was given up whoever asks begins anew: an index may have been away, or a disk full.
pub(super) const FAILED_FOR: Duration = Duration::from_secs(600);

/// Builds under way, and those that somebody waits for.
#[derive(Debug, Default)]
pub(in crate::core) struct Builds {
    pub(super) open: BTreeMap<DigestHex, Build>,
    /// What the store knows of those that are wished for in this batch.
    pub(super) offered: BTreeMap<DigestHex, BuildRecord>,
    /// When those that are to be tried later are due.
    pub(super) due: BTreeSet<(Duration, DigestHex)>,
    timer: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Build {
    pub(super) record: BuildRecord,
    /// Connected nodes that need it; the one that builds it is not among them.
    pub(super) waiting: BTreeSet<NodeId>,
    /// In `due`.
    pub(super) due: Option<Duration>,
}

impl Core {
    /// Gives the lease to a node.
    pub(super) fn begin_build(&mut self, now: Now, key: &str, node_id: NodeId) {
        self.unset_due(key);
        let Some(build) = self.builds.open.get_mut(key) else { return };
        build.waiting.remove(&node_id);
        build.record.number += 1;
        build.record.state = BuildState::Building { node_id, since: now.wall };
        build.record.used_at = now.wall;
        let number = build.record.number;
        self.counters.builds_begun += 1;
        self.touch_build(key);
        self.answer_wish(node_id, key, EnvAnswer::Build { number });
        self.tell_waiting(key);
    }

    /// The lease is free again, for no fault of the build or for a loss: the next that waits gets it.
    pub(super) fn release_build(&mut self, now: Now, key: &str, lost: Option<String>) {
        let Some(build) = self.builds.open.get_mut(key) else { return };
        let BuildState::Building { node_id, .. } = build.record.state else { return };
        if let Some(reason) = lost {
            build.record.losses += 1;
            if build.record.losses >= MAX_LOSSES {
                let error = format!(
                    "its build was lost {} times with its node, the last time because {reason}",
                    build.record.losses
                );
                return self.fail_build(now, key, error);
            }
        }
        match build.waiting.first().copied() {
            Some(next) => self.begin_build(now, key, next),
            None => {
                let error = "nobody builds it".to_owned();
                build.record.state = BuildState::Later { node_id, retry_at: now.wall, error };
                self.touch_build(key);
            }
        }
    }

    /// It has failed: again after a while, or not for a longer one.
    pub(super) fn count_failure(&mut self, now: Now, key: &str, error: String) {
        let Some(build) = self.builds.open.get_mut(key) else { return };
        let node_id = build.record.state.node_id();
        build.record.failures += 1;
        if build.record.failures >= MAX_FAILURES {
            return self.fail_build(now, key, error);
        }
        let wait = FIRST_WAIT * 6u32.pow(build.record.failures - 1);
        build.record.state = BuildState::Later { node_id, retry_at: now.wall + wait, error };
        // it wants it still, and may get the lease again
        build.waiting.insert(node_id);
        self.touch_build(key);
        self.set_due(key, now.mono + wait);
        self.tell_waiting(key);
        self.keep_waiting(key);
    }

    fn fail_build(&mut self, now: Now, key: &str, error: String) {
        self.unset_due(key);
        let Some(build) = self.builds.open.get_mut(key) else { return };
        let node_id = build.record.state.node_id();
        build.record.state = BuildState::Failed { node_id, at: now.wall, error };
        self.counters.builds_failed += 1;
        self.touch_build(key);
        self.tell_waiting(key);
        self.dismiss_waiting(key);
    }

    /// Begins what has waited long enough.
    pub(in crate::core) fn fire_builds(&mut self, now: Now) {
        self.builds.timer = None;
        while let Some((_, key)) = self.builds.due.first().filter(|(due, _)| *due <= now.mono).cloned() {
            self.unset_due(&key);
            self.begin_for_next(now, &key);
        }
        self.set_build_timer();
    }

    /// Begins it for one of those that wait; another one than failed last, where there is a choice.
    pub(super) fn begin_for_next(&mut self, now: Now, key: &str) {
        let Some(build) = self.builds.open.get(key) else { return };
        let last = build.record.state.node_id();
        let other = build.waiting.iter().find(|node_id| **node_id != last);
        if let Some(next) = other.or(build.waiting.first()).copied() {
            self.begin_build(now, key, next);
        }
    }

    pub(super) fn set_due(&mut self, key: &str, due: Duration) {
        self.unset_due(key);
        if let Some(build) = self.builds.open.get_mut(key) {
            build.due = Some(due);
            self.builds.due.insert((due, key.to_owned()));
            self.set_build_timer();
        }
    }

    pub(super) fn unset_due(&mut self, key: &str) {
        if let Some(due) = self.builds.open.get_mut(key).and_then(|build| build.due.take()) {
            self.builds.due.remove(&(due, key.to_owned()));
        }
    }

    fn set_build_timer(&mut self) {
        let Some((due, _)) = self.builds.due.first() else { return };
        if self.builds.timer.is_some_and(|set| set <= *due) {
            return;
        }
        if let Some(set) = self.builds.timer.replace(*due) {
            self.timers.cancel(set, Timer::Builds);
        }
        self.timers.set(*due, Timer::Builds);
    }

    pub(super) fn touch_build(&mut self, key: &str) {
        if let Some(build) = self.builds.open.get(key) {
            self.outcome.changes.builds.insert(key.to_owned(), build.record.clone());
        }
    }

    /// What a wish is answered as things are.
    pub(super) fn build_answer(&self, record: &BuildRecord) -> EnvAnswer {
        match &record.state {
            BuildState::Building { node_id, since } => {
                EnvAnswer::Wait { node: self.node_name(*node_id), since: *since }
            }
            BuildState::Later { retry_at, error, .. } => {
                EnvAnswer::Later { retry_at: *retry_at, error: error.clone() }
            }
            BuildState::Failed { error, .. } => EnvAnswer::Failed { error: error.clone() },
            BuildState::Ready { package, .. } => EnvAnswer::Ready(package.clone()),
        }
    }

    pub(super) fn tell_waiting(&mut self, key: &str) {
        let Some(build) = self.builds.open.get(key) else { return };
        let answer = self.build_answer(&build.record);
        let waiting: Vec<NodeId> = build.waiting.iter().copied().collect();
        for node_id in waiting {
            self.answer_wish(node_id, key, answer.clone());
        }
    }

    pub(super) fn dismiss_waiting(&mut self, key: &str) {
        if let Some(build) = self.builds.open.get_mut(key) {
            build.waiting.clear();
        }
    }

    /// Of those that wait only the connected are kept: the others ask again when they are back.
    fn keep_waiting(&mut self, key: &str) {
        let nodes = &self.nodes;
        if let Some(build) = self.builds.open.get_mut(key) {
            build.waiting.retain(|node_id| nodes.get(node_id).is_some_and(|node| node.connection.is_some()));
        }
    }

    pub(super) fn answer_wish(&mut self, node_id: NodeId, key: &str, answer: EnvAnswer) {
        let Some(connection) = self.nodes.get(&node_id).and_then(|node| node.connection) else { return };
        let frame = ManagerFrame::Envs { answers: BTreeMap::from([(key.to_owned(), answer)]) };
        self.outcome.effects.push(Effect::Send { connection, frame });
    }

    fn node_name(&self, node_id: NodeId) -> String {
        let known = self.nodes.get(&node_id).map(|node| node.facts.name.clone());
        known.filter(|name| !name.is_empty()).unwrap_or_else(|| node_id.short())
    }

    /// Lets go of what is neither built nor waited for: the end of each batch.
    pub fn withdraw_builds(&mut self) {
        self.builds.offered.clear();
        let is_idle = |build: &Build| {
            !matches!(build.record.state, BuildState::Building { .. }) && build.waiting.is_empty()
        };
        let idle: Vec<DigestHex> =
            self.builds.open.iter().filter(|(_, build)| is_idle(build)).map(|(key, _)| key.clone()).collect();
        for key in idle {
            self.unset_due(&key);
            self.builds.open.remove(&key);
        }
    }

    /// Takes over the leases of before a start: their nodes have the usual time to return.
    pub(in crate::core) fn load_builds(&mut self, now: Now, building: Vec<BuildRecord>) {
        for record in building {
            if let BuildState::Building { node_id, .. } = record.state {
                self.node(now, node_id);
                let build = Build { due: None, waiting: BTreeSet::new(), record };
                self.builds.open.insert(build.record.key.clone(), build);
            }
        }
    }

    /// How long until then; never longer than the longest wait there is, for the clock may have been set.
    pub(super) fn until(now: Now, retry_at: DateTime<Utc>) -> Duration {
        (retry_at - now.wall).to_std().unwrap_or_default().min(FIRST_WAIT * 6u32.pow(MAX_FAILURES))
    }
}

#[cfg(test)]
impl Core {
    /// The builds under way, in words: the same after a reload.
    pub(in crate::core) fn describe_builds(&self, text: &mut String) {
        use std::fmt::Write;
        for build in self.builds.open.values() {
            if let BuildState::Building { .. } = build.record.state {
                writeln!(text, "build {:?}", build.record).expect("writing to a string");
            }
        }
    }

    pub(in crate::core) fn check_builds(&self) {
        for (key, build) in &self.builds.open {
            assert_eq!(*key, build.record.key);
            assert_eq!(
                build.due.is_some(),
                build.due.is_some_and(|due| self.builds.due.contains(&(due, key.clone())))
            );
            for node_id in &build.waiting {
                assert!(self.nodes[node_id].connection.is_some(), "only connected nodes wait");
            }
            match build.record.state {
                BuildState::Building { node_id, .. } => {
                    assert!(!build.waiting.contains(&node_id), "who builds does not wait");
                    assert!(self.nodes.contains_key(&node_id), "who builds is watched for silence");
                }
                BuildState::Later { .. } if !build.waiting.is_empty() => {
                    assert!(build.due.is_some(), "who waits is not forgotten");
                }
                BuildState::Later { .. } => {}
                BuildState::Failed { .. } | BuildState::Ready { .. } => {
                    assert!(build.waiting.is_empty(), "those who waited were told");
                }
            }
        }
        if let Some((due, _)) = self.builds.due.first() {
            let set = self.builds.timer.expect("what is due has a timer");
            assert!(set <= *due && self.timers.contains(set, Timer::Builds));
        }
    }
}
