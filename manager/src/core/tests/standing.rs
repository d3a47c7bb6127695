//! Schedules and services in the simulated cluster.

use std::sync::Arc;
use std::time::Duration;

use lp_protocol::views::Catchup;
use lp_protocol::{AppId, Overlap, ScheduleId, ServiceId, WorkflowId};
use uuid::Uuid;

use super::cluster::Cluster;
use super::plans;
use crate::core::schedule::record::{ScheduleRecord, Target, Times};
use crate::core::schedule::{ScheduleEdit, sources_of};
use crate::core::service::ServiceEdit;
use crate::core::service::record::{Backoff, ServiceRecord};

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
const CRONS: [&str; 4] = ["*/30 * * * *", "0 2 * * *", "15,45 1-4 * * *", "10 0 1 * *"];

pub(super) fn workflow() -> WorkflowId {
    WorkflowId(Uuid::from_u64_pair(7, 7))
}

fn app() -> AppId {
    AppId(Uuid::from_u64_pair(3, 7))
}

/// A schedule by its cron expression and zone, enabled, with the other things as they are by default.
pub(super) fn schedule(
    number: u64,
    cron: &str,
    tz: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> ScheduleRecord {
    ScheduleRecord {
        schedule_id: ScheduleId(Uuid::from_u64_pair(5, number)),
        name: "nightly".into(),
        target: Target::App(app()),
        times: Times::Cron(cron.into()),
        tz: tz.into(),
        start_at: None,
        end_at: None,
        catchup: Catchup::None,
        overlap: Overlap::Allow,
        jitter: Duration::ZERO,
        enable: true,
        decided_through: now,
        fired_through: None,
        triggered_through: None,
        create_at: now,
        update_at: now,
    }
}

/// An enabled service with short waits.
pub(super) fn service(number: u64, version_id: i64, now: chrono::DateTime<chrono::Utc>) -> ServiceRecord {
    ServiceRecord {
        service_id: ServiceId(Uuid::from_u64_pair(6, number)),
        name: "web".into(),
        description: "".into(),
        app_id: app(),
        version_id,
        follow_active: false,
        signal: 15,
        grace: None,
        backoff: Backoff { max_delay: Duration::from_secs(60), ..Backoff::default() },
        health: None,
        enable: true,
        tasks: 0,
        restarts: 0,
        failures: 0,
        replacing: false,
        given_up: false,
        retry_at: None,
        task_id: None,
        reason: None,
        create_at: now,
        update_at: now,
    }
}

impl Cluster {
    /// Something happens to schedules and services.
    pub(super) fn stir_standing(&mut self) {
        match self.random.below(9) {
            0 | 1 => self.create_schedule(),
            2 | 3 => self.create_service(),
            4 => self.switch_schedule(),
            5 => self.trigger(),
            6 => self.switch_service(),
            7 => self.restart_or_delete(),
            _ => self.activate(),
        }
    }

    /// Another version becomes active.
    pub(super) fn activate(&mut self) {
        let version_id = self.next_id() as i64;
        let plan = Arc::new(plans::plan(if self.random.one_in(2) { "a" } else { "a; b < a" }));
        self.model.plans.insert(version_id, plan.clone());
        self.model.standing.apps.insert(app(), (version_id, plan));
        let now = self.now();
        self.core.app_activated(now, app(), version_id);
        self.redefine();
    }

    /// The workflow is written anew, or disabled.
    fn redefine(&mut self) {
        let source = if self.random.one_in(5) {
            Err("the workflow is disabled".to_owned())
        } else {
            let source = self.draw_source();
            Ok(Arc::new(source))
        };
        self.model.standing.workflows.insert(workflow(), source);
    }

    fn create_schedule(&mut self) {
        if self.model.standing.schedules.len() >= 3 {
            return;
        }
        if self.model.standing.apps.is_empty() {
            self.activate();
        }
        let now = self.now();
        let number = self.next_id();
        let cron = CRONS[self.random.below(CRONS.len())];
        let tz = ZONES[self.random.below(ZONES.len())];
        let overlaps = [Overlap::Allow, Overlap::Skip, Overlap::Queue, Overlap::Kill];
        let catchups = [Catchup::None, Catchup::Last, Catchup::All(3), Catchup::All(Catchup::MOST)];
        let record = ScheduleRecord {
            overlap: overlaps[self.random.below(4)],
            catchup: catchups[self.random.below(4)],
            target: if self.random.one_in(2) { Target::App(app()) } else { Target::Workflow(workflow()) },
            jitter: Duration::from_secs(if self.random.one_in(3) { 900 } else { 0 }),
            ..schedule(number, cron, tz, now.wall)
        };
        self.core.create_schedule(now, record, None).unwrap();
    }

    fn create_service(&mut self) {
        if self.model.standing.services.len() >= 2 {
            return;
        }
        if self.model.standing.apps.is_empty() {
            self.activate();
        }
        let now = self.now();
        let number = self.next_id();
        let (version_id, plan) = self.model.standing.apps[&app()].clone();
        let mut record =
            ServiceRecord { follow_active: self.random.one_in(2), ..service(number, version_id, now.wall) };
        record.backoff.max_restarts = self.random.one_in(4).then_some(3);
        self.core.create_service(now, record, plan, None);
    }

    /// One of the committed schedules; deleted in this very batch it may be all the same.
    fn any_schedule(&mut self) -> Option<ScheduleRecord> {
        let count = self.model.standing.schedules.len();
        let index = self.random.below(count);
        self.model.standing.schedules.values().nth(index).cloned()
    }

    fn any_service(&mut self) -> Option<ServiceId> {
        let count = self.model.standing.services.len();
        let index = self.random.below(count);
        self.model.standing.services.keys().nth(index).copied()
    }

    fn switch_schedule(&mut self) {
        let (now, Some(record)) = (self.now(), self.any_schedule()) else { return };
        let id = record.schedule_id;
        self.model.standing.switched.insert(id);
        let edit = ScheduleEdit { enable: Some(!record.enable), ..ScheduleEdit::default() };
        let _deleted_ones_are_refused = self.core.update_schedule(now, id, edit);
    }

    fn trigger(&mut self) {
        let (now, Some(record)) = (self.now(), self.any_schedule()) else { return };
        let sources = self.model.standing.sources(&sources_of(&record));
        let _deleted_ones_are_refused = self.core.trigger_schedule(now, record.schedule_id, &sources);
    }

    fn switch_service(&mut self) {
        let (now, Some(id)) = (self.now(), self.any_service()) else { return };
        let enable = self.random.one_in(2);
        let edit = ServiceEdit { enable: Some(enable), ..ServiceEdit::default() };
        let _deleted_ones_are_refused = self.core.update_service(now, id, edit);
    }

    fn restart_or_delete(&mut self) {
        let now = self.now();
        match (self.random.below(4), self.any_service(), self.any_schedule()) {
            (0, _, Some(schedule)) => {
                let _deleted_ones_are_refused = self.core.delete_schedule(now, schedule.schedule_id);
            }
            (1, Some(service), _) => {
                let _deleted_ones_are_refused = self.core.delete_service(now, service);
            }
            (_, Some(service), _) => {
                let _disabled_ones_are_refused = self.core.restart_service(now, service);
            }
            _ => {}
        }
    }

    /// Lets everything standing come to rest, so that all tasks can end.
    pub(super) fn disable_standing(&mut self) {
        let now = self.now();
        let schedules: Vec<ScheduleId> = self.model.standing.schedules.keys().copied().collect();
        for id in schedules {
            self.model.check_instants();
            self.model.standing.switched.insert(id);
            let edit = ScheduleEdit { enable: Some(false), ..ScheduleEdit::default() };
            self.core.update_schedule(now, id, edit).unwrap();
        }
        let services: Vec<ServiceId> = self.model.standing.services.keys().copied().collect();
        for id in services {
            let edit = ServiceEdit { enable: Some(false), ..ServiceEdit::default() };
            self.core.update_service(now, id, edit).unwrap();
        }
    }
}
