//! Actions made at run time: the `actions` in an action's `output.data`.
//!
//! Each is written like an action of the manifest, and has two keys of its own: `input_data`, which only it gets, and `to_action`, the action that
//! waits for it and receives its output. Names are resolved by the manager, which knows the task. Unknown keys are passed over: the
//! program that wrote them has ended and nobody would read a warning.

use serde_json::Value;
use serde_json::value::RawValue;

use super::action;
use super::compile::{Options, check_name};
use super::error::{Error, Place};
use super::fields::{Fields, kind};
use super::warning::Warnings;
use crate::plan::ActionPlan;

/// An action that asks to be part of its task; its plan's own condition is empty.
#[derive(Clone, Debug)]
pub struct Generated {
    pub plan: ActionPlan,
    /// Names of actions that must have succeeded before.
    pub condition: Vec<String>,
    /// The action that is to wait for it.
    pub to_action: Option<String>,
    /// A JSON object.
    pub input: Option<Box<RawValue>>,
}

#[derive(serde::Deserialize)]
struct Output {
    #[serde(default)]
    actions: Option<Box<RawValue>>,
}

/// The part that is handed on as it was written: numbers keep their digits.
#[derive(serde::Deserialize)]
struct Raw {
    #[serde(default)]
    input_data: Option<Box<RawValue>>,
}

/// Reads the actions an output asks for; none is the usual case and costs next to nothing. `output` is a JSON object.
///
/// # Errors
/// The first rule that one of them breaks.
pub fn parse_generated(output: &RawValue) -> Result<Vec<Generated>, Error> {
    if !output.get().contains("\"actions\"") {
        return Ok(Vec::new());
    }
    // what the node lets through is JSON, and an object
    let written = serde_json::from_str::<Output>(output.get()).ok().and_then(|output| output.actions);
    let Some(written) = written.filter(|written| written.get() != "null") else { return Ok(Vec::new()) };
    match serde_json::from_str::<Vec<Box<RawValue>>>(written.get()) {
        Ok(items) => items.iter().zip(1..).map(|(item, nth)| read(item, nth)).collect(),
        Err(_) => Err(Error::Wrong {
            place: Place::Manifest,
            key: "actions".into(),
            wanted: "a list of actions".into(),
            found: kind(&serde_json::from_str(written.get()).unwrap_or_default()).into(),
        }),
    }
}

fn read(item: &RawValue, nth: usize) -> Result<Generated, Error> {
    let value: Value = serde_json::from_str(item.get()).unwrap_or_default();
    let Value::Object(members) = &value else {
        return Err(Error::Wrong {
            place: Place::Manifest,
            key: format!("actions[{}]", nth - 1).into(),
            wanted: "an object".into(),
            found: kind(&value).into(),
        });
    };
    let name = check_name(nth, members)?;
    let place = Place::Action(name.to_owned());
    let fields = Fields::new(&place, members);
    Ok(Generated {
        plan: action::read(name, &fields, &Options::default(), &mut Warnings::default())?,
        condition: condition(&fields)?,
        to_action: fields.text("to_action")?.filter(|name| !name.is_empty()).map(str::to_owned),
        input: input(&fields, item)?,
    })
}

fn condition(fields: &Fields<'_>) -> Result<Vec<String>, Error> {
    let items = match fields.get("condition") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(fields.wrong_kind("condition", "a list of action names", other)),
    };
    let mut names = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let Value::String(name) = item else {
            return Err(fields.wrong_kind(&format!("condition[{position}]"), "the name of an action", item));
        };
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

fn input(fields: &Fields<'_>, item: &RawValue) -> Result<Option<Box<RawValue>>, Error> {
    match fields.get("input_data") {
        None => Ok(None),
        Some(Value::Object(members)) if members.is_empty() => Ok(None),
        Some(Value::Object(_)) => {
            Ok(serde_json::from_str::<Raw>(item.get()).ok().and_then(|raw| raw.input_data))
        }
        Some(other) => Err(fields.wrong_kind("input_data", "an object", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Command;

    fn generated(text: &str) -> Result<Vec<Generated>, String> {
        parse_generated(&RawValue::from_string(text.to_owned()).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_helper_writes_is_read() {
        let text = r#"{"data": {}, "actions": [{"name": "s0", "main": "python s.py", "condition": [], "input_data": {"n": 1.10}, "to_action": "third", "env": "venvs/venv"}]}"#;

        let one = generated(text).unwrap().remove(0);

        assert_eq!(one.plan.name, "s0");
        assert_eq!(one.plan.command, Command::Line("python s.py".into()));
        assert_eq!(one.to_action.as_deref(), Some("third"));
        assert_eq!(one.input.unwrap().get(), r#"{"n": 1.10}"#);
    }

    #[test]
    fn conditions_and_inputs_may_be_left_out_and_no_actions_are_none() {
        assert!(generated(r#"{"data": {"actions": 3}}"#).unwrap().is_empty());
        assert!(generated(r#"{"actions": []}"#).unwrap().is_empty());
        assert!(generated(r#"{"actions": null}"#).unwrap().is_empty());
        let one = generated(r#"{"actions": [{"name": "a", "main": "x"}]}"#).unwrap().remove(0);
        assert!(one.condition.is_empty() && one.input.is_none() && one.to_action.is_none());
    }

    #[test]
    fn a_bad_one_is_named_with_its_rule() {
        for (text, message) in [
            (r#"{"actions": {}}"#, "`actions` must be a list of actions, found an object"),
            (r#"{"actions": [1]}"#, "`actions[0]` must be an object, found a number"),
            (r#"{"actions": [{"main": "x"}]}"#, "action 1: `name` is missing"),
            (r#"{"actions": [{"name": "a"}]}"#, "action `a`: `main` is missing"),
            (
                r#"{"actions": [{"name": "../a", "main": "x"}]}"#,
                "action 1: the name `../a` must not contain `/` or `\\`",
            ),
            (
                r#"{"actions": [{"name": "fail", "main": "x"}]}"#,
                "action 1: the name `fail` is reserved for the event action `fail`",
            ),
            (
                r#"{"actions": [{"name": "a", "main": "x", "condition": "b"}]}"#,
                "action `a`: `condition` must be a list of action names, found a string",
            ),
            (
                r#"{"actions": [{"name": "a", "main": "x", "input_data": [1]}]}"#,
                "action `a`: `input_data` must be an object, found a list",
            ),
        ] {
            assert_eq!(generated(text).unwrap_err(), message, "{text}");
        }
    }
}
