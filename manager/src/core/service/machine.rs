//! The machine of services: each enabled one has one task that is not finished, or waits for the moment of its next.
//!
//! It promises: never two open tasks of one service; after an end the next task comes after a wait that doubles with each end, and is short again once
//! a task has run for long; the tasks before the newest few are deleted in the commit that creates the next, so that a service that fails
//! for ever leaves a history of bounded size. The waits are timers, and the rows tell when they end, so that a restart of the manager neither shortens
//! nor repeats them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::frames::ManagerFrame;
use lp_protocol::health::Health;
use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::{AppId, AttemptKey, NodeId, ServiceId, VersionId};

use super::record::ServiceRecord;
use crate::core::record::{Origin, SUCCESS_EVENT, StopRequest, TaskRecord, TaskSeq, Unwanted};
use crate::core::sources::{SourceKey, Sources};
use crate::core::timers::Timer;
use crate::core::{Core, Effect, NewTaskRequest, Now, derived};

/// Finished tasks kept of each service: enough to see how it fails, and whether always alike.
pub const KEPT: usize = 10;

#[derive(Default)]
pub(in crate::core) struct Services {
    pub(super) by_id: BTreeMap<ServiceId, Service>,
}

pub(super) struct Service {
    pub(super) record: ServiceRecord,
    /// Of the version in the record; None where it could not be read.
    pub(super) plan: Option<Arc<Plan>>,
    /// The task that is not finished.
    pub(super) task: Option<TaskSeq>,
    /// Finished ones, oldest first.
    pub(super) finished: VecDeque<TaskSeq>,
    /// When the next task is due, on the monotonic clock.
    pub(super) due: Option<Duration>,
}

impl Service {
    /// The finished tasks that go when the next one comes.
    fn surplus(&self) -> impl Iterator<Item = TaskSeq> + '_ {
        self.finished.iter().copied().take((self.finished.len() + 1).saturating_sub(KEPT))
    }

    fn sources(&self) -> BTreeSet<SourceKey> {
        let workspaces = self.surplus().map(SourceKey::Workspaces);
        let own = [SourceKey::App(self.record.app_id), SourceKey::Input(self.record.service_id.0)];
        own.into_iter().chain(workspaces).collect()
    }
}

impl Services {
    pub(in crate::core) fn add_sources(&self, id: ServiceId, wanted: &mut BTreeSet<SourceKey>) {
        if let Some(service) = self.by_id.get(&id) {
            wanted.extend(service.sources());
        }
    }

    pub(in crate::core) fn is_known(&self, id: ServiceId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(in crate::core) fn task_opened(&mut self, id: ServiceId, seq: TaskSeq) {
        if let Some(service) = self.by_id.get_mut(&id) {
            service.task = Some(seq);
        }
    }

    /// Services that take each version of the application as it becomes active.
    pub(super) fn following(&self, app_id: AppId) -> Vec<ServiceId> {
        let follows = |service: &&Service| service.record.follow_active && service.record.app_id == app_id;
        self.by_id.values().filter(follows).map(|service| service.record.service_id).collect()
    }
}

impl Core {
    /// Starts the next task of a service whose wait is over.
    pub(in crate::core) fn fire_service(&mut self, now: Now, id: ServiceId, sources: &Sources) {
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        service.due = None;
        if service.task.is_some() || !service.record.enable || service.record.given_up {
            return;
        }
        if !service.sources().iter().all(|key| sources.was_asked(key)) {
            // it became due after the sources were read; the next batch has them
            return self.set_service_timer(now, id, Duration::ZERO);
        }
        let Some((version_id, plan)) = program(service, sources) else {
            let reason = format!("the application {} was deleted", service.record.app_id);
            return self.service_failed(now, id, reason);
        };
        service.record.version_id = version_id;
        service.plan = Some(plan.clone());
        let nth = service.record.tasks;
        service.record.tasks += 1;
        let task_id = derived::task_id(id.0, nth);
        service.record.task_id = Some(task_id);
        service.record.retry_at = None;
        service.record.restarts += u64::from(service.record.failures > 0);
        let request = NewTaskRequest {
            task_id,
            name: service.record.name.to_string(),
            app_id: service.record.app_id,
            version_id,
            plan,
            origin: Some(Origin::Service(id)),
            priority: 0,
            input: sources.input(id.0).map(ToOwned::to_owned),
            key: None,
            fingerprint: None,
        };
        self.create_task(now, request);
        self.touch_service(id);
        self.delete_surplus(id, sources);
    }

    /// Deletes the finished tasks that are too many, with their workspaces.
    fn delete_surplus(&mut self, id: ServiceId, sources: &Sources) {
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        let surplus = service.finished.len().saturating_sub(KEPT - 1);
        let old: Vec<TaskSeq> = service.finished.drain(..surplus).collect();
        for seq in old {
            self.outcome.changes.deleted.push(seq);
            let mut by_node: BTreeMap<NodeId, Vec<AttemptKey>> = BTreeMap::new();
            for Unwanted { node_id, id: _, key } in sources.workspaces(seq) {
                by_node.entry(*node_id).or_default().push(key.clone());
            }
            // those that are away are told when they are back
            self.give_up_workspaces(sources.workspaces(seq).to_vec());
            for (node_id, attempts) in by_node {
                let connection = self.nodes.get(&node_id).and_then(|node| node.connection);
                if let Some(connection) = connection {
                    let frame = ManagerFrame::DeleteWorkspaces { attempts };
                    self.outcome.effects.push(Effect::Send { connection, frame });
                }
            }
        }
    }

    /// The service's task is finished: another follows, now or after a wait, or none.
    pub(in crate::core) fn service_task_ended(&mut self, now: Now, id: ServiceId, task: &TaskRecord) {
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        service.task = None;
        service.finished.push_back(task.seq);
        let record = &mut service.record;
        let status = task.status.map_or("finished", |status| status.as_str());
        let ended = match &task.reason {
            Some(reason) => format!("{status}: {reason}"),
            None => status.to_owned(),
        };
        if !record.enable {
            record.reason = Some(ended.into());
            return self.touch_service(id);
        }
        if record.replacing {
            record.replacing = false;
            record.reason = Some(ended.into());
            self.touch_service(id);
            return self.set_service_timer(now, id, Duration::ZERO);
        }
        let ran = task.start_at.zip(task.end_at).and_then(|(start, end)| (end - start).to_std().ok());
        if ran.is_some_and(|ran| ran >= record.backoff.reset_after) {
            record.failures = 0;
        }
        self.service_failed(now, id, ended);
    }

    /// It has ended by itself, or could not be started.
    fn service_failed(&mut self, now: Now, id: ServiceId, reason: String) {
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        let record = &mut service.record;
        if record.backoff.max_restarts.is_some_and(|most| record.failures >= most) {
            record.given_up = true;
            record.reason = Some(format!("given up after {} restarts; {reason}", record.failures).into());
            return self.touch_service(id);
        }
        record.failures = record.failures.saturating_add(1);
        record.reason = Some(reason.into());
        let wait = record.backoff.wait(record.failures);
        record.retry_at = Some(now.wall + wait);
        self.touch_service(id);
        self.set_service_timer(now, id, wait);
    }

    /// What the service whose task this is has its actions checked with; event actions come after the work and are not checked. Not a part of the
    /// plan, which others share: it is given with each assignment, also where that is sent again after a start.
    pub(in crate::core) fn service_health(&self, task: &TaskRecord, action: Ordinal) -> Option<Health> {
        let Some(Origin::Service(id)) = task.origin else { return None };
        if action >= SUCCESS_EVENT {
            return None;
        }
        self.services.by_id.get(&id)?.record.health.clone()
    }

    /// Stops its task, if there is one, with the service's own signal and grace.
    pub(super) fn stop_service_task(&mut self, now: Now, id: ServiceId, reason: &str) {
        let Some(service) = self.services.by_id.get(&id) else { return };
        let stop = StopRequest { signal: service.record.signal, grace: service.record.grace };
        let by = format!("service {}", service.record.name);
        let Some(seq) = service.task else { return };
        let Some(task_id) = self.tasks.get(&seq).map(|task| task.record.task_id) else { return };
        // one that is finished already is what is wanted
        let _gone = self.stop_task(now, task_id, stop, &by);
        self.explain_stop(seq, reason);
    }

    pub(super) fn set_service_timer(&mut self, now: Now, id: ServiceId, wait: Duration) {
        self.cancel_service_timer(id);
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        let at = now.mono + wait;
        service.due = Some(at);
        self.timers.set(at, Timer::Service(id));
    }

    pub(super) fn cancel_service_timer(&mut self, id: ServiceId) {
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        if let Some(at) = service.due.take() {
            self.timers.cancel(at, Timer::Service(id));
        }
    }

    pub(super) fn touch_service(&mut self, id: ServiceId) {
        if let Some(service) = self.services.by_id.get(&id) {
            self.outcome.changes.standing.services.insert(id, Some(service.record.clone()));
        }
    }

    /// A service as its row tells it; its tasks are opened after it.
    pub(in crate::core) fn restore_service(
        &mut self,
        record: ServiceRecord,
        plan: Option<Arc<Plan>>,
        finished: VecDeque<TaskSeq>,
    ) {
        let id = record.service_id;
        self.services.by_id.insert(id, Service { record, plan, task: None, finished, due: None });
    }

    /// After all is loaded: those without a task get one when their time comes.
    pub(in crate::core) fn resume_services(&mut self, now: Now) {
        let idle =
            self.services.by_id.values().filter(|service| {
                service.task.is_none() && service.record.enable && !service.record.given_up
            });
        let waits: Vec<(ServiceId, Duration)> = idle
            .map(|service| {
                let record = &service.record;
                let rest = record.retry_at.map(|at| (at - now.wall).to_std().unwrap_or_default());
                // a clock set back while the manager was down must not make the wait longer than it is
                let longest = record.backoff.wait(record.failures);
                (record.service_id, rest.unwrap_or_default().min(longest))
            })
            .collect();
        for (id, wait) in waits {
            self.set_service_timer(now, id, wait);
        }
    }
}

/// The version its next task runs; None where the application is gone.
fn program(service: &Service, sources: &Sources) -> Option<(VersionId, Arc<Plan>)> {
    let active = sources.app(service.record.app_id)?;
    match &service.plan {
        Some(plan) if !service.record.follow_active => Some((service.record.version_id, plan.clone())),
        // where the version it is pinned to cannot be read, the active one is better than none
        _ => Some((active.version_id, active.plan.clone())),
    }
}
