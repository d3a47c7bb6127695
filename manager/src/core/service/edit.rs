//! What people do with services: create, change, enable, disable, restart, delete.

use std::sync::Arc;
use std::time::Duration;

use lp_protocol::health::Health;
use lp_protocol::plan::Plan;
use lp_protocol::{AppId, ServiceId, VersionId};
use serde_json::value::RawValue;

use super::machine::Service;
use super::record::{Backoff, ServiceRecord};
use crate::core::{Core, Now};

/// What is changed; None leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct ServiceEdit {
    pub name: Option<Box<str>>,
    pub description: Option<Box<str>>,
    /// An application's version, as the caller has just read it: an update takes the active one, whatever else it changes.
    pub program: Option<(AppId, VersionId, Arc<Plan>)>,
    pub follow_active: Option<bool>,
    pub signal: Option<i32>,
    pub grace: Option<Option<Duration>>,
    pub backoff: Option<Backoff>,
    /// The inner None takes it away.
    pub health: Option<Option<Health>>,
    pub enable: Option<bool>,
    /// The inner None is `{}`.
    pub input: Option<Option<Box<RawValue>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceRefusal {
    #[error("there is no service `{0}`")]
    NotFound(ServiceId),
    #[error("the service `{0}` is disabled; enable it instead")]
    Disabled(ServiceId),
}

impl Core {
    /// Takes in a new service, and starts it where it is enabled.
    pub fn create_service(
        &mut self,
        now: Now,
        record: ServiceRecord,
        plan: Arc<Plan>,
        input: Option<Box<RawValue>>,
    ) -> ServiceRecord {
        let id = record.service_id;
        let enable = record.enable;
        let service = Service {
            record: record.clone(),
            plan: Some(plan),
            task: None,
            finished: Default::default(),
            due: None,
        };
        self.services.by_id.insert(id, service);
        if input.is_some() {
            self.outcome.changes.standing.inputs.insert(id.0, input);
        }
        self.touch_service(id);
        if enable {
            self.set_service_timer(now, id, Duration::ZERO);
        }
        record
    }

    /// Changes a service. Where its task would run something else than it does, it is stopped and another takes its place.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn update_service(
        &mut self,
        now: Now,
        id: ServiceId,
        edit: ServiceEdit,
    ) -> Result<ServiceRecord, ServiceRefusal> {
        let service = self.services.by_id.get_mut(&id).ok_or(ServiceRefusal::NotFound(id))?;
        let ServiceEdit {
            name,
            description,
            program,
            follow_active,
            signal,
            grace,
            backoff,
            health,
            enable,
            input,
        } = edit;
        let record = &mut service.record;
        let mut runs_other = input.is_some();
        if let Some((app_id, version_id, plan)) = program {
            runs_other |= (app_id, version_id) != (record.app_id, record.version_id);
            record.app_id = app_id;
            record.version_id = version_id;
            service.plan = Some(plan);
        }
        record.name = name.unwrap_or_else(|| record.name.clone());
        record.description = description.unwrap_or_else(|| record.description.clone());
        record.follow_active = follow_active.unwrap_or(record.follow_active);
        record.signal = signal.unwrap_or(record.signal);
        record.grace = grace.unwrap_or(record.grace);
        record.backoff = backoff.unwrap_or(record.backoff);
        if let Some(health) = health {
            // the node has the one its task was started with
            runs_other |= health != record.health;
            record.health = health;
        }
        record.update_at = now.wall;
        let was_enabled = record.enable;
        record.enable = enable.unwrap_or(was_enabled);
        let is_enabled = record.enable;
        if let Some(input) = input {
            self.outcome.changes.standing.inputs.insert(id.0, input);
        }
        self.touch_service(id);
        match (was_enabled, is_enabled) {
            (true, false) => self.halt_service(now, id),
            (false, true) => self.begin_anew(now, id, "the service was enabled anew"),
            (true, true) if runs_other => self.begin_anew(now, id, "the service was updated"),
            (true, true) | (false, false) => {}
        }
        self.service(id)
    }

    /// Starts its task anew, without a wait and with its failures forgotten.
    ///
    /// # Errors
    /// `NotFound`, `Disabled`.
    pub fn restart_service(&mut self, now: Now, id: ServiceId) -> Result<ServiceRecord, ServiceRefusal> {
        if !self.service(id)?.enable {
            return Err(ServiceRefusal::Disabled(id));
        }
        self.begin_anew(now, id, "the service was restarted");
        self.service(id)
    }

    /// Forgets a service. Its task is stopped; what it has made stays as ordinary tasks.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_service(&mut self, now: Now, id: ServiceId) -> Result<(), ServiceRefusal> {
        self.service(id)?;
        self.halt_service(now, id);
        self.services.by_id.remove(&id);
        let standing = &mut self.outcome.changes.standing;
        standing.inputs.insert(id.0, None);
        standing.services.insert(id, None);
        Ok(())
    }

    /// Another version of the application is active: the services that follow it take it.
    pub fn app_activated(&mut self, now: Now, app_id: AppId, version_id: VersionId) {
        for id in self.services.following(app_id) {
            self.follow(now, id, version_id);
        }
    }

    /// Takes the active version where the service follows it, and its task runs another.
    pub(in crate::core) fn follow(&mut self, now: Now, id: ServiceId, version_id: VersionId) {
        let Some(service) = self.services.by_id.get(&id) else { return };
        let record = &service.record;
        // one without a task takes it when its task comes
        let runs_other = service.task.is_some() && !record.replacing && record.version_id != version_id;
        if record.follow_active && record.enable && runs_other {
            self.begin_anew(now, id, "its application has a new active version");
        }
    }

    fn service(&self, id: ServiceId) -> Result<ServiceRecord, ServiceRefusal> {
        let service = self.services.by_id.get(&id).ok_or(ServiceRefusal::NotFound(id))?;
        Ok(service.record.clone())
    }

    /// Its task is stopped, and none follows.
    fn halt_service(&mut self, now: Now, id: ServiceId) {
        self.cancel_service_timer(id);
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        service.record.enable = false;
        service.record.replacing = false;
        service.record.given_up = false;
        service.record.failures = 0;
        service.record.retry_at = None;
        self.touch_service(id);
        self.stop_service_task(now, id, "the service was disabled");
    }

    /// A new task as soon as the one there is, if any, has ended.
    fn begin_anew(&mut self, now: Now, id: ServiceId, reason: &str) {
        let Some(service) = self.services.by_id.get_mut(&id) else { return };
        service.record.given_up = false;
        service.record.failures = 0;
        service.record.retry_at = None;
        service.record.replacing = service.task.is_some();
        let is_running = service.task.is_some();
        self.touch_service(id);
        if is_running {
            self.stop_service_task(now, id, reason);
        } else {
            self.set_service_timer(now, id, Duration::ZERO);
        }
    }
}
