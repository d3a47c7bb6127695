//! A core under the hand of a test: events go in by name, what it wants done comes out as short texts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use lp_protocol::frames::{
    AttemptEvent, Finish, Hello, LINK_VERSION, ManagerFrame, NodeFacts, NodeFrame, Report, Usage,
};
use lp_protocol::plan::{Plan, Resources};
use lp_protocol::{AppId, AttemptKey, Exit, NodeId, TaskId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::model::Model;
use super::plans;
use super::work_model::derive_inputs;
use crate::core::record::{StopRequest, TaskRecord};
use crate::core::{ConnectionId, Core, Effect, NewTaskRequest, Now, Settings};

pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) model: Model,
    pub(super) now: Now,
    /// How long programs are said to have run.
    pub(super) run: TimeDelta,
    tasks: u64,
    reports: u64,
    /// Of the task that is created next.
    input: Option<Box<RawValue>>,
    /// Of the nodes that connect next.
    pub(super) labels: BTreeMap<String, String>,
    /// Of the nodes that connect next.
    pub(super) building: BTreeMap<String, u32>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let now = Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap(), mono: Duration::ZERO };
        let model = Model::default();
        Self {
            core: Core::load(now, Settings::default(), model.load()),
            model,
            now,
            run: TimeDelta::seconds(1),
            tasks: 0,
            reports: 0,
            input: None,
            labels: BTreeMap::new(),
            building: BTreeMap::new(),
        }
    }

    pub(super) fn pass(&mut self, seconds: f64) {
        let time = Duration::from_secs_f64(seconds);
        self.now = Now { wall: self.now.wall + time, mono: self.now.mono + time };
    }

    /// Creates a task of a plan written as for [`plans::plan`].
    pub(super) fn create(&mut self, plan: &str) -> TaskId {
        self.create_plan(plans::plan(plan), 0)
    }

    pub(super) fn create_plan(&mut self, plan: Plan, priority: i32) -> TaskId {
        self.tasks += 1;
        let task_id = task(self.tasks);
        let plan = Arc::new(plan);
        self.model.plans.insert(self.tasks as i64, plan.clone());
        let request = NewTaskRequest {
            task_id,
            name: "test".to_owned(),
            app_id: AppId(Uuid::nil()),
            version_id: self.tasks as i64,
            plan,
            origin: None,
            priority,
            input: self.input.take(),
            key: None,
            fingerprint: None,
        };
        self.core.create_task(self.now, request);
        task_id
    }

    /// Creates a task with an input.
    pub(super) fn create_with(&mut self, plan: Plan, input: &str) -> TaskId {
        self.input = Some(RawValue::from_string(input.to_owned()).unwrap());
        self.create_plan(plan, 0)
    }

    pub(super) fn stop(&mut self, task_id: TaskId) {
        self.core.stop_task(self.now, task_id, StopRequest { signal: 15, grace: None }, "test").unwrap();
    }

    pub(super) fn connect(&mut self, number: u64, slots: u32) -> ConnectionId {
        self.connect_with(number, number, Resources { slots, ..Resources::default() }, Vec::new())
    }

    pub(super) fn connect_with(
        &mut self,
        number: u64,
        connection: u64,
        capacity: Resources,
        held: Vec<AttemptKey>,
    ) -> ConnectionId {
        let node = NodeFacts {
            name: format!("n{number}"),
            platform: "x86_64".to_owned(),
            capacity,
            labels: self.labels.clone(),
            ..NodeFacts::default()
        };
        let connection = ConnectionId(connection);
        self.core.connect_node(
            self.now,
            node_id(number),
            connection,
            Hello { link_version: LINK_VERSION, node, held, building: self.building.clone() },
        );
        connection
    }

    pub(super) fn report(
        &mut self,
        connection: ConnectionId,
        task: TaskId,
        action: &str,
        attempt: u32,
        event: AttemptEvent,
    ) {
        self.reports += 1;
        let attempt = AttemptKey { task_id: task, action: action.to_owned(), attempt };
        let report = Report { seq: self.reports, attempt, event };
        self.core.take_frames(self.now, connection, vec![NodeFrame::Reports { reports: vec![report] }]);
    }

    pub(super) fn finish(
        &mut self,
        connection: ConnectionId,
        task: TaskId,
        action: &str,
        attempt: u32,
        exit: Exit,
    ) {
        let finish = self.ended(exit);
        self.report(connection, task, action, attempt, AttemptEvent::Finished(Box::new(finish)));
    }

    /// Ends with code 0 and this `output.data`.
    pub(super) fn finish_with(
        &mut self,
        connection: ConnectionId,
        task: TaskId,
        action: &str,
        attempt: u32,
        output: &str,
    ) {
        let output = RawValue::from_string(output.to_owned()).unwrap();
        let finish = Finish { output: Some(output), ..self.ended(Exit::Code { code: 0 }) };
        self.report(connection, task, action, attempt, AttemptEvent::Finished(Box::new(finish)));
    }

    pub(super) fn succeed(&mut self, connection: ConnectionId, task: TaskId, action: &str, attempt: u32) {
        self.finish(connection, task, action, attempt, Exit::Code { code: 0 });
    }

    fn ended(&self, exit: Exit) -> Finish {
        Finish {
            exit,
            start_at: Some(self.now.wall - self.run),
            end_at: self.now.wall,
            output: None,
            log_bytes: 0,
            log: None,
            log_times: None,
            usage: Usage::default(),
            preparing: Vec::new(),
        }
    }

    /// One turn: commits, and says what the core wants done, acknowledgements left out.
    pub(super) fn turn(&mut self) -> Vec<String> {
        let sources = self.model.standing.sources(&self.core.wanted_sources(self.now));
        self.core.fire_timers(self.now, &sources);
        derive_inputs(&mut self.core, self.now, &self.model, || false);
        self.core.withdraw_builds();
        self.core.place(self.now);
        let outcome = self.core.take_outcome();
        self.model.commit(&outcome.changes);
        self.core.check_sanity();
        outcome.effects.iter().filter_map(|effect| self.spoken(effect)).collect()
    }

    pub(super) fn record(&self, task_id: TaskId) -> &TaskRecord {
        self.model.task(task_id)
    }

    fn spoken(&self, effect: &Effect) -> Option<String> {
        let key =
            |key: &AttemptKey| format!("{}/{}/{}", key.task_id.0.as_u64_pair().1, key.action, key.attempt);
        Some(match effect {
            Effect::Assign { connection, order } => {
                let health = if order.health.is_some() { ", with health" } else { "" };
                format!("{} -> n{}{health}", key(&order.key), connection.0)
            }
            Effect::Send { connection, frame: ManagerFrame::Stop { stops } } => {
                format!("stop {} on n{}", key(&stops[0].attempt), connection.0)
            }
            Effect::Send { connection, frame: ManagerFrame::Recall { attempts } } => {
                format!(
                    "recall {} from n{}",
                    attempts.iter().map(key).collect::<Vec<_>>().join(" "),
                    connection.0
                )
            }
            Effect::Send { connection, frame: ManagerFrame::Welcome(welcome) } => {
                format!("welcome n{}, go on: {}", connection.0, welcome.go_on.len())
            }
            Effect::Send { connection, frame: ManagerFrame::Envs { answers } } => {
                let said: Vec<String> = answers.values().map(super::build_rules::spoken).collect();
                format!("{} to n{}", said.join(", "), connection.0)
            }
            Effect::Finished { task_id } => format!("finished {}", task_id.0.as_u64_pair().1),
            Effect::Close { connection, .. } => format!("close n{}", connection.0),
            Effect::Send { .. } | Effect::Publish(_) => return None,
        })
    }
}

pub(super) fn node_id(number: u64) -> NodeId {
    NodeId(Uuid::from_u64_pair(1, number))
}

pub(super) fn task(number: u64) -> TaskId {
    TaskId(Uuid::from_u64_pair(2, number))
}
