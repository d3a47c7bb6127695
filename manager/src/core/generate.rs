//! Actions made at run time: what an action's output asks for becomes part of its task.
//!
//! Everything is checked before anything is taken: a bad list fails the action that made it, with the reason, and leaves the task as
//! it was. What is taken is written in the same batch as the end of its maker, so that there is never the one without the other.

use std::collections::BTreeMap;

use lp_protocol::Status;
use lp_protocol::manifest::{self, Generated};
use lp_protocol::plan::{ActionPlan, Generation, Ordinal};
use serde_json::value::RawValue;

use super::Core;
use super::record::{ActionRecord, Input, SUCCESS_EVENT, TaskSeq};
use super::task::{Halt, State, Task};

/// Most actions of one task, with those made at run time: a loop of actions that make actions ends here.
pub const MAX_TASK_ACTIONS: usize = 100_000;

/// An action that has its place.
struct Made {
    ordinal: Ordinal,
    plan: ActionPlan,
    input: Option<Box<RawValue>>,
}

impl Core {
    /// Takes the actions that the output of `maker`, which has succeeded, asks for.
    ///
    /// # Errors
    /// What is wrong with them, in a sentence; then none is taken.
    pub(super) fn take_generated(
        &mut self,
        seq: TaskSeq,
        maker: Ordinal,
        output: &RawValue,
    ) -> Result<(), String> {
        let generated = manifest::parse_generated(output).map_err(|error| error.to_string())?;
        if generated.is_empty() {
            return Ok(());
        }
        let Some(task) = self.tasks.get_mut(&seq) else { return Ok(()) };
        if maker >= SUCCESS_EVENT {
            return Err("an event action cannot make actions: its task has ended".to_owned());
        }
        let made = resolve(task, maker, generated)?;
        std::sync::Arc::make_mut(&mut task.shape).reserve(made.len());
        task.actions.reserve(made.len());
        let halt = task.halt();
        let mut ready = Vec::new();
        for Made { ordinal, plan, input } in made {
            let record = ActionRecord { plan: plan.clone(), input: input.map(Input) };
            self.outcome.changes.actions.insert((seq, ordinal), record);
            let missing =
                plan.condition.iter().filter(|parent| !has_succeeded(task, **parent)).count() as u32;
            let state = match halt {
                Some(Halt::Stopped) => State::Done(Status::Cancel),
                Some(Halt::Failed) => State::Done(Status::Skipped),
                None => State::Waiting { missing },
            };
            let to = plan.generated.and_then(|generation| generation.to);
            task.put(ordinal, plan, state);
            if let Some(target) = to.and_then(|to| task.action_mut(to))
                && let State::Waiting { missing } = &mut target.state
            {
                *missing += 1;
            }
            ready.push(ordinal);
        }
        for ordinal in ready {
            let state = self.tasks.get(&seq).and_then(|task| task.action(ordinal)).map(|action| action.state);
            if state == Some(State::Waiting { missing: 0 }) {
                self.enqueue(seq, ordinal);
            }
        }
        Ok(())
    }
}

/// Gives each action its place and finds those it names.
fn resolve(task: &Task, maker: Ordinal, mut generated: Vec<Generated>) -> Result<Vec<Made>, String> {
    let count = task.shape.actions();
    if count + generated.len() > MAX_TASK_ACTIONS {
        let new = generated.len();
        return Err(format!(
            "it asks for {new} actions, and its task has {count} already; a task may have {MAX_TASK_ACTIONS}"
        ));
    }
    let mut places: BTreeMap<&str, Ordinal> = BTreeMap::new();
    let mut next = count as Ordinal;
    for Generated { plan, .. } in &generated {
        let name = plan.name.as_str();
        let ordinal = match task.shape.ordinal(name) {
            Some(taken) if !task.plan(taken).is_some_and(ActionPlan::is_retired) => {
                return Err(format!("action `{name}`: the task has an action of that name"));
            }
            Some(retired) => retired,
            None => {
                next += 1;
                next - 1
            }
        };
        if places.insert(name, ordinal).is_some() {
            return Err(format!("action `{name}`: the name stands twice in the list"));
        }
    }
    let find = |name: &str| {
        let known = task.shape.ordinal(name).filter(|ordinal| {
            *ordinal < SUCCESS_EVENT && !task.plan(*ordinal).is_some_and(ActionPlan::is_retired)
        });
        places.get(name).copied().or(known)
    };
    let mut links = Vec::with_capacity(generated.len());
    for Generated { plan, condition, to_action, .. } in &generated {
        let name = &plan.name;
        let mut parents = Vec::with_capacity(condition.len());
        for parent in condition {
            let unknown = || format!("action `{name}`: `condition` names the unknown action `{parent}`");
            parents.push(find(parent).ok_or_else(unknown)?);
        }
        let to =
            to_action.as_deref().map(|target| target_of(task, name, target, find(target))).transpose()?;
        links.push((places[name.as_str()], parents, to));
    }
    refuse_cycles(task, &links, |ordinal| {
        let made = generated.iter().find(|made| places[made.plan.name.as_str()] == ordinal);
        made.map(|made| &made.plan)
            .or_else(|| task.plan(ordinal))
            .map(|plan| plan.name.clone())
            .unwrap_or_default()
    })?;
    for made in &mut generated {
        lp_protocol::env::settle_action(&mut made.plan, &task.shape.plan.locks).map_err(|file| {
            format!("action `{}`: `env` names `{file}`, which was not looked at when the app was uploaded; name it in an action of the manifest, or call it requirements.txt or uv.lock in the app's root", made.plan.name)
        })?;
    }
    let made = generated.into_iter().zip(links).map(|(generated, (ordinal, condition, to))| {
        let generation = Some(Generation { by: maker, to, retired: false });
        let plan = ActionPlan { condition, generated: generation, ..generated.plan };
        Made { ordinal, plan, input: generated.input }
    });
    let mut made: Vec<Made> = made.collect();
    // places at the end are taken in their order
    made.sort_by_key(|made| made.ordinal);
    Ok(made)
}

/// The action that is to wait for `name`: it must not have begun.
fn target_of(task: &Task, name: &str, target: &str, found: Option<Ordinal>) -> Result<Ordinal, String> {
    let ordinal =
        found.ok_or_else(|| format!("action `{name}`: `to_action` names the unknown action `{target}`"))?;
    let waits = match task.action(ordinal).map(|action| action.state) {
        // made by the same list
        None | Some(State::Waiting { .. }) => true,
        Some(State::Done(status)) => matches!(status, Status::Cancel | Status::Skipped),
        Some(State::Queued | State::Backoff { .. } | State::Live) => false,
    };
    if waits {
        return Ok(ordinal);
    }
    Err(format!(
        "action `{name}`: `to_action` names `{target}`, which does not wait any more; give `{target}` a condition on the action that makes `{name}`"
    ))
}

/// Without conditions among what is new nothing can wait for itself; only then is the whole graph looked at.
fn refuse_cycles(
    task: &Task,
    links: &[(Ordinal, Vec<Ordinal>, Option<Ordinal>)],
    name_of: impl Fn(Ordinal) -> String,
) -> Result<(), String> {
    if links.iter().all(|(_, condition, _)| condition.is_empty()) {
        return Ok(());
    }
    let highest = links.iter().map(|(ordinal, ..)| *ordinal as usize + 1).max().unwrap_or_default();
    let mut waits_for: Vec<Vec<Ordinal>> =
        task.shape.plan.actions.iter().map(|action| action.condition.clone()).collect();
    waits_for.resize(waits_for.len().max(highest), Vec::new());
    for (ordinal, condition, _) in links {
        waits_for[*ordinal as usize].clone_from(condition);
    }
    for (ordinal, _, to) in links {
        if let Some(to) = to {
            waits_for[*to as usize].push(*ordinal);
        }
    }
    match manifest::find_cycle(&waits_for) {
        None => Ok(()),
        Some(cycle) => {
            Err(manifest::Error::Cycle { path: cycle.into_iter().map(name_of).collect() }.to_string())
        }
    }
}

fn has_succeeded(task: &Task, ordinal: Ordinal) -> bool {
    task.action(ordinal).is_some_and(|action| action.state == State::Done(Status::Success))
}
