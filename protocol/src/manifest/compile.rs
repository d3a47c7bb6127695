//! The manifest as a whole: its actions, who waits for whom, its event actions and its output action.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map, Value};

use super::error::{Error, Place};
use super::fields::{Fields, kind};
use super::warning::{Warning, Warnings};
use super::{MAX_ACTIONS, action, grammar, graph, json, names};
use crate::plan::{ActionPlan, Ordinal, Plan};

/// How to read a manifest.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Refuse what is otherwise a warning.
    pub strict: bool,
    /// Tells whether the app has a file or directory, by its path from the app's root without a leading or trailing `/`.
    /// None: the app is not at hand, and an `env` with a `/` is believed.
    pub has_path: Option<&'a dyn Fn(&str) -> bool>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("strict", &self.strict)
            .field("has_path", &self.has_path.is_some())
            .finish()
    }
}

/// A manifest that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub plan: Plan,
    pub warnings: Vec<Warning>,
}

/// Compiles a manifest, the bytes of `configuration.json`, to a plan.
///
/// # Errors
/// The first rule that is broken: of the text, then of each action in turn, then of the conditions.
pub fn parse(bytes: &[u8], options: &Options<'_>) -> Result<Parsed, Error> {
    let manifest = match json::parse(bytes)? {
        Value::Object(members) => members,
        other => return Err(Error::NotAnObject { found: kind(&other) }),
    };
    let mut warnings = Warnings::default();
    let fields = Fields::new(&Place::Manifest, &manifest);
    fields.warn_of_unknown(grammar::TOP, &mut warnings);

    let mut raw = Vec::new();
    let mut actions = read_actions(&fields, &mut raw, options, &mut warnings)?;
    let ordinals: HashMap<String, Ordinal> =
        actions.iter().zip(0..).map(|(action, ordinal)| (action.name.clone(), ordinal)).collect();
    let mut waits_for = Vec::with_capacity(actions.len());
    for (action, members) in actions.iter().zip(&raw) {
        waits_for.push(read_condition(&action.name, members, &actions, &ordinals, &mut warnings)?);
    }
    if let Some(cycle) = graph::find_cycle(&waits_for) {
        let path = cycle.iter().map(|ordinal| actions[*ordinal as usize].name.clone()).collect();
        return Err(Error::Cycle { path });
    }
    for (action, condition) in actions.iter_mut().zip(waits_for) {
        action.condition = condition;
    }

    let [on_success, on_fail] = read_events(&fields, options, &mut warnings)?;
    let output_action = read_output(&fields, &actions, &ordinals)?;
    let count = warnings.count();
    let warnings = warnings.into_list();
    match warnings.first() {
        Some(first) if options.strict => Err(Error::Strict { first: first.clone(), more: count - 1 }),
        _ => Ok(Parsed {
            plan: Plan { actions, on_success, on_fail, output_action, locks: Default::default() },
            warnings,
        }),
    }
}

/// Reads the actions without their conditions, which may name actions further down; `raw` gets their members.
fn read_actions<'m>(
    fields: &Fields<'m>,
    raw: &mut Vec<&'m Map<String, Value>>,
    options: &Options<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<ActionPlan>, Error> {
    let items = match fields.get("actions").ok_or_else(|| fields.missing("actions"))? {
        Value::Array(items) => items,
        other => return Err(fields.wrong_kind("actions", "a list of actions", other)),
    };
    if items.is_empty() {
        return Err(Error::NoActions);
    }
    if items.len() > MAX_ACTIONS {
        return Err(Error::TooManyActions { count: items.len() });
    }
    let mut actions = Vec::with_capacity(items.len());
    let mut taken: HashMap<&str, usize> = HashMap::with_capacity(items.len());
    for (item, nth) in items.iter().zip(1..) {
        let Value::Object(members) = item else {
            return Err(fields.wrong_kind(&format!("actions[{}]", nth - 1), "an object", item));
        };
        let name = check_name(nth, members)?;
        if let Some(taken_by) = taken.insert(name, nth) {
            return Err(Error::DuplicateName { nth, name: name.to_owned(), taken_by });
        }
        let place = Place::Action(name.to_owned());
        let action = Fields::new(&place, members);
        action.warn_of_unknown(grammar::ACTION, warnings);
        actions.push(action::read(name, &action, options, warnings)?);
        raw.push(members);
    }
    Ok(actions)
}

/// The name of an action, where it keeps the rules.
pub(super) fn check_name(nth: usize, members: &Map<String, Value>) -> Result<&str, Error> {
    let place = Place::Nth(nth);
    let fields = Fields::new(&place, members);
    let name = match members.get("name") {
        None | Some(Value::Null) => return Err(fields.missing("name")),
        Some(Value::String(name)) => name.as_str(),
        Some(other) => return Err(fields.wrong_kind("name", "a string", other)),
    };
    if let Some(rule) = names::broken_rule(name) {
        return Err(Error::UnsafeName { nth, name: name.to_owned(), rule });
    }
    if names::RESERVED.contains(&name) {
        return Err(Error::ReservedName { nth, name: name.to_owned() });
    }
    Ok(name)
}

fn read_condition(
    action: &str,
    members: &Map<String, Value>,
    actions: &[ActionPlan],
    ordinals: &HashMap<String, Ordinal>,
    warnings: &mut Warnings,
) -> Result<Vec<Ordinal>, Error> {
    let place = Place::Action(action.to_owned());
    let fields = Fields::new(&place, members);
    let items = match fields.get("condition") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(fields.wrong_kind("condition", "a list of action names", other)),
    };
    let mut condition = Vec::with_capacity(items.len());
    let mut seen = HashSet::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let Value::String(name) = item else {
            return Err(fields.wrong_kind(&format!("condition[{position}]"), "the name of an action", item));
        };
        let Some(ordinal) = ordinals.get(name) else {
            let (action, nearest) = (action.to_owned(), nearest_action(name, actions));
            return Err(Error::UnknownCondition { action, name: name.clone(), nearest });
        };
        if seen.insert(*ordinal) {
            condition.push(*ordinal);
        } else {
            warnings.push(Warning::RepeatedCondition { place: place.clone(), name: name.clone() });
        }
    }
    Ok(condition)
}

fn nearest_action(name: &str, actions: &[ActionPlan]) -> Option<String> {
    grammar::nearest(name, actions.iter().map(|action| action.name.as_str())).map(str::to_owned)
}

/// Reads the event actions, success first.
fn read_events(
    manifest: &Fields<'_>,
    options: &Options<'_>,
    warnings: &mut Warnings,
) -> Result<[Option<ActionPlan>; 2], Error> {
    let mut plans = [None, None];
    let Some(value) = manifest.get_unless_false("event_actions") else { return Ok(plans) };
    let events = manifest.object("event_actions", value)?;
    events.warn_of_unknown(grammar::EVENTS, warnings);
    for (event, plan) in names::RESERVED.iter().zip(&mut plans) {
        let Some(value) = events.get(event) else { continue };
        let Value::Object(members) = value else {
            return Err(events.wrong_kind(event, "an object", value));
        };
        let place = Place::Event(event);
        let fields = Fields::new(&place, members);
        fields.warn_of_unknown(grammar::ACTION, warnings);
        for key in grammar::NOT_OF_EVENTS {
            if fields.get(key).is_some() {
                warnings.push(Warning::NoEffect { place: place.clone(), key });
            }
        }
        *plan = Some(action::read(event, &fields, options, warnings)?);
    }
    Ok(plans)
}

/// Reads `output_action`; an empty one is LitePipeline's way to have none, because it wants the key.
fn read_output(
    manifest: &Fields<'_>,
    actions: &[ActionPlan],
    ordinals: &HashMap<String, Ordinal>,
) -> Result<Option<Ordinal>, Error> {
    let Some(name) = manifest.text("output_action")?.filter(|name| !name.is_empty()) else { return Ok(None) };
    match ordinals.get(name) {
        Some(ordinal) => Ok(Some(*ordinal)),
        None => Err(Error::UnknownOutput { name: name.to_owned(), nearest: nearest_action(name, actions) }),
    }
}
