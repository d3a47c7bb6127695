//! What task creation needs to know of apps, kept in memory; and the sums of packages that were uploaded lately.
//!
//! `POST /tasks` is the hot path; parsing a plan for each task would cost more than the rest of it. Entries are dropped by every write of
//! the app in this process and all of them when leadership changes: only the leader creates tasks and only the leader writes apps, so
//! an entry is never older than the app.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use lp_package::{Digest, Summed};
use lp_protocol::plan::Plan;
use lp_protocol::{AppId, VersionId};

use super::failure::Failure;
use crate::engine::TaskSource;
use crate::store::Store;

/// Apps, plans and sums kept, of each; with plans of some ten KiB about 3 MiB.
const MAX_ENTRIES: usize = 256;

/// Actions of all plans kept, but for a larger one alone; some 300 bytes each.
const MAX_ACTIONS: usize = 50_000;

/// An app as task creation sees it.
#[derive(Clone, Debug)]
pub(crate) struct KnownApp {
    pub(crate) name: Arc<str>,
    pub(crate) source: TaskSource,
}

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Grows with each change, so that what was read before one is not kept after it.
    generation: u64,
    apps: HashMap<AppId, KnownApp>,
    plans: HashMap<VersionId, Arc<Plan>>,
    /// So that a package that was just uploaded is not read a second time for its sha1.
    sums: HashMap<Digest, Summed>,
}

impl Catalogue {
    /// The app with its active version.
    pub(crate) async fn load_app(&self, store: &Store, app_id: AppId) -> Result<KnownApp, Failure> {
        let generation = {
            let known = self.lock();
            if let Some(app) = known.apps.get(&app_id) {
                return Ok(app.clone());
            }
            known.generation
        };
        let view = store.find_app(app_id).await?.ok_or_else(|| Failure::not_found("app", app_id))?;
        let version_id = view.version.version_id;
        let plan = view.plan.ok_or_else(|| Failure::not_found("plan of app", app_id))?;
        let app = KnownApp {
            name: view.name.into(),
            source: TaskSource { app_id, version_id, plan: Arc::new(plan) },
        };
        let mut known = self.lock();
        if known.generation == generation {
            make_room(&mut known.apps);
            known.apps.insert(app_id, app.clone());
        }
        Ok(app)
    }

    /// The plan of a version, which never changes.
    pub(crate) async fn load_plan(&self, store: &Store, version_id: VersionId) -> Result<Arc<Plan>, Failure> {
        if let Some(plan) = self.lock().plans.get(&version_id) {
            return Ok(plan.clone());
        }
        let version = store.find_version(version_id).await?;
        let plan = version.ok_or_else(|| Failure::not_found("version", version_id))?.plan;
        self.keep_plan(version_id, &plan);
        Ok(plan)
    }

    /// The plan of a version, if it was used lately.
    pub(crate) fn find_plan(&self, version_id: VersionId) -> Option<Arc<Plan>> {
        self.lock().plans.get(&version_id).cloned()
    }

    /// Keeps what was read as a part of a task; not where the task has made actions, which are its own.
    pub(crate) fn keep_plan(&self, version_id: VersionId, plan: &Arc<Plan>) {
        let mut known = self.lock();
        if plan.actions.iter().any(|action| action.generated.is_some())
            || known.plans.contains_key(&version_id)
        {
            return;
        }
        make_room(&mut known.plans);
        let mut actions: usize = known.plans.values().map(|plan| plan.actions.len()).sum();
        // an entry for one of very many may be as large as all the others
        while actions + plan.actions.len() > MAX_ACTIONS
            && let Some(any) = known.plans.keys().next().copied()
        {
            actions -= known.plans.remove(&any).map_or(0, |plan| plan.actions.len());
        }
        known.plans.insert(version_id, plan.clone());
    }

    /// The app has been written.
    pub(crate) fn forget_app(&self, app_id: AppId) {
        let mut known = self.lock();
        known.generation += 1;
        known.apps.remove(&app_id);
    }

    /// Another manager may have written any of them.
    pub(crate) fn forget_all(&self) {
        let mut known = self.lock();
        known.generation += 1;
        known.apps.clear();
    }

    pub(crate) fn remember_sums(&self, summed: &Summed) {
        let mut known = self.lock();
        make_room(&mut known.sums);
        known.sums.insert(summed.digest, summed.clone());
    }

    pub(crate) fn recall_sums(&self, digest: &Digest) -> Option<Summed> {
        self.lock().sums.get(digest).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Any entry will do: a cluster with more active apps than fit reads one now and then.
fn make_room<K: Clone + Eq + std::hash::Hash, V>(entries: &mut HashMap<K, V>) {
    if entries.len() >= MAX_ENTRIES
        && let Some(key) = entries.keys().next().cloned()
    {
        entries.remove(&key);
    }
}
