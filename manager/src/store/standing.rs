//! Schedules and services as the core needs them: written with a batch, read at a start.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lp_protocol::{ScheduleId, VersionId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::entity::{schedule, service, task};
use super::load::corrupt;
use super::sql::{Insert, execute_by_keys, placeholders};
use super::{Damage, Result, Store};
use crate::core::record::{Open, TaskSeq};
use crate::core::schedule::record::{InstantRecord, ScheduleRecord};
use crate::core::schedule::{Calendar, KEPT, parse_zone};
use crate::core::service::KEPT as KEPT_TASKS;
use crate::core::service::record::ServiceRecord;
use crate::core::standing::{LoadedService, StandingChanges};

const UPSERT_INPUT: Insert<2> = Insert {
    table: "kept_inputs",
    columns: ["id", "input"],
    tail: "ON CONFLICT (id) DO UPDATE SET input = excluded.input",
};

impl Store {
    /// Writes what a batch changes; the older instants of the schedules in it go.
    pub(super) async fn commit_standing(
        &self,
        transaction: &DatabaseTransaction,
        changes: &StandingChanges,
    ) -> Result<()> {
        let StandingChanges { schedules, instants, services, inputs } = changes;
        let kept = schedules.values().flatten().map(schedule::values);
        schedule::UPSERT.execute(transaction, kept.collect()).await?;
        let gone: Vec<[Value; 1]> =
            schedules.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| [id.0.into()]).collect();
        execute_by_keys(transaction, "DELETE FROM schedules WHERE schedule_id IN ({keys})", &gone).await?;
        schedule::UPSERT_INSTANT
            .execute(transaction, instants.values().map(schedule::instant_values).collect())
            .await?;
        let grown: BTreeSet<ScheduleId> = instants.keys().map(|(id, _)| *id).collect();
        for id in grown {
            self.drop_old_instants(transaction, id).await?;
        }
        let kept = services.values().flatten().map(service::values);
        service::UPSERT.execute(transaction, kept.collect()).await?;
        let gone: Vec<[Value; 1]> =
            services.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| [id.0.into()]).collect();
        execute_by_keys(transaction, "DELETE FROM services WHERE service_id IN ({keys})", &gone).await?;
        let kept = inputs.iter().filter_map(|(id, input)| Some([(*id).into(), input.as_ref()?.get().into()]));
        UPSERT_INPUT.execute(transaction, kept.collect()).await?;
        let gone: Vec<[Value; 1]> =
            inputs.iter().filter(|(_, input)| input.is_none()).map(|(id, _)| [(*id).into()]).collect();
        execute_by_keys(transaction, "DELETE FROM kept_inputs WHERE id IN ({keys})", &gone).await?;
        Ok(())
    }

    /// Keeps the newest instants of a schedule and those that wait.
    async fn drop_old_instants(&self, transaction: &DatabaseTransaction, id: ScheduleId) -> Result<()> {
        let sql = format!(
            "DELETE FROM schedule_instants WHERE schedule_id = ? AND state <> 'waiting' AND instant <= \
             (SELECT instant FROM schedule_instants WHERE schedule_id = ? ORDER BY instant DESC LIMIT 1 OFFSET {KEPT})"
        );
        let statement = self.statement(placeholders(self.backend, &sql), [id.0.into(), id.0.into()]);
        transaction.execute_raw(statement).await?;
        Ok(())
    }

    /// Adds all standing orders to what is loaded. Returns the versions the services run.
    pub(super) async fn load_standing(
        &self,
        transaction: &DatabaseTransaction,
        open: &mut Open,
    ) -> Result<BTreeSet<VersionId>> {
        let sql = format!("SELECT {} FROM schedules s ORDER BY s.seq", schedule::SELECTED);
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            match read_schedule(&row) {
                Ok(record) => open.standing.schedules.push(record),
                Err(damage) => open.corrupt.push(corrupt("schedules", id_of(&row, "schedule_id"), &damage)),
            }
        }
        let sql = format!(
            "SELECT {} FROM schedule_instants WHERE state = 'waiting' ORDER BY schedule_id, instant",
            schedule::SELECTED_INSTANT
        );
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            match read_instant(&row) {
                Ok(record) => open.standing.waiting.push(record),
                Err(damage) => {
                    open.corrupt.push(corrupt("schedule_instants", id_of(&row, "schedule_id"), &damage))
                }
            }
        }
        let sql = format!(
            "SELECT {}, p.version_id AS active FROM services s \
             LEFT JOIN packages p ON p.package_id = s.app_id AND p.delete_at IS NULL ORDER BY s.seq",
            service::SELECTED
        );
        let mut versions = BTreeSet::new();
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            match read_service(&row) {
                Ok(record) => {
                    versions.insert(record.version_id);
                    let finished = self.load_finished_seqs(transaction, record.service_id.0).await?;
                    let active = row.try_get("", "active")?;
                    open.standing.services.push(LoadedService { record, plan: None, finished, active });
                }
                Err(damage) => open.corrupt.push(corrupt("services", id_of(&row, "service_id"), &damage)),
            }
        }
        Ok(versions)
    }

    /// The finished tasks of a service, oldest first. There are a few, but for those of a time when more were kept.
    async fn load_finished_seqs(
        &self,
        transaction: &DatabaseTransaction,
        service: Uuid,
    ) -> Result<VecDeque<TaskSeq>> {
        let states: Vec<String> = task::states_of(Some(lp_protocol::Stage::Finished), None)
            .iter()
            .map(|state| state.to_string())
            .collect();
        let sql = format!(
            "SELECT seq FROM tasks WHERE origin_id = ? AND state IN ({}) ORDER BY seq DESC LIMIT {}",
            states.join(", "),
            KEPT_TASKS * 10
        );
        let statement = self.statement(placeholders(self.backend, &sql), [service.into()]);
        let mut finished = VecDeque::new();
        for row in transaction.query_all_raw(statement).await? {
            finished.push_front(row.try_get_by_index(0)?);
        }
        Ok(finished)
    }
}

/// A schedule whose times and zone mean something.
pub(super) fn read_schedule(row: &QueryResult) -> Result<ScheduleRecord, Damage> {
    let record: ScheduleRecord =
        schedule::Row::from_query_result(row, "").map_err(Damage::Column)?.try_into()?;
    let tz = parse_zone(&record.tz).map_err(|_| Damage::value("tz", &record.tz))?;
    Calendar::restore(&record.times.cron(), tz).map_err(|_| Damage::value("cron", record.times.cron()))?;
    Ok(record)
}

pub(super) fn read_instant(row: &QueryResult) -> Result<InstantRecord, Damage> {
    schedule::InstantRow::from_query_result(row, "").map_err(Damage::Column)?.try_into()
}

pub(super) fn read_service(row: &QueryResult) -> Result<ServiceRecord, Damage> {
    service::Row::from_query_result(row, "").map_err(Damage::Column)?.try_into()
}

fn id_of(row: &QueryResult, column: &str) -> String {
    row.try_get::<Uuid>("", column).map_or_else(|_| "?".to_owned(), |id| id.to_string())
}

impl Open {
    /// Gives the services their plans.
    pub(super) fn hand_out_plans(&mut self) {
        let plans: &BTreeMap<_, _> = &self.plans;
        for service in &mut self.standing.services {
            service.plan = plans.get(&service.record.version_id).cloned();
        }
    }
}
