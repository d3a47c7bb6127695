//! Builds of environments: what nodes and people ask for, and the note that one is in use.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::env::{BuildReport, EnvAnswer};
use lp_protocol::plan::EnvRef;
use lp_protocol::{DigestHex, NodeId};

use super::handle::{Engine, Error};
use crate::core::AssignOrder;
use crate::core::build::record::BuildRecord;
use crate::store::{Epoch, Result, Store};

/// How fine the note of the last use is: one write an hour for each environment, however many attempts there are.
const USED_TO_THE: Duration = Duration::from_secs(3600);

/// Contents remembered before the memory is emptied: more than any cluster uses in an hour.
const REMEMBERED: usize = 4096;

impl Engine {
    /// Takes the outcome of a build, and answers what holds for it now.
    ///
    /// # Errors
    /// `Build` where the lease is not the node's.
    pub async fn end_build(
        &self,
        node_id: NodeId,
        key: DigestHex,
        report: BuildReport,
    ) -> Result<EnvAnswer, Error> {
        self.apply(move |core, now| {
            let BuildReport { number, outcome, seconds, log } = report;
            Ok(core.build_ended(now, node_id, (&key, number), (outcome, seconds, log))?)
        })
        .await
    }

    /// Whether the node has the lease of this build.
    pub async fn is_building(&self, node_id: NodeId, key: DigestHex, number: u32) -> Result<bool, Error> {
        self.apply(move |core, _| Ok(core.is_building(node_id, &key, number))).await
    }

    /// Gives a build that has failed another chance. `stored` is what was just read.
    ///
    /// # Errors
    /// `BuildBusy` where it is being built or ready.
    pub async fn retry_build(&self, stored: BuildRecord) -> Result<BuildRecord, Error> {
        self.apply(move |core, now| Ok(core.retry_build(now, stored)?)).await
    }

    /// Forgets a build. `stored` is what was just read.
    ///
    /// # Errors
    /// `BuildBusy` where it is being built or waited for.
    pub async fn delete_build(&self, stored: BuildRecord) -> Result<(), Error> {
        self.apply(move |core, _| Ok(core.delete_build(&stored)?)).await
    }
}

/// Which environments were noted as used lately.
#[derive(Debug, Default)]
pub(super) struct EnvUses {
    noted: HashMap<DigestHex, DateTime<Utc>>,
}

impl EnvUses {
    /// Notes what these orders use, where that was not done within the hour.
    pub(super) async fn note(
        &mut self,
        store: &Store,
        epoch: Epoch,
        now: DateTime<Utc>,
        orders: &[&AssignOrder],
    ) -> Result<()> {
        let mut fresh: BTreeSet<&DigestHex> = BTreeSet::new();
        for order in orders {
            let env = order.shape.action(order.action).and_then(|plan| plan.env.as_ref());
            let Some(EnvRef::Built(recipe)) = env else { continue };
            let Some(content) = &recipe.content else { continue };
            let age = self.noted.get(content).map(|noted| (now - *noted).to_std().unwrap_or(USED_TO_THE));
            if age.is_none_or(|age| age >= USED_TO_THE) {
                fresh.insert(content);
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        if self.noted.len() > REMEMBERED {
            self.noted.clear();
        }
        let contents: Vec<DigestHex> = fresh.into_iter().cloned().collect();
        store.touch_builds(epoch, &contents, now).await?;
        self.noted.extend(contents.into_iter().map(|content| (content, now)));
        Ok(())
    }
}
