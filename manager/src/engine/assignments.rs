//! From the core's order to the assignment a node gets: packages, environment, input.
//!
//! One query per kind of thing and batch, however many assignments there are; what was created or left in the same batch is taken from
//! it. A read that fails ends the leadership like a failed commit: the attempts are the nodes' already, and are sent again when the nodes
//! have connected anew.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lp_protocol::VersionId;
use lp_protocol::frames::{AssignedEnv, Assignment, PackageRef};
use lp_protocol::plan::{ActionPlan, EnvRef, Ordinal};
use serde_json::value::RawValue;

use super::input::{self, Fields};
use crate::core::AssignOrder;
use crate::core::record::{AttemptId, Changes, SUCCESS_EVENT, TaskSeq};
use crate::store::{Result, Store};

/// Packages of versions that were assigned from lately.
#[derive(Default)]
pub(super) struct Versions {
    packages: HashMap<VersionId, PackageRef>,
}

/// Versions remembered before the memory is emptied: more than any cluster has in use at once.
const REMEMBERED: usize = 4096;

/// Builds the assignments for `orders`, in their order. The inner error says why one cannot be sent: that attempt has failed.
pub(super) async fn build(
    store: &Store,
    versions: &mut Versions,
    changes: &Changes,
    orders: &[&AssignOrder],
) -> Result<Vec<Result<Assignment, String>>> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    versions.load(store, orders).await?;
    let envs = load_envs(store, orders).await?;
    let payloads = Payloads::load(store, changes, orders).await?;
    let mut assignments = Vec::with_capacity(orders.len());
    for order in orders {
        let event = if order.action >= SUCCESS_EVENT {
            Some(super::event::results(store, order).await?)
        } else {
            None
        };
        assignments.push(assemble(order, versions, &envs, &payloads, event));
    }
    Ok(assignments)
}

fn assemble(
    order: &AssignOrder,
    versions: &Versions,
    envs: &HashMap<EnvRef, Result<PackageRef, String>>,
    payloads: &Payloads<'_>,
    event: Option<Box<RawValue>>,
) -> Result<Assignment, String> {
    let plan = order.shape.action(order.action).ok_or("the plan has no such action")?;
    let app = versions.packages.get(&order.version_id).cloned().ok_or("its application's version is gone")?;
    let mut fields = payloads.fields(order, plan);
    if let Some(results) = event {
        fields.insert("result".to_owned(), results);
    }
    let ActionPlan { name: _, condition: _, command, env, docker, target: _, retry: _, timeout, .. } = plan;
    Ok(Assignment {
        attempt: order.key.clone(),
        task_name: order.task_name.to_string(),
        task_create_at: order.task_create_at,
        priority: order.priority.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
        app,
        command: command.clone(),
        env: env.as_ref().map(|env| assigned_env(env, envs)).transpose()?,
        docker: docker.clone(),
        environ: plan.environ.clone(),
        resources: plan.resources.clone(),
        timeout: *timeout,
        grace: plan.grace.max(Duration::ZERO),
        exclusive: plan.exclusive,
        health: plan.health.clone().or_else(|| order.health.clone()),
        input: input::assemble(&fields)?,
    })
}

fn assigned_env(
    env: &EnvRef,
    envs: &HashMap<EnvRef, Result<PackageRef, String>>,
) -> Result<AssignedEnv, String> {
    match env {
        EnvRef::Path(path) => Ok(AssignedEnv::Path(path.clone())),
        EnvRef::Built(recipe) => Ok(AssignedEnv::Built(recipe.clone())),
        EnvRef::Venv(_) | EnvRef::Named(_) => {
            let found = envs.get(env).cloned().ok_or("its env was not looked up")?;
            found.map(AssignedEnv::Package)
        }
    }
}

impl Versions {
    async fn load(&mut self, store: &Store, orders: &[&AssignOrder]) -> Result<()> {
        let mut missing: Vec<VersionId> = orders
            .iter()
            .map(|order| order.version_id)
            .filter(|id| !self.packages.contains_key(id))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        if self.packages.len() > REMEMBERED {
            self.packages.clear();
            missing = orders.iter().map(|order| order.version_id).collect();
        }
        self.packages.extend(store.load_version_packages(&missing).await?);
        Ok(())
    }
}

/// Looks up the venvs the orders name, each once. They are looked up at every assignment: a venv that is updated is used from then on.
async fn load_envs(
    store: &Store,
    orders: &[&AssignOrder],
) -> Result<HashMap<EnvRef, Result<PackageRef, String>>> {
    let mut envs = HashMap::new();
    for order in orders {
        let Some(env) = order.shape.action(order.action).and_then(|plan| plan.env.as_ref()) else { continue };
        if !matches!(env, EnvRef::Built(_)) && !envs.contains_key(env) {
            envs.insert(env.clone(), store.find_env_package(env).await?);
        }
    }
    Ok(envs)
}

/// Inputs of the tasks and outputs of the conditions.
struct Payloads<'a> {
    changes: &'a Changes,
    inputs: BTreeMap<TaskSeq, Option<Box<RawValue>>>,
    /// Of actions made at run time.
    own: BTreeMap<(TaskSeq, Ordinal), Box<RawValue>>,
    outputs: BTreeMap<(TaskSeq, Ordinal), Option<Box<RawValue>>>,
    /// Successful attempts of this batch, by action.
    fresh: HashMap<(TaskSeq, Ordinal), AttemptId>,
}

impl<'a> Payloads<'a> {
    async fn load(store: &Store, changes: &'a Changes, orders: &[&AssignOrder]) -> Result<Payloads<'a>> {
        let mut wanted_inputs = Vec::new();
        let mut wanted_outputs = Vec::new();
        let fresh: HashMap<(TaskSeq, Ordinal), AttemptId> = changes
            .attempts
            .values()
            .filter(|attempt| attempt.exit.as_ref().is_some_and(lp_protocol::Exit::is_success))
            .map(|attempt| ((attempt.id.task, attempt.id.action), attempt.id))
            .collect();
        for order in orders {
            if new_input(changes, order.id.task).is_none() {
                wanted_inputs.push(order.id.task);
            }
            let condition = order.shape.action(order.action).map_or(&[][..], |plan| &plan.condition);
            let absent = condition.iter().filter(|parent| !fresh.contains_key(&(order.id.task, **parent)));
            wanted_outputs.extend(absent.map(|parent| (order.id.task, order.run, *parent)));
        }
        wanted_inputs.dedup();
        wanted_outputs.sort_unstable();
        wanted_outputs.dedup();
        let inputs = if wanted_inputs.is_empty() {
            BTreeMap::new()
        } else {
            store.load_inputs(&wanted_inputs).await?
        };
        let outputs = if wanted_outputs.is_empty() {
            BTreeMap::new()
        } else {
            store.load_outputs(&wanted_outputs).await?
        };
        let generated = orders.iter().filter(|order| {
            order.shape.action(order.action).is_some_and(|plan| plan.generated.is_some())
                && !changes.actions.contains_key(&(order.id.task, order.action))
        });
        let generated: Vec<_> = generated.map(|order| (order.id.task, order.action)).collect();
        let own = store.load_action_inputs(&generated).await?;
        Ok(Payloads { changes, inputs, own, outputs, fresh })
    }

    fn fields(&self, order: &AssignOrder, plan: &ActionPlan) -> Fields {
        let seq = order.id.task;
        let own = match new_input(self.changes, seq) {
            Some(input) => input,
            None => self.inputs.get(&seq).and_then(|input| input.as_deref()),
        };
        // of an action made at run time: as in LitePipeline, the task's fields win over its own
        let key = (seq, order.action);
        let made = match self.changes.actions.get(&key) {
            Some(record) => record.input.as_ref().map(|input| &*input.0),
            None => self.own.get(&key).map(|input| &**input),
        };
        let mut fields = input::own_fields(made);
        fields.extend(input::own_fields(own));
        for parent in &plan.condition {
            let output = match self.fresh.get(&(seq, *parent)) {
                Some(id) => self.changes.payloads.get(id).and_then(|payload| payload.output.as_deref()),
                None => self.outputs.get(&(seq, *parent)).and_then(|output| output.as_deref()),
            };
            if let Some(parent) = order.shape.action(*parent) {
                fields.insert(parent.name.clone(), input::data_of(output));
            }
        }
        fields
    }
}

/// The input of a task that was created in this batch.
fn new_input(changes: &Changes, seq: TaskSeq) -> Option<Option<&RawValue>> {
    let new = &changes.new_tasks;
    let index = new.binary_search_by_key(&seq, |task| task.record.seq).ok()?;
    Some(new[index].input.as_deref())
}
