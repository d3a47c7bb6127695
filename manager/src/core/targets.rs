//! Where the actions of one task may run, where its input says so (`input_data.target_env`).
//!
//! Most tasks have none and cost nothing for it: they take the classes of their version's shape. A task that has one keeps a class of its own
//! for each action that is named, and no more. What is kept is the text as it was given: a rerun under another version lays
//! it over that version's plan, and passes over actions that are no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::manifest::{self, Strangers};
use lp_protocol::plan::{Ordinal, Plan};
use serde_json::value::RawValue;

use super::Core;
use super::record::TaskSeq;
use super::shape::{Class, Shape};

/// The classes that differ from the shape's.
#[derive(Debug)]
pub(super) struct Targets(BTreeMap<Ordinal, Arc<Class>>);

impl Targets {
    pub(super) fn class(&self, ordinal: Ordinal) -> Option<&Arc<Class>> {
        self.0.get(&ordinal)
    }

    fn read(text: &str, shape: &Shape) -> Option<Self> {
        let text = RawValue::from_string(text.to_owned()).ok()?;
        let targets = manifest::target_overrides(&shape.plan, &text, Strangers::PassOver).ok()?;
        let mut classes = BTreeMap::new();
        for (name, target) in targets {
            let Some(ordinal) = shape.ordinal(&name) else { continue };
            let Some(class) = shape.class(ordinal) else { continue };
            classes.insert(ordinal, Arc::new(Class { target, ..Class::clone(class) }));
        }
        (!classes.is_empty()).then_some(Self(classes))
    }
}

/// The text of the `target_env` in a task's input, checked against the plan.
///
/// # Errors
/// What is wrong with it.
pub fn of_input(plan: &Plan, input: Option<&RawValue>) -> Result<Option<Box<str>>, manifest::Error> {
    let Some(text) = input.and_then(manifest::find_target_env) else { return Ok(None) };
    manifest::target_overrides(plan, text, Strangers::Refuse)?;
    Ok(Some(text.get().into()))
}

impl Core {
    /// Says what `target_env` a task has that is opened next, in this batch.
    pub fn offer_targets(&mut self, seq: TaskSeq, text: Box<str>) {
        self.offered_targets.insert(seq, text);
    }

    pub(super) fn take_targets(&mut self, seq: TaskSeq, shape: &Shape) -> Option<Targets> {
        let text = self.offered_targets.remove(&seq)?;
        Targets::read(&text, shape)
    }

    /// Forgets what was offered and not taken.
    pub fn withdraw_targets(&mut self) {
        self.offered_targets.clear();
    }
}
