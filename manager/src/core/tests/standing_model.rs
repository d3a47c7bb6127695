//! Schedules and services in the simulation's store, with the rules that no committed batch may break.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lp_protocol::plan::Plan;
use lp_protocol::{AppId, InstantState, ScheduleId, ServiceId, Stage, TaskId, VersionId, WorkflowId};

use super::model::Model;
use crate::core::record::{Changes, Origin, TaskSeq};
use crate::core::schedule::record::{InstantRecord, ScheduleRecord};
use crate::core::schedule::{Calendar, parse_zone};
use crate::core::service::KEPT;
use crate::core::service::record::ServiceRecord;
use crate::core::standing::{LoadedService, Standing};
use crate::core::work::WorkSource;
use crate::core::{AppSource, SourceKey, Sources};

#[derive(Default)]
pub(super) struct StandingModel {
    pub(super) schedules: BTreeMap<ScheduleId, ScheduleRecord>,
    pub(super) instants: BTreeMap<(ScheduleId, DateTime<Utc>), InstantRecord>,
    pub(super) services: BTreeMap<ServiceId, ServiceRecord>,
    /// The active version of each application.
    pub(super) apps: BTreeMap<AppId, (VersionId, Arc<Plan>)>,
    /// What a work of each workflow would be made of, or why there can be none.
    pub(super) workflows: BTreeMap<WorkflowId, Result<Arc<WorkSource>, String>>,
    /// Schedules that were switched on and off: what came meanwhile has no row.
    pub(super) switched: BTreeSet<ScheduleId>,
    /// Of all tasks there ever were.
    ids: BTreeSet<TaskId>,
}

impl StandingModel {
    pub(super) fn sources(&self, wanted: &BTreeSet<SourceKey>) -> Sources {
        let mut sources = Sources { asked: wanted.clone(), ..Sources::default() };
        for key in wanted {
            if let SourceKey::App(app_id) = key
                && let Some((version_id, plan)) = self.apps.get(app_id)
            {
                let app = AppSource { name: "app".to_owned(), version_id: *version_id, plan: plan.clone() };
                sources.apps.insert(*app_id, app);
            }
            if let SourceKey::Workflow(workflow_id) = key
                && let Some(source) = self.workflows.get(workflow_id)
            {
                sources.workflows.insert(*workflow_id, source.clone());
            }
        }
        sources
    }

    fn commit(&mut self, changes: &Changes) {
        let standing = &changes.standing;
        for (id, record) in &standing.schedules {
            match record {
                Some(record) => {
                    if let Some(before) = self.schedules.insert(*id, record.clone()) {
                        assert!(record.fired_through >= before.fired_through, "firing goes forward");
                    }
                }
                None => {
                    self.schedules.remove(id);
                    self.instants.retain(|(of, _), _| of != id);
                }
            }
        }
        let mut fired = 0;
        for (key, record) in &standing.instants {
            fired += usize::from(record.state == InstantState::Fired);
            if let Some(before) = self.instants.insert(*key, record.clone()) {
                assert_ne!(
                    before.state,
                    InstantState::Fired,
                    "an instant fires once: {before:?} -> {record:?}"
                );
            }
        }
        let made = changes
            .new_tasks
            .iter()
            .filter(|task| matches!(task.record.origin, Some(Origin::Schedule(_))))
            .count();
        let made = made + changes.new_works.iter().filter(|new| new.record.schedule_id.is_some()).count();
        // a schedule deleted in the same batch takes its instants along
        let deleted = standing.schedules.values().any(Option::is_none);
        assert!(
            fired == made || (deleted && fired < made),
            "{fired} instants fired and {made} tasks and works were made"
        );
        for (id, record) in &standing.services {
            match record {
                Some(record) => drop(self.services.insert(*id, record.clone())),
                None => drop(self.services.remove(id)),
            }
        }
    }
}

impl Model {
    pub(super) fn commit_standing(&mut self, changes: &Changes) {
        self.standing.commit(changes);
        for task in &changes.new_tasks {
            assert!(self.standing.ids.insert(task.record.task_id), "no id is given out twice");
        }
        for id in self.standing.services.keys() {
            let (open, finished) = self.tasks_of(*id);
            assert!(open.len() <= 1, "a service has one open task at most: {open:?}");
            assert!(finished.len() <= KEPT, "{} finished tasks of a service are kept", finished.len());
        }
    }

    /// Open and finished ones.
    fn tasks_of(&self, id: ServiceId) -> (Vec<TaskSeq>, Vec<TaskSeq>) {
        let own = self.tasks.values().filter(|task| task.origin == Some(Origin::Service(id)));
        let (open, finished): (Vec<_>, Vec<_>) = own.partition(|task| task.stage != Stage::Finished);
        let seqs = |tasks: Vec<&crate::core::record::TaskRecord>| tasks.iter().map(|task| task.seq).collect();
        (seqs(open), seqs(finished))
    }

    pub(super) fn load_standing(&self) -> Standing {
        let services = self.standing.services.values().map(|record| LoadedService {
            record: record.clone(),
            plan: self.plans.get(&record.version_id).cloned(),
            finished: self.tasks_of(record.service_id).1.into(),
            active: self.standing.apps.get(&record.app_id).map(|(version_id, _)| *version_id),
        });
        let waiting = |instant: &&InstantRecord| instant.state == InstantState::Waiting;
        Standing {
            schedules: self.standing.schedules.values().cloned().collect(),
            waiting: self.standing.instants.values().filter(waiting).cloned().collect(),
            services: services.collect(),
        }
    }

    /// Every instant of the calendar up to where it is decided has its row, and there are no others.
    pub(super) fn check_instants(&self) {
        for (id, record) in &self.standing.schedules {
            if self.standing.switched.contains(id) {
                continue;
            }
            let calendar = Calendar::restore(&record.times.cron(), parse_zone(&record.tz).unwrap()).unwrap();
            let mut expected = Vec::new();
            let mut last = record.create_at;
            while let Some(next) = calendar.next_after(last).filter(|next| *next <= record.decided_through) {
                expected.push(next);
                last = next;
            }
            let rows = self.standing.instants.values().filter(|row| row.schedule_id == *id && !row.manual);
            let rows: Vec<DateTime<Utc>> = rows.map(|row| row.instant).collect();
            assert_eq!(rows, expected, "each instant has one row: {record:?}");
        }
    }
}
