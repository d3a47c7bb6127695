//! What the core knows of a plan besides the plan: who waits for whom, and which actions ask the same of a node.
//!
//! One shape serves all open tasks of a version, so that a queued task costs its own state and no more. A task that makes actions while
//! it runs gets one of its own.

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

#[derive(Clone, Debug)]
pub struct Shape {
    pub plan: Arc<Plan>,
    classes: Vec<Arc<Class>>,
    event_classes: [Option<Arc<Class>>; 2],
    /// For each action those that have it in their condition.
    children: Vec<Vec<Ordinal>>,
    ordinals: BTreeMap<String, Ordinal>,
    /// Some of the actions made at run time are history.
    has_retired: bool,
}

impl Shape {
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut children = vec![Vec::new(); plan.actions.len()];
        for (ordinal, action) in plan.actions.iter().enumerate().filter(|(_, action)| !action.is_retired()) {
            for &parent in &action.condition {
                children[parent as usize].push(ordinal as Ordinal);
            }
        }
        let class = |action: &ActionPlan| Arc::new(Class::of(action));
        Self {
            has_retired: plan.actions.iter().any(ActionPlan::is_retired),
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

    /// Puts an action that was made at run time in its place: a new one at the end, or that of a retired one of its name. The action it is
    /// made for waits for it from now on.
    pub(super) fn put(&mut self, ordinal: Ordinal, action: ActionPlan) {
        let index = ordinal as usize;
        let plan = Arc::make_mut(&mut self.plan);
        let class = Arc::new(Class::of(&action));
        for &parent in &action.condition {
            if let Some(children) = self.children.get_mut(parent as usize) {
                children.push(ordinal);
            }
        }
        let to = action.generated.and_then(|generation| generation.to);
        if index == plan.actions.len() {
            self.ordinals.insert(action.name.clone(), ordinal);
            plan.actions.push(action);
            self.classes.push(class);
            self.children.push(Vec::new());
        } else if let (Some(slot), Some(own)) = (plan.actions.get_mut(index), self.classes.get_mut(index)) {
            *slot = action;
            *own = class;
        }
        if let Some(to) = to
            && let Some(target) = plan.actions.get_mut(to as usize)
        {
            target.condition.push(ordinal);
            self.children[index].push(to);
        }
    }

    /// Makes room for the children of actions that are put later in the same go.
    pub(super) fn reserve(&mut self, actions: usize) {
        self.classes.reserve(actions);
        self.children.reserve(actions);
        Arc::make_mut(&mut self.plan).actions.reserve(actions);
    }

    /// Number of actions without the event actions.
    pub fn actions(&self) -> usize {
        self.plan.actions.len()
    }

    /// Number of actions with the event actions, which come first: their slots stay when actions are added.
    pub fn slots(&self) -> usize {
        self.actions() + self.events()
    }

    pub(super) fn events(&self) -> usize {
        self.event_classes.iter().flatten().count()
    }

    /// Index of an ordinal's action among the slots.
    pub fn slot(&self, ordinal: Ordinal) -> Option<usize> {
        match ordinal {
            SUCCESS_EVENT => self.event_classes[0].as_ref().map(|_| 0),
            FAIL_EVENT => self.event_classes[1].as_ref().map(|_| self.events() - 1),
            _ => Some(ordinal as usize).filter(|index| *index < self.actions()).map(|i| i + self.events()),
        }
    }

    /// All ordinals, those of the event actions last.
    pub fn ordinals(&self) -> impl Iterator<Item = Ordinal> + use<> {
        let events = [SUCCESS_EVENT, FAIL_EVENT];
        let has: [bool; 2] = std::array::from_fn(|event| self.event_classes[event].is_some());
        let events = events.into_iter().zip(has).filter_map(|(ordinal, has)| has.then_some(ordinal));
        (0..self.actions() as Ordinal).chain(events)
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

    /// The retired actions that this one had made, in an earlier run, and that were not made again.
    pub(super) fn retired_of(&self, maker: Ordinal) -> Vec<Ordinal> {
        if !self.has_retired {
            return Vec::new();
        }
        let is_its =
            |action: &ActionPlan| action.generated.is_some_and(|made| made.retired && made.by == maker);
        (0..)
            .zip(&self.plan.actions)
            .filter(|(_, action)| is_its(action))
            .map(|(ordinal, _)| ordinal)
            .collect()
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
