//! What the core knows of a plan besides the plan: who waits for whom, and which actions ask the same of a node.
//!
//! One shape serves all open tasks of a version, so that a queued task costs its own state and no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::{ActionPlan, Ordinal, Plan, Resources, TargetEnv};

use super::record::{FAIL_EVENT, SUCCESS_EVENT};

/// What an action asks of a node. Actions of one class wait in one line: if the first finds no place, none does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    pub resources: Resources,
    pub target: TargetEnv,
    pub docker: bool,
}

impl Class {
    fn of(action: &ActionPlan) -> Self {
        Self {
            resources: action.resources.clone(),
            target: action.target.clone(),
            docker: action.docker.is_some(),
        }
    }

    /// Asks for a slot and nothing else: such an action may be sent ahead to wait on its node.
    pub fn is_plain(&self) -> bool {
        self.resources == Resources::default()
    }
}

#[derive(Debug)]
pub struct Shape {
    pub plan: Arc<Plan>,
    classes: Vec<Arc<Class>>,
    event_classes: [Option<Arc<Class>>; 2],
    /// For each action those that have it in their condition.
    children: Vec<Vec<Ordinal>>,
    ordinals: BTreeMap<String, Ordinal>,
}

impl Shape {
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut children = vec![Vec::new(); plan.actions.len()];
        for (ordinal, action) in plan.actions.iter().enumerate() {
            for &parent in &action.condition {
                children[parent as usize].push(ordinal as Ordinal);
            }
        }
        let class = |action: &ActionPlan| Arc::new(Class::of(action));
        Self {
            classes: plan.actions.iter().map(class).collect(),
            event_classes: [plan.on_success.as_ref().map(class), plan.on_fail.as_ref().map(class)],
            children,
            ordinals: plan
                .actions
                .iter()
                .enumerate()
                .map(|(i, action)| (action.name.clone(), i as Ordinal))
                .collect(),
            plan,
        }
    }

    /// Number of actions without the event actions.
    pub fn actions(&self) -> usize {
        self.plan.actions.len()
    }

    /// Number of actions with the event actions, which come last.
    pub fn slots(&self) -> usize {
        self.actions() + self.event_classes.iter().flatten().count()
    }

    /// Index of an ordinal's action among the slots.
    pub fn slot(&self, ordinal: Ordinal) -> Option<usize> {
        match ordinal {
            SUCCESS_EVENT => self.event_classes[0].as_ref().map(|_| self.actions()),
            FAIL_EVENT => self.event_classes[1].as_ref().map(|_| self.slots() - 1),
            _ => Some(ordinal as usize).filter(|slot| *slot < self.actions()),
        }
    }

    /// The ordinals in the order of the slots.
    pub fn ordinals(&self) -> impl Iterator<Item = Ordinal> {
        let events = [SUCCESS_EVENT, FAIL_EVENT].into_iter().zip(&self.event_classes);
        (0..self.actions() as Ordinal)
            .chain(events.filter_map(|(ordinal, class)| class.as_ref().map(|_| ordinal)))
    }

    /// The action at an ordinal, event actions included. None for an ordinal the plan does not have.
    pub fn action(&self, ordinal: Ordinal) -> Option<&ActionPlan> {
        match ordinal {
            SUCCESS_EVENT => self.plan.on_success.as_ref(),
            FAIL_EVENT => self.plan.on_fail.as_ref(),
            _ => self.plan.actions.get(ordinal as usize),
        }
    }

    pub fn class(&self, ordinal: Ordinal) -> Option<&Arc<Class>> {
        match ordinal {
            SUCCESS_EVENT => self.event_classes[0].as_ref(),
            FAIL_EVENT => self.event_classes[1].as_ref(),
            _ => self.classes.get(ordinal as usize),
        }
    }

    pub fn children(&self, ordinal: Ordinal) -> &[Ordinal] {
        self.children.get(ordinal as usize).map_or(&[], Vec::as_slice)
    }

    /// The ordinal of a name as nodes report it. The manifest keeps normal actions from being named `success` or `fail`.
    pub fn ordinal(&self, name: &str) -> Option<Ordinal> {
        match name {
            "success" if self.plan.on_success.is_some() => Some(SUCCESS_EVENT),
            "fail" if self.plan.on_fail.is_some() => Some(FAIL_EVENT),
            _ => self.ordinals.get(name).copied(),
        }
    }
}
