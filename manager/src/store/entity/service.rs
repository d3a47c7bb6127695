//! The table `services`.

use std::time::Duration;

use lp_protocol::{AppId, ServiceId, TaskId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::columns::{
    duration_opt, duration_to_micros, json, time, time_opt, to_micros, to_signed, unsigned,
};
use crate::core::service::record::{Backoff, ServiceRecord};
use crate::store::Damage;
use crate::store::sql::{Insert, clean};

#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct Row {
    pub service_id: Uuid,
    pub name: String,
    pub description: String,
    pub app_id: Uuid,
    pub version_id: i64,
    pub follow_active: i16,
    pub stop_signal: i32,
    pub stop_grace_us: Option<i64>,
    pub delay_us: i64,
    pub max_delay_us: i64,
    pub reset_after_us: i64,
    pub max_restarts: Option<i64>,
    pub health: Option<String>,
    pub enable: i16,
    pub tasks: i64,
    pub restarts: i64,
    pub failures: i64,
    pub replacing: i16,
    pub given_up: i16,
    pub retry_at: Option<i64>,
    pub task_id: Option<Uuid>,
    pub reason: Option<String>,
    pub create_at: i64,
    pub update_at: i64,
}

/// What [`Row`] is read from, `s` being the table.
pub(crate) const SELECTED: &str = "s.service_id, s.name, s.description, s.app_id, s.version_id, s.follow_active, s.stop_signal, \
     s.stop_grace_us, s.delay_us, s.max_delay_us, s.reset_after_us, s.max_restarts, s.health, s.enable, s.tasks, s.restarts, s.failures, \
     s.replacing, s.given_up, s.retry_at, s.task_id, s.reason, s.create_at, s.update_at";

pub(crate) const UPSERT: Insert<24> = Insert {
    table: "services",
    columns: [
        "service_id",
        "name",
        "description",
        "app_id",
        "version_id",
        "follow_active",
        "stop_signal",
        "stop_grace_us",
        "delay_us",
        "max_delay_us",
        "reset_after_us",
        "max_restarts",
        "health",
        "enable",
        "tasks",
        "restarts",
        "failures",
        "replacing",
        "given_up",
        "retry_at",
        "task_id",
        "reason",
        "create_at",
        "update_at",
    ],
    tail: "ON CONFLICT (service_id) DO UPDATE SET name = excluded.name, description = excluded.description, \
           app_id = excluded.app_id, version_id = excluded.version_id, follow_active = excluded.follow_active, \
           stop_signal = excluded.stop_signal, stop_grace_us = excluded.stop_grace_us, delay_us = excluded.delay_us, \
           max_delay_us = excluded.max_delay_us, reset_after_us = excluded.reset_after_us, max_restarts = excluded.max_restarts, \
           health = excluded.health, enable = excluded.enable, tasks = excluded.tasks, restarts = excluded.restarts, failures = excluded.failures, \
           replacing = excluded.replacing, given_up = excluded.given_up, retry_at = excluded.retry_at, task_id = excluded.task_id, \
           reason = excluded.reason, update_at = excluded.update_at",
};

/// The row's values in the order of the insert's columns.
pub(crate) fn values(record: &ServiceRecord) -> [Value; 24] {
    let ServiceRecord {
        service_id,
        name,
        description,
        app_id,
        version_id,
        follow_active,
        signal,
        grace,
        backoff: Backoff { delay, max_delay, reset_after, max_restarts },
        health,
        enable,
        tasks,
        restarts,
        failures,
        replacing,
        given_up,
        retry_at,
        task_id,
        reason,
        create_at,
        update_at,
    } = record;
    [
        service_id.0.into(),
        clean(name).into(),
        clean(description).into(),
        app_id.0.into(),
        (*version_id).into(),
        i16::from(*follow_active).into(),
        (*signal).into(),
        grace.map(duration_to_micros).into(),
        duration_to_micros(*delay).into(),
        duration_to_micros(*max_delay).into(),
        duration_to_micros(*reset_after).into(),
        max_restarts.map(i64::from).into(),
        health.as_ref().map(|health| serde_json::to_string(health).expect("a health is plain data")).into(),
        i16::from(*enable).into(),
        (*tasks).into(),
        to_signed(*restarts).into(),
        i64::from(*failures).into(),
        i16::from(*replacing).into(),
        i16::from(*given_up).into(),
        retry_at.map(to_micros).into(),
        task_id.map(|id| id.0).into(),
        reason.as_deref().map(clean).into(),
        to_micros(*create_at).into(),
        to_micros(*update_at).into(),
    ]
}

impl TryFrom<Row> for ServiceRecord {
    type Error = Damage;

    fn try_from(row: Row) -> Result<Self, Damage> {
        let Row {
            service_id,
            name,
            description,
            app_id,
            version_id,
            follow_active,
            stop_signal,
            stop_grace_us,
            delay_us,
            max_delay_us,
            reset_after_us,
            max_restarts,
            health,
            enable,
            tasks,
            restarts,
            failures,
            replacing,
            given_up,
            retry_at,
            task_id,
            reason,
            create_at,
            update_at,
        } = row;
        let micros = |column, micros| unsigned(column, micros).map(Duration::from_micros);
        Ok(ServiceRecord {
            service_id: ServiceId(service_id),
            name: name.into(),
            description: description.into(),
            app_id: AppId(app_id),
            version_id,
            follow_active: follow_active != 0,
            signal: stop_signal,
            grace: duration_opt("stop_grace_us", stop_grace_us)?,
            backoff: Backoff {
                delay: micros("delay_us", delay_us)?,
                max_delay: micros("max_delay_us", max_delay_us)?,
                reset_after: micros("reset_after_us", reset_after_us)?,
                max_restarts: max_restarts.map(|most| unsigned("max_restarts", most)).transpose()?,
            },
            health: health.map(|health| json("health", &health)).transpose()?,
            enable: enable != 0,
            tasks,
            restarts: unsigned("restarts", restarts)?,
            failures: unsigned("failures", failures)?,
            replacing: replacing != 0,
            given_up: given_up != 0,
            retry_at: time_opt("retry_at", retry_at)?,
            task_id: task_id.map(TaskId),
            reason: reason.map(Into::into),
            create_at: time("create_at", create_at)?,
            update_at: time("update_at", update_at)?,
        })
    }
}
