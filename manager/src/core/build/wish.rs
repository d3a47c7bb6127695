//! Nodes wish for environments, come and go.

use std::collections::{BTreeMap, BTreeSet};

use lp_protocol::env::{EnvAnswer, EnvRecipe, EnvWish, key as env_key};
use lp_protocol::frames::NodeFrame;
use lp_protocol::plan::EnvRef;
use lp_protocol::{AppId, DigestHex, NodeId};

use super::machine::{Build, FAILED_FOR};
use super::record::{BuildRecord, BuildState};
use crate::core::{ConnectionId, Core, Now};

/// Longest name of a platform, and of a Python.
const MAX_PLATFORM_BYTES: usize = 64;
const MAX_PYTHON_BYTES: usize = 8;

/// A node that has not heard of its lease asks again within the time of a reconnection; one that was restarted takes longer.
const MISSED: std::time::Duration = std::time::Duration::from_secs(5);

/// Where `used_at` is older than this it is written anew.
const USED_TO_THE: chrono::TimeDelta = chrono::TimeDelta::hours(1);

impl Core {
    /// The keys that these frames wish for and the core does not hold: to be read and offered before the frames are taken.
    pub fn wished_builds(&self, connection: ConnectionId, frames: &[NodeFrame]) -> BTreeSet<DigestHex> {
        let mut keys = BTreeSet::new();
        let Some(node_id) = self.connections.get(&connection) else { return keys };
        for frame in frames {
            let NodeFrame::Envs { wishes } = frame else { continue };
            let found = wishes.iter().filter_map(|wish| self.wished(*node_id, wish)).map(|(key, ..)| key);
            keys.extend(found.filter(|key| !self.builds.open.contains_key(key)));
        }
        keys
    }

    /// What the store knows of a build, for the length of this batch.
    pub fn offer_build(&mut self, record: BuildRecord) {
        self.builds.offered.insert(record.key.clone(), record);
    }

    pub(in crate::core) fn take_wishes(&mut self, now: Now, node_id: NodeId, wishes: Vec<EnvWish>) {
        for wish in wishes {
            let wished =
                self.wished(node_id, &wish).map(|(key, recipe, app_id)| (key, recipe.clone(), app_id));
            match wished {
                Some(wished) => self.take_wish(now, node_id, &wish, wished),
                // its attempt was given away, which the node is told by other means
                None => self.counters.reports_ignored += 1,
            }
        }
    }

    /// The key of a wish, if it is for an attempt that is with the node.
    fn wished(&self, node_id: NodeId, wish: &EnvWish) -> Option<(DigestHex, &EnvRecipe, AppId)> {
        let id = self.resolve(&wish.attempt)?;
        self.live.get(&id).filter(|record| record.node_id == node_id)?;
        let task = self.tasks.get(&id.task)?;
        let Some(EnvRef::Built(recipe)) = &task.plan(id.action)?.env else { return None };
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let fits = wish.platform.len() <= MAX_PLATFORM_BYTES && wish.python.len() <= MAX_PYTHON_BYTES;
        let is_wanted = recipe.python.as_ref().is_none_or(|wanted| *wanted == wish.python);
        if !fits || !plain(&wish.platform) || !plain(&wish.python) || !is_wanted {
            return None;
        }
        let content = recipe.content.as_deref()?;
        Some((env_key(content, &wish.platform, &wish.python), recipe, task.record.app_id))
    }

    fn take_wish(
        &mut self,
        now: Now,
        node_id: NodeId,
        wish: &EnvWish,
        (key, recipe, app_id): (DigestHex, EnvRecipe, AppId),
    ) {
        if !self.builds.open.contains_key(&key) {
            let new = move |key: &DigestHex| BuildRecord {
                key: key.clone(),
                recipe,
                platform: wish.platform.clone(),
                python: wish.python.clone(),
                app_id,
                number: 0,
                failures: 0,
                losses: 0,
                state: BuildState::Later {
                    node_id,
                    retry_at: now.wall,
                    error: "nobody builds it".to_owned(),
                },
                create_at: now.wall,
                used_at: now.wall,
            };
            let record = self.builds.offered.remove(&key).unwrap_or_else(|| new(&key));
            let build = Build { record, waiting: BTreeSet::new(), due: None };
            self.builds.open.insert(key.clone(), build);
        }
        self.answer(now, node_id, &key, wish.building);
    }

    fn answer(&mut self, now: Now, node_id: NodeId, key: &str, building: Option<u32>) {
        let Some(build) = self.builds.open.get_mut(key) else { return };
        let number = build.record.number;
        match &build.record.state {
            BuildState::Building { node_id: builder, .. } if *builder == node_id => {
                if building == Some(number) {
                    return self.answer_wish(node_id, key, EnvAnswer::Build { number });
                }
                // it does not know of its lease: it has been restarted, or never heard of it
                let lost = Self::lost_by_restart(now, &build.record);
                build.waiting.insert(node_id);
                self.release_build(now, key, lost);
            }
            BuildState::Building { .. } => {
                build.waiting.insert(node_id);
                let answer = self.builds.open.get(key).map(|build| self.build_answer(&build.record));
                answer.into_iter().for_each(|answer| self.answer_wish(node_id, key, answer));
            }
            BuildState::Later { retry_at, .. } => {
                let wait = Self::until(now, *retry_at);
                build.waiting.insert(node_id);
                if wait.is_zero() {
                    return self.begin_build(now, key, node_id);
                }
                let answer =
                    EnvAnswer::Later { retry_at: *retry_at, error: later_error(&build.record.state) };
                if build.due.is_none() {
                    self.set_due(key, now.mono + wait);
                }
                self.answer_wish(node_id, key, answer);
            }
            BuildState::Failed { at, error, .. } => {
                let age = (now.wall - *at).to_std().unwrap_or_default();
                if age >= FAILED_FOR {
                    (build.record.failures, build.record.losses) = (0, 0);
                    return self.begin_build(now, key, node_id);
                }
                let answer = EnvAnswer::Failed { error: error.clone() };
                self.answer_wish(node_id, key, answer);
            }
            BuildState::Ready { package, .. } => {
                let answer = EnvAnswer::Ready(package.clone());
                self.counters.builds_shared += 1;
                if now.wall - build.record.used_at > USED_TO_THE {
                    build.record.used_at = now.wall;
                    self.touch_build(key);
                }
                self.answer_wish(node_id, key, answer);
            }
        }
    }

    /// A node needs these no more, or has stopped building them.
    pub(in crate::core) fn drop_wishes(&mut self, now: Now, node_id: NodeId, keys: &[DigestHex]) {
        for key in keys {
            let Some(build) = self.builds.open.get_mut(key) else { continue };
            build.waiting.remove(&node_id);
            if build.record.state_is_leased_to(node_id) {
                self.release_build(now, key, None);
            }
        }
    }

    /// A node has connected and says what it builds: leases it does not know of are free. What it waits for it says itself.
    pub(in crate::core) fn welcome_builds(
        &mut self,
        now: Now,
        node_id: NodeId,
        building: &BTreeMap<DigestHex, u32>,
    ) {
        self.leave_builds(node_id);
        for key in self.leases_of(node_id) {
            let number = self.builds.open.get(&key).map(|build| build.record.number);
            if building.get(&key).copied() != number {
                let lost =
                    self.builds.open.get(&key).and_then(|build| Self::lost_by_restart(now, &build.record));
                self.release_build(now, &key, lost);
            }
        }
    }

    /// A node is not connected any more: nothing can be told to it.
    pub(in crate::core) fn leave_builds(&mut self, node_id: NodeId) {
        for build in self.builds.open.values_mut() {
            build.waiting.remove(&node_id);
        }
    }

    /// A node is gone: what it was building is built by another.
    pub(in crate::core) fn lose_builds(&mut self, now: Now, node_id: NodeId) {
        self.leave_builds(node_id);
        for key in self.leases_of(node_id) {
            self.release_build(now, &key, Some("its node was lost".to_owned()));
        }
    }

    pub(in crate::core) fn has_leases(&self, node_id: NodeId) -> bool {
        self.builds.open.values().any(|build| build.record.state_is_leased_to(node_id))
    }

    /// A lease its node does not know of is a loss where the build may have begun: else the node has only missed the word.
    fn lost_by_restart(now: Now, record: &BuildRecord) -> Option<String> {
        let BuildState::Building { since, .. } = record.state else { return None };
        let age = (now.wall - since).to_std().unwrap_or_default();
        (age >= MISSED).then(|| "its node was restarted".to_owned())
    }

    fn leases_of(&self, node_id: NodeId) -> Vec<DigestHex> {
        let leased = self.builds.open.values().filter(|build| build.record.state_is_leased_to(node_id));
        leased.map(|build| build.record.key.clone()).collect()
    }
}

fn later_error(state: &BuildState) -> String {
    match state {
        BuildState::Later { error, .. } => error.clone(),
        BuildState::Building { .. } | BuildState::Failed { .. } | BuildState::Ready { .. } => String::new(),
    }
}

impl BuildRecord {
    pub(super) fn state_is_leased_to(&self, node_id: NodeId) -> bool {
        matches!(self.state, BuildState::Building { node_id: builder, .. } if builder == node_id)
    }
}
