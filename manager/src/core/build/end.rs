//! A node tells what became of its build.

use lp_protocol::env::{BuildOutcome, EnvAnswer, MAX_BUILD_LOG_BYTES};
use lp_protocol::frames::PackageRef;
use lp_protocol::{DigestHex, NodeId};

use super::record::BuildState;
use crate::core::record::BuildLog;
use crate::core::{Core, Now};

/// Longest sentence kept of a failure.
const MAX_ERROR_BYTES: usize = 4000;

/// Why a node's word on a build does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildRefusal {
    #[error("this node has no lease to build it (another one may have it now)")]
    NotLeased,
}

impl Core {
    /// Whether the node has this lease: what entitles it to upload a pack.
    pub fn is_building(&self, node_id: NodeId, key: &str, number: u32) -> bool {
        let found = self.builds.open.get(key);
        found.is_some_and(|build| build.record.number == number && build.record.state_is_leased_to(node_id))
    }

    /// Takes the outcome of a build; answers as a wish of the node is answered from then on. Those who wait are told.
    ///
    /// # Errors
    /// The lease is not the node's, or is another one by now.
    pub fn build_ended(
        &mut self,
        now: Now,
        node_id: NodeId,
        (key, number): (&DigestHex, u32),
        (outcome, seconds, log): (BuildOutcome, f64, String),
    ) -> Result<EnvAnswer, BuildRefusal> {
        if !self.is_building(node_id, key, number) {
            return Err(BuildRefusal::NotLeased);
        }
        if !log.is_empty() {
            let log = BuildLog { number, text: tail(log, MAX_BUILD_LOG_BYTES) };
            self.outcome.changes.build_logs.insert(key.clone(), log);
        }
        match outcome {
            BuildOutcome::Done(package) => self.build_done(now, node_id, key, (package, seconds)),
            BuildOutcome::Failed { error } => self.count_failure(now, key, head(error, MAX_ERROR_BYTES)),
            BuildOutcome::GivenUp => self.release_build(now, key, None),
        }
        let build = self.builds.open.get(key).ok_or(BuildRefusal::NotLeased)?;
        Ok(self.build_answer(&build.record))
    }

    fn build_done(&mut self, now: Now, node_id: NodeId, key: &str, (package, seconds): (PackageRef, f64)) {
        let Some(build) = self.builds.open.get_mut(key) else { return };
        let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        build.record.state = BuildState::Ready { node_id, at: now.wall, package, seconds };
        (build.record.failures, build.record.losses) = (0, 0);
        build.record.used_at = now.wall;
        self.counters.builds_done += 1;
        self.counters.builds_shared += build.waiting.len() as u64;
        self.touch_build(key);
        self.tell_waiting(key);
        self.dismiss_waiting(key);
    }
}

/// The end of a text, from the begin of a character.
fn tail(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        let begin = (text.len() - max_bytes..text.len()).find(|at| text.is_char_boundary(*at));
        text.drain(..begin.unwrap_or(text.len()));
    }
    text
}

fn head(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        let end = (0..=max_bytes).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}
