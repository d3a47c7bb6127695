//! A task as pages show it: its actions in columns, and of what they left only the beginning.
//!
//! `GET /tasks/{task}` says everything about ten thousand actions in ten thousand objects, seven megabytes of them, most of it keys and times
//! as text. In columns the same actions take a tenth of the time to write, to send and to read; [`ActionColumns::into_actions`] gives them
//! back as they were.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ActionResult, ActionView, AttemptView, DeedView, TaskInfo, TaskView, Why};
use crate::frames::Usage;
use crate::preparing::PreparingStep;
use crate::{Exit, NodeId, Stage, Status};

/// Query of `GET /tasks/{task}/outline`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ShowOutline {
    /// Tell also why it is as it is, with at most so many actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<u32>,
    /// This action too, however many are before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_action: Option<String>,
    /// Tell also what it was given and at most so many of the results it has left, in the order of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<u32>,
}

/// Answer of `GET /tasks/{task}/outline`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskOutline {
    pub task: TaskView,
    /// What was done to it since its creation, first to last.
    pub history: Vec<DeedView>,
    pub actions: ActionColumns,
    /// Where `why` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Where `results` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// What a task was given, and what it has left.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Left {
    #[schema(value_type = Object)]
    pub input_data: Box<RawValue>,
    /// What the task as a whole has left; absent while it runs, and where it is made of more results than one wants to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub output: Option<Box<RawValue>>,
    /// Of the actions that have left something, the first ones.
    pub results: Vec<ActionResult>,
    /// There are more results than are told.
    pub has_more: bool,
}

/// Actions in the order of the manifest: the n-th is told by the n-th entry of each list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActionColumns {
    /// Their names; behind them names of others, which are only waited for.
    pub name: Vec<String>,
    /// Places of the names they wait for.
    pub condition: Vec<Vec<u32>>,
    pub stage: Vec<Stage>,
    pub status: Vec<Option<Status>>,
    /// By place, of those that were made at run time: the name of the action that made them.
    pub generated_by: BTreeMap<u32, String>,
    /// By place, of those that wait for their next attempt: when it is due.
    pub retry_at: BTreeMap<u32, DateTime<Utc>>,
    pub attempts: AttemptColumns,
}

/// Attempts of all actions, first to last; times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptColumns {
    /// Place of the action.
    pub action: Vec<u32>,
    pub attempt: Vec<u32>,
    pub run: Vec<u32>,
    pub stage: Vec<Stage>,
    pub status: Vec<Option<Status>>,
    /// Each way to end once, and for each attempt which it was.
    pub exits: Vec<Exit>,
    pub exit: Vec<Option<u32>>,
    /// Each node once, and for each attempt which it was.
    pub nodes: Vec<OutlineNode>,
    pub node: Vec<u32>,
    pub assign_at: Vec<i64>,
    pub start_at: Vec<Option<i64>>,
    pub end_at: Vec<Option<i64>>,
    pub log_bytes: Vec<u64>,
    pub cpu_seconds: Vec<f64>,
    pub max_rss_bytes: Vec<u64>,
    pub read_bytes: Vec<u64>,
    pub written_bytes: Vec<u64>,
    /// By place among the attempts, of those that were prepared.
    pub preparing: BTreeMap<u32, Vec<PreparingStep>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutlineNode {
    pub node_id: NodeId,
    pub name: String,
}

/// A task with its actions, and as much of the rest as was asked for.
#[derive(Clone, Debug)]
pub struct Outlined {
    /// Input, results and output are as if there were none, unless they were asked for.
    pub info: TaskInfo,
    pub why: Option<Why>,
    /// There are more results than these.
    pub has_more: bool,
}

impl From<TaskOutline> for Outlined {
    fn from(outline: TaskOutline) -> Self {
        let TaskOutline { task, history, actions, why, left } = outline;
        let (input_data, output, results, has_more) = match left {
            Some(Left { input_data, output, results, has_more }) => (input_data, output, results, has_more),
            None => (RawValue::NULL.to_owned(), None, Vec::new(), false),
        };
        let result = results.into_iter().map(|result| (result.name.clone(), result)).collect();
        let actions = actions.into_actions();
        Self { info: TaskInfo { task, input_data, actions, history, result, output }, why, has_more }
    }
}

impl ActionColumns {
    pub fn new(actions: Vec<ActionView>) -> Self {
        let mut columns = Self::default();
        let mut places: HashMap<String, u32> =
            (0..).zip(&actions).map(|(place, action)| (action.name.clone(), place)).collect();
        columns.name.extend(actions.iter().map(|action| action.name.clone()));
        let mut known = Known::default();
        for (place, action) in (0..).zip(actions) {
            let ActionView { name: _, condition, generated_by, stage, status, attempts, retry_at } = action;
            let mut waits_for = Vec::with_capacity(condition.len());
            for name in condition {
                let other = *places.entry(name).or_insert_with_key(|name| {
                    columns.name.push(name.clone());
                    columns.name.len() as u32 - 1
                });
                waits_for.push(other);
            }
            columns.condition.push(waits_for);
            columns.stage.push(stage);
            columns.status.push(status);
            columns.generated_by.extend(generated_by.map(|maker| (place, maker)));
            columns.retry_at.extend(retry_at.map(|at| (place, at)));
            attempts.into_iter().for_each(|attempt| columns.attempts.push(place, attempt, &mut known));
        }
        columns
    }

    /// The actions as they were; what does not fit together is left out.
    pub fn into_actions(self) -> Vec<ActionView> {
        let Self { name, condition, stage, status, mut generated_by, mut retry_at, attempts } = self;
        let name_of = |place: &u32| name.get(*place as usize).cloned();
        let columns = name.iter().zip(&condition).zip(stage).zip(status);
        let mut actions: Vec<ActionView> = (0..)
            .zip(columns)
            .map(|(place, (((name, condition), stage), status))| ActionView {
                name: name.clone(),
                condition: condition.iter().filter_map(name_of).collect(),
                generated_by: generated_by.remove(&place),
                stage,
                status,
                attempts: Vec::new(),
                retry_at: retry_at.remove(&place),
            })
            .collect();
        for (place, attempt) in attempts.into_attempts() {
            if let Some(action) = actions.get_mut(place as usize) {
                action.attempts.push(attempt);
            }
        }
        actions
    }
}

/// Where what is told once stands.
#[derive(Default)]
struct Known {
    nodes: HashMap<NodeId, u32>,
}

impl AttemptColumns {
    fn push(&mut self, place: u32, attempt: AttemptView, known: &mut Known) {
        let AttemptView {
            attempt: number,
            run,
            stage,
            status,
            exit,
            node_id,
            node_name,
            assign_at,
            start_at,
            end_at,
            log_bytes,
            usage: Usage { cpu_seconds, max_rss_bytes, read_bytes, written_bytes },
            preparing,
        } = attempt;
        if !preparing.is_empty() {
            self.preparing.insert(self.action.len() as u32, preparing);
        }
        self.action.push(place);
        self.attempt.push(number);
        self.run.push(run);
        self.stage.push(stage);
        self.status.push(status);
        let exit = exit.map(|exit| self.place_of_exit(exit));
        self.exit.push(exit);
        let node = *known.nodes.entry(node_id).or_insert_with(|| {
            self.nodes.push(OutlineNode { node_id, name: node_name });
            self.nodes.len() as u32 - 1
        });
        self.node.push(node);
        self.assign_at.push(assign_at.timestamp_micros());
        self.start_at.push(start_at.map(|at| at.timestamp_micros()));
        self.end_at.push(end_at.map(|at| at.timestamp_micros()));
        self.log_bytes.push(log_bytes);
        self.cpu_seconds.push(cpu_seconds);
        self.max_rss_bytes.push(max_rss_bytes);
        self.read_bytes.push(read_bytes);
        self.written_bytes.push(written_bytes);
    }

    /// Nearly all end in one of a few ways, so the last few known ones are looked through; one that was forgotten is told twice.
    fn place_of_exit(&mut self, exit: Exit) -> u32 {
        const LOOKED_THROUGH: usize = 8;
        let known = self.exits.iter().enumerate().take(LOOKED_THROUGH).find(|(_, known)| **known == exit);
        match known {
            Some((place, _)) => place as u32,
            None => {
                self.exits.push(exit);
                self.exits.len() as u32 - 1
            }
        }
    }

    /// Each with the place of its action.
    fn into_attempts(mut self) -> Vec<(u32, AttemptView)> {
        let count = self.action.len();
        let mut attempts = Vec::with_capacity(count);
        for at in 0..count {
            attempts.extend(self.action.get(at).copied().zip(self.attempt_at(at)));
        }
        attempts
    }

    fn attempt_at(&mut self, at: usize) -> Option<AttemptView> {
        let node = self.nodes.get(*self.node.get(at)? as usize)?;
        let exit = match self.exit.get(at)? {
            Some(place) => Some(self.exits.get(*place as usize)?.clone()),
            None => None,
        };
        let time = |at: &Option<i64>| at.and_then(DateTime::from_timestamp_micros);
        Some(AttemptView {
            attempt: *self.attempt.get(at)?,
            run: *self.run.get(at)?,
            stage: *self.stage.get(at)?,
            status: *self.status.get(at)?,
            exit,
            node_id: node.node_id,
            node_name: node.name.clone(),
            assign_at: DateTime::from_timestamp_micros(*self.assign_at.get(at)?)?,
            start_at: time(self.start_at.get(at)?),
            end_at: time(self.end_at.get(at)?),
            log_bytes: *self.log_bytes.get(at)?,
            usage: Usage {
                cpu_seconds: *self.cpu_seconds.get(at)?,
                max_rss_bytes: *self.max_rss_bytes.get(at)?,
                read_bytes: *self.read_bytes.get(at)?,
                written_bytes: *self.written_bytes.get(at)?,
            },
            preparing: self.preparing.remove(&(at as u32)).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(name: &str, condition: &[&str], attempts: serde_json::Value) -> serde_json::Value {
        json!({"name": name, "condition": condition, "stage": "finished", "status": "success", "attempts": attempts})
    }

    fn attempt(number: u32, exit: serde_json::Value) -> serde_json::Value {
        json!({
            "attempt": number, "run": 1, "stage": "finished", "status": "fail", "exit": exit,
            "node_id": format!("00000000-0000-0000-0000-00000000000{number}"), "node_name": format!("n{number}"),
            "assign_at": "2026-11-22T10:00:00.000001Z", "start_at": null, "end_at": "2026-11-22T10:00:01Z", "log_bytes": 7,
            "usage": {"cpu_seconds": 0.25, "max_rss_bytes": 1, "read_bytes": 2, "written_bytes": 3},
        })
    }

    #[test]
    fn columns_give_back_the_actions_they_were_made_of() {
        let mut list = vec![
            action(
                "first",
                &[],
                json!([attempt(1, json!({"kind": "code", "code": 3})), attempt(2, json!(null))]),
            ),
            action("second", &["first", "retired"], json!([])),
            action(
                "third",
                &["retired", "second"],
                json!([attempt(1, json!({"kind": "lost", "reason": "x"}))]),
            ),
        ];
        list[1]["generated_by"] = json!("first");
        list[1]["retry_at"] = json!("2026-11-22T11:00:00Z");
        list[0]["attempts"][1]["preparing"] =
            json!([{"kind": "fetch", "what": "app", "start_at": "2026-11-22T10:00:00Z"}]);
        let text = serde_json::Value::from(list).to_string();
        let actions: Vec<ActionView> = serde_json::from_str(&text).unwrap();

        let sent = serde_json::to_string(&ActionColumns::new(actions.clone())).unwrap();
        let back = serde_json::from_str::<ActionColumns>(&sent).unwrap().into_actions();

        assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&actions).unwrap());
        assert_eq!(back.len(), 3);
    }

    #[test]
    fn columns_that_do_not_fit_together_lose_attempts_and_harm_nobody() {
        let text = json!([action("a", &[], json!([attempt(1, json!(null))]))]).to_string();
        let mut columns = ActionColumns::new(serde_json::from_str(&text).unwrap());
        columns.attempts.node[0] = 9;
        columns.condition[0] = vec![77];

        let back = columns.into_actions();

        assert!(back[0].attempts.is_empty() && back[0].condition.is_empty());
    }
}
