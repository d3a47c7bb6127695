//! Where the actions of one task may run, where its input says so (`input_data.target_env`).
//!
//! Most tasks have none and cost nothing for it: they take the classes of their version's shape. A task that has one keeps a class of its own
//! for each action that is named, and no more. What is kept is the text as it was given: a rerun under another version lays
//! it over that version's plan, and passes over actions that are no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::Status;
use lp_protocol::manifest::{self, Strangers};
use lp_protocol::plan::Ordinal;
use serde_json::value::RawValue;

use super::record::{TaskRecord, TaskSeq};
use super::shape::{Class, Shape};
use super::timers::Timer;
use super::{Core, Now};

/// The classes that differ from the shape's.
#[derive(Debug)]
pub(super) struct Targets(BTreeMap<Ordinal, Arc<Class>>);

impl Targets {
    pub(super) fn class(&self, ordinal: Ordinal) -> Option<&Arc<Class>> {
        self.0.get(&ordinal)
    }

    pub(super) fn read(text: &str, shape: &Shape) -> Result<Option<Self>, String> {
        let text = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
        let targets = manifest::target_overrides(&shape.plan, &text, Strangers::PassOver)
            .map_err(|error| error.to_string())?;
        let mut classes = BTreeMap::new();
        for (name, target) in targets {
            let Some(ordinal) = shape.ordinal(&name) else { continue };
            let Some(class) = shape.class(ordinal) else { continue };
            if shape.action(ordinal).is_some_and(|action| action.generated.is_some()) {
                // says itself where it runs, and was not there when this was checked
                continue;
            }
            classes.insert(ordinal, Arc::new(Class { target, ..Class::clone(class) }));
        }
        Ok((!classes.is_empty()).then_some(Self(classes)))
    }
}

impl Core {
    /// Says what `target_env` a task has that is opened next, in this batch.
    pub fn offer_targets(&mut self, seq: TaskSeq, text: Box<str>) {
        self.offered_targets.insert(seq, text);
    }

    /// Forgets what was offered and not taken.
    pub fn withdraw_targets(&mut self) {
        self.offered_targets.clear();
    }

    /// The classes of a task that is being opened. Whoever creates a task by hand is told what is wrong with its `target_env`; where
    /// nobody is there to be told (a schedule's task, a work's, one rerun under another version) the task fails with the reason.
    pub(super) fn take_targets(
        &mut self,
        now: Now,
        record: &mut TaskRecord,
        shape: &Shape,
    ) -> Option<Targets> {
        let text = self.offered_targets.remove(&record.seq)?;
        match Targets::read(&text, shape) {
            Ok(targets) => targets,
            Err(reason) => {
                record.status = Some(Status::Fail);
                record.reason = Some(format!("its input_data cannot be used: {reason}").into());
                // not in the middle of whatever opens it
                self.timers.set(now.mono, Timer::Settle(record.seq));
                None
            }
        }
    }
}
