//! A task and its actions: what each of them waits for, does, or has come to.
//!
//! An action's state is a function of the plan and the attempts on record ([`Task::restore`]); the live machine in `progress`
//! comes to the same states step by step. There are therefore no rows for actions, and a crash cannot leave one that contradicts its attempts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::plan::{ActionPlan, Ordinal};
use lp_protocol::{Exit, Stage, Status};

use super::record::{AttemptRecord, FAIL_EVENT, SUCCESS_EVENT, TaskRecord};
use super::retry::{self, MAX_LOSSES, Next};
use super::shape::{Class, Shape};
use super::targets::Targets;
use super::time::Now;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// So many actions of its condition have not succeeded yet; for an event action, its event has not happened.
    Waiting {
        missing: u32,
    },
    /// In the queue.
    Queued,
    /// Between two attempts; `due` on the monotonic clock, `retry_at` on the other.
    Backoff {
        due: Duration,
        retry_at: DateTime<Utc>,
    },
    /// Its newest attempt is with a node.
    Live,
    Done(Status),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) state: State,
    /// Highest attempt number given out, over all runs.
    pub(super) attempts: u32,
    /// Attempts of this run that failed by themselves.
    pub(super) failures: u32,
    /// Attempts of this run that were lost or stopped by somebody.
    pub(super) losses: u32,
    /// The last attempt of this run ended because it was stopped.
    pub(super) last_stopped: bool,
}

impl Action {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Waiting { missing: 0 },
            attempts: 0,
            failures: 0,
            losses: 0,
            last_stopped: false,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Takes the end of an attempt of this run into the counts.
    pub(super) fn count(&mut self, exit: &Exit) {
        self.failures += u32::from(retry::counts_as_failure(exit));
        self.losses += u32::from(matches!(exit, Exit::Lost { .. } | Exit::Stopped { .. }));
        self.last_stopped = matches!(exit, Exit::Stopped { .. });
    }

    /// What becomes of it when its task starts nothing any more.
    pub(super) fn halted_status(&self, halt: Halt) -> Status {
        let unstarted = self.failures + self.losses == 0;
        match halt {
            Halt::Stopped if unstarted => Status::Cancel,
            Halt::Failed if unstarted => Status::Skipped,
            Halt::Stopped if self.last_stopped => Status::Kill,
            Halt::Stopped if self.failures == 0 && self.losses <= MAX_LOSSES => Status::Kill,
            Halt::Stopped | Halt::Failed => Status::Fail,
        }
    }
}

/// Why a task starts nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    Stopped,
    /// One of its actions has failed for good.
    Failed,
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) record: TaskRecord,
    pub(super) shape: Arc<Shape>,
    /// Classes of its own, where its input has a `target_env`.
    pub(super) targets: Option<Box<Targets>>,
    /// By slot: the event actions, then the plan's.
    pub(super) actions: Vec<Action>,
    /// An attempt of this run exists.
    pub(super) begun: bool,
    pub(super) failed: bool,
    /// Actions of the plan that are not done.
    unsettled: u32,
    /// Of versions the task has left.
    past: Option<Box<Past>>,
}

/// Attempt numbers that places and names have had in versions a task has left: actions made at run time may take them again.
#[derive(Debug, Default)]
struct Past {
    by_place: BTreeMap<Ordinal, u32>,
    by_name: BTreeMap<Box<str>, u32>,
}

impl Task {
    /// A task as its rows tell it. `attempts` are those of this task, every run, ascending by id.
    pub(super) fn restore(
        record: TaskRecord,
        shape: Arc<Shape>,
        attempts: &[AttemptRecord],
        now: Now,
    ) -> Self {
        let actions = vec![Action::new(); shape.slots()];
        let mut task = Self {
            actions,
            begun: false,
            failed: false,
            unsettled: 0,
            record,
            shape,
            targets: None,
            past: None,
        };
        let mut last: Vec<Option<&AttemptRecord>> = vec![None; task.shape.slots()];
        for attempt in attempts {
            task.take_number(attempt);
            let Some(slot) = task.shape.slot(attempt.id.action) else { continue };
            if attempt.run == task.record.run {
                if let Some(exit) = &attempt.exit {
                    task.actions[slot].count(exit);
                }
                task.begun = true;
                last[slot] = Some(attempt);
            } else if attempt.counts_in == task.record.run {
                task.actions[slot].state = State::Done(Status::Success);
            }
        }
        for (slot, attempt) in last.into_iter().enumerate() {
            if let Some(attempt) = attempt {
                task.actions[slot].state = task.state_after(slot, attempt, now);
            }
        }
        // without a failed action only where the task failed as a whole, or could not be started
        task.failed = matches!(task.record.status, Some(Status::Fail | Status::Error))
            || task.plain_actions().iter().any(|action| action.state == State::Done(Status::Fail));
        task.resolve_unstarted();
        task.resolve_event();
        task.unsettled = task.plain_actions().iter().filter(|action| !action.is_done()).count() as u32;
        task
    }

    /// No attempt of the same place or of the same name has had the number of a later one, whatever version it was of.
    fn take_number(&mut self, attempt: &AttemptRecord) {
        let number = attempt.id.number;
        let by_name = attempt.name.as_deref().and_then(|name| self.shape.ordinal(name));
        for ordinal in [Some(attempt.id.action), by_name].into_iter().flatten() {
            if let Some(action) = self.action_mut(ordinal) {
                action.attempts = action.attempts.max(number);
            }
        }
        if let Some(name) = &attempt.name {
            let past = self.past.get_or_insert_default();
            let by_place = past.by_place.entry(attempt.id.action).or_default();
            *by_place = number.max(*by_place);
            let by_name = past.by_name.entry(name.clone()).or_default();
            *by_name = number.max(*by_name);
        }
    }

    /// Takes an action that was made at run time: a new one, or one in the place of a retired one of its name, whose attempts it goes on
    /// counting.
    pub(super) fn put(&mut self, ordinal: Ordinal, plan: ActionPlan, state: State) {
        let past = self.past.as_deref();
        let by_name = past.and_then(|past| past.by_name.get(plan.name.as_str()));
        let numbers = [past.and_then(|past| past.by_place.get(&ordinal)), by_name];
        let attempts = numbers.into_iter().flatten().copied().max().unwrap_or_default();
        Arc::make_mut(&mut self.shape).put(ordinal, plan);
        match self.shape.slot(ordinal).and_then(|slot| self.actions.get_mut(slot)) {
            Some(action) => {
                *action = Action { attempts: action.attempts.max(attempts), state, ..Action::new() }
            }
            None => self.actions.push(Action { attempts, state, ..Action::new() }),
        }
        self.unsettled += u32::from(!matches!(state, State::Done(_)));
    }

    /// What waits for this action need not wait any more: it has succeeded, or it is history, and what had made it has run again and
    /// has not made it.
    fn is_satisfied(&self, mut ordinal: Ordinal) -> bool {
        loop {
            match self.plan(ordinal).and_then(|plan| plan.generated) {
                Some(generation) if generation.retired => ordinal = generation.by,
                _ => {
                    return self
                        .action(ordinal)
                        .is_some_and(|action| action.state == State::Done(Status::Success));
                }
            }
        }
    }

    /// The one way an action's state changes after the task was opened.
    pub(super) fn set_state(&mut self, ordinal: Ordinal, state: State) {
        let Some(action) = self.action_mut(ordinal) else { return };
        let was_done = action.is_done();
        action.state = state;
        let is_done = action.is_done();
        if ordinal < SUCCESS_EVENT {
            self.unsettled += u32::from(was_done && !is_done);
            self.unsettled -= u32::from(!was_done && is_done);
        }
    }

    pub(super) fn halt(&self) -> Option<Halt> {
        if self.record.stop.is_some() {
            Some(Halt::Stopped)
        } else if self.failed {
            Some(Halt::Failed)
        } else {
            None
        }
    }

    /// How it ends, once every action is done.
    pub(super) fn outcome(&self) -> Status {
        match self.halt() {
            Some(Halt::Stopped) => Status::Kill,
            Some(Halt::Failed) => Status::Fail,
            None => Status::Success,
        }
    }

    /// Every action but the event actions is done.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    fn plain_actions(&self) -> &[Action] {
        &self.actions[self.shape.events()..]
    }

    /// The ordinal of the event action for the way the task ended, if the plan has one.
    pub(super) fn due_event(&self) -> Option<Ordinal> {
        let event = if self.outcome() == Status::Success { SUCCESS_EVENT } else { FAIL_EVENT };
        self.shape.slot(event).map(|_| event)
    }

    pub(super) fn action(&self, ordinal: Ordinal) -> Option<&Action> {
        self.shape.slot(ordinal).and_then(|slot| self.actions.get(slot))
    }

    pub(super) fn action_mut(&mut self, ordinal: Ordinal) -> Option<&mut Action> {
        self.shape.slot(ordinal).and_then(|slot| self.actions.get_mut(slot))
    }

    pub(super) fn plan(&self, ordinal: Ordinal) -> Option<&ActionPlan> {
        self.shape.action(ordinal)
    }

    /// What an action of this task asks of a node.
    pub(super) fn class(&self, ordinal: Ordinal) -> Option<&Arc<Class>> {
        let own = self.targets.as_ref().and_then(|targets| targets.class(ordinal));
        own.or_else(|| self.shape.class(ordinal))
    }

    pub(super) fn priority(&self, ordinal: Ordinal) -> i64 {
        i64::from(self.record.priority) + self.plan(ordinal).map_or(0, |plan| i64::from(plan.priority))
    }

    /// Every action with its ordinal, the event actions last.
    pub(super) fn all_actions(&self) -> impl Iterator<Item = (Ordinal, &Action)> {
        self.shape.ordinals().filter_map(|ordinal| Some((ordinal, self.action(ordinal)?)))
    }

    fn state_after(&self, slot: usize, attempt: &AttemptRecord, now: Now) -> State {
        let (Some(exit), Some(plan)) = (&attempt.exit, self.plan(attempt.id.action)) else {
            return State::Live;
        };
        if exit.is_success() {
            return State::Done(Status::Success);
        }
        if attempt.id.action >= SUCCESS_EVENT && matches!(exit, Exit::Stopped { .. }) {
            return State::Done(Status::Kill);
        }
        let action = &self.actions[slot];
        match retry::next(&plan.retry, exit, action.failures, action.losses, attempt.id) {
            Next::Never => State::Done(Status::Fail),
            Next::Now => State::Waiting { missing: 0 },
            Next::After(wait) => {
                let retry_at = attempt.end_at.unwrap_or(attempt.assign_at) + wait;
                // a clock set back while the manager was down must not make the wait longer than it is
                let rest = (retry_at - now.wall).to_std().unwrap_or_default().min(wait);
                State::Backoff { due: now.mono + rest, retry_at }
            }
        }
    }

    /// Gives a state to the actions that neither run nor are done: what they wait for, or, where nothing starts any more, their end.
    fn resolve_unstarted(&mut self) {
        let satisfied: Vec<bool> =
            (0..self.shape.actions() as Ordinal).map(|it| self.is_satisfied(it)).collect();
        let halt = self.halt();
        let events = self.shape.events();
        for (ordinal, plan) in self.shape.plan.actions.iter().enumerate() {
            if plan.is_retired() {
                self.actions[events + ordinal].state = State::Done(Status::Skipped);
                continue;
            }
            let missing = plan.condition.iter().filter(|parent| !satisfied[**parent as usize]).count() as u32;
            let action = &mut self.actions[events + ordinal];
            match (action.state, halt) {
                (State::Live | State::Done(Status::Success), _) => {}
                (_, Some(halt)) => action.state = State::Done(action.halted_status(halt)),
                (State::Backoff { .. } | State::Done(_), None) => {}
                (State::Waiting { .. } | State::Queued, None) => {
                    action.state = if missing == 0 { State::Queued } else { State::Waiting { missing } };
                }
            }
        }
    }

    /// The event action whose event has happened and that has no attempt yet is to be queued.
    fn resolve_event(&mut self) {
        if self.record.status.is_none() {
            return;
        }
        let is_finished = self.record.stage == Stage::Finished;
        if let Some(action) = self.due_event().and_then(|event| self.action_mut(event))
            && matches!(action.state, State::Waiting { .. })
            && !is_finished
        {
            action.state = State::Queued;
        }
    }
}
