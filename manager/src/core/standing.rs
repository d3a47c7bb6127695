//! Standing orders, schedules and services: what of them changes in a batch, and what there is of them at a start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lp_protocol::plan::Plan;
use lp_protocol::{ScheduleId, ServiceId, VersionId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::record::TaskSeq;
use super::schedule::record::{InstantRecord, ScheduleRecord};
use super::service::record::ServiceRecord;
use super::{Core, Now};

/// What one batch changes. Each row appears once, as it is after the batch; None where it goes.
#[derive(Clone, Debug, Default)]
pub struct StandingChanges {
    pub schedules: BTreeMap<ScheduleId, Option<ScheduleRecord>>,
    /// Inserts, or updates of instants that have not fired.
    pub instants: BTreeMap<(ScheduleId, DateTime<Utc>), InstantRecord>,
    pub services: BTreeMap<ServiceId, Option<ServiceRecord>>,
    /// Inputs kept for a schedule or a service, by its id; None is `{}`.
    pub inputs: BTreeMap<Uuid, Option<Box<RawValue>>>,
}

impl StandingChanges {
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of rows written.
    pub fn len(&self) -> usize {
        self.schedules.len() + self.instants.len() + self.services.len() + self.inputs.len()
    }
}

/// All standing orders there are.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub schedules: Vec<ScheduleRecord>,
    /// Instants that wait, in order.
    pub waiting: Vec<InstantRecord>,
    pub services: Vec<LoadedService>,
}

#[derive(Clone, Debug)]
pub struct LoadedService {
    pub record: ServiceRecord,
    /// Of the version in the record.
    pub plan: Option<Arc<Plan>>,
    /// Its finished tasks, oldest first.
    pub finished: VecDeque<TaskSeq>,
    /// The active version of its application, where that is there.
    pub active: Option<VersionId>,
}

impl Core {
    /// Takes them in before the tasks are opened, which then find their makers. Returns the active versions of the services' applications.
    pub(super) fn restore_standing(&mut self, standing: Standing) -> Vec<(ServiceId, VersionId)> {
        let Standing { schedules, waiting, services } = standing;
        for record in schedules {
            self.restore_schedule(record);
        }
        for record in waiting {
            self.restore_waiting(record);
        }
        let mut versions = Vec::new();
        for LoadedService { record, plan, finished, active } in services {
            versions.extend(active.map(|version_id| (record.service_id, version_id)));
            self.restore_service(record, plan, finished);
        }
        versions
    }

    /// After the tasks: sets the timers.
    pub(super) fn resume_standing(&mut self, now: Now, active: Vec<(ServiceId, VersionId)>) {
        self.index_all_schedules(now);
        self.resume_services(now);
        for (id, version_id) in active {
            self.follow(now, id, version_id);
        }
    }
}
