//! A task and its actions: what each of them waits for, does, or has come to.
//!
//! An action's state is a function of the plan and the attempts on record ([`Task::restore`]); the live machine in `progress`
//! comes to the same states step by step. There are therefore no rows for actions, and a crash cannot leave one that contradicts its attempts.

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
    pub(super) targets: Option<Targets>,
    /// By slot: the plan's, then its event actions.
    pub(super) actions: Box<[Action]>,
    /// An attempt of this run exists.
    pub(super) begun: bool,
    pub(super) failed: bool,
    /// Actions of the plan that are not done.
    unsettled: u32,
}

impl Task {
    /// A task as its rows tell it. `attempts` are those of this task, every run, ascending by id.
    pub(super) fn restore(
        record: TaskRecord,
        shape: Arc<Shape>,
        attempts: &[AttemptRecord],
        now: Now,
    ) -> Self {
        let actions = vec![Action::new(); shape.slots()].into();
        let mut task =
            Self { actions, begun: false, failed: false, unsettled: 0, record, shape, targets: None };
        let mut last: Vec<Option<&AttemptRecord>> = vec![None; task.shape.slots()];
        for attempt in attempts {
            let Some(slot) = task.shape.slot(attempt.id.action) else { continue };
            let action = &mut task.actions[slot];
            action.attempts = action.attempts.max(attempt.id.number);
            if attempt.run == task.record.run {
                if let Some(exit) = &attempt.exit {
                    action.count(exit);
                }
                task.begun = true;
                last[slot] = Some(attempt);
            }
        }
        for (slot, attempt) in last.into_iter().enumerate() {
            if let Some(attempt) = attempt {
                task.actions[slot].state = task.state_after(slot, attempt, now);
            }
        }
        // without a failed action only where the task failed as a whole
        task.failed = task.record.status == Some(Status::Fail)
            || task.plain_actions().iter().any(|action| action.state == State::Done(Status::Fail));
        task.resolve_unstarted();
        task.resolve_event();
        task.unsettled = task.plain_actions().iter().filter(|action| !action.is_done()).count() as u32;
        task
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
        &self.actions[..self.shape.actions()]
    }

    /// The ordinal of the event action for the way the task ended, if the plan has one.
    pub(super) fn due_event(&self) -> Option<Ordinal> {
        let event = if self.outcome() == Status::Success { SUCCESS_EVENT } else { FAIL_EVENT };
        self.shape.slot(event).map(|_| event)
    }

    pub(super) fn action(&self, ordinal: Ordinal) -> Option<&Action> {
        self.shape.slot(ordinal).map(|slot| &self.actions[slot])
    }

    pub(super) fn action_mut(&mut self, ordinal: Ordinal) -> Option<&mut Action> {
        self.shape.slot(ordinal).map(|slot| &mut self.actions[slot])
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
        self.shape.ordinals().zip(self.actions.iter())
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
        let succeeded: Vec<bool> =
            self.plain_actions().iter().map(|action| action.state == State::Done(Status::Success)).collect();
        let halt = self.halt();
        for ordinal in 0..self.shape.actions() {
            let missing = self.shape.plan.actions[ordinal]
                .condition
                .iter()
                .filter(|parent| !succeeded[**parent as usize])
                .count() as u32;
            let action = &mut self.actions[ordinal];
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
