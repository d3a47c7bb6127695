//! `target_env` of a task: conditions on nodes that are given with the input and laid over the manifest's.
//!
//! `{"target_env": {"train": {"labels": {"gpu": "a100"}}}}` in the input of a task says where its action `train` may run. Each key that is
//! given takes the place of the manifest's; labels are laid over one by one. The rules are those of the manifest, and a wrong one is
//! refused when the task is created, for it would otherwise wait for a node that cannot exist.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{Error, Place};
use super::fields::Fields;
use super::{grammar, site};
use crate::plan::{ActionPlan, Plan, TargetEnv};

/// What is done about the name of an action that the plan does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// Somebody is there to correct it.
    Refuse,
    /// The task was made for another version of its application.
    PassOver,
}

#[derive(Deserialize)]
struct Input<'i> {
    #[serde(borrow)]
    target_env: Option<&'i RawValue>,
}

/// The text of the `target_env` in a task's input, if there is one. Costs a search of the text where there is none.
pub fn find_target_env(input: &RawValue) -> Option<&RawValue> {
    if !input.get().contains("\"target_env\"") {
        return None;
    }
    // what is no object was refused elsewhere
    let input: Input<'_> = serde_json::from_str(input.get()).ok()?;
    input.target_env.filter(|text| !matches!(text.get(), "{}" | "\"\"" | "false"))
}

/// Reads a task's `target_env`: by name of the action, its whole target, the manifest's with the task's laid over.
///
/// # Errors
/// The rules of `target_env` in a manifest; `UnknownTargeted` where an action is named that is none.
pub fn target_overrides(
    plan: &Plan,
    target_env: &RawValue,
    strangers: Strangers,
) -> Result<BTreeMap<String, TargetEnv>, Error> {
    let kind = "an object: the conditions of each action under its name";
    let manifest = serde_json::Map::new();
    let top = Fields::new(&Place::Manifest, &manifest);
    let value: Value = serde_json::from_str(target_env.get()).unwrap_or_default();
    let Value::Object(members) = &value else { return Err(top.wrong_kind("target_env", kind, &value)) };
    let events = plan.on_success.iter().chain(&plan.on_fail);
    let actions: HashMap<&str, &ActionPlan> =
        plan.actions.iter().chain(events).map(|action| (action.name.as_str(), action)).collect();
    let mut targets = BTreeMap::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let Some(action) = actions.get(name.as_str()) else {
            if strangers == Strangers::PassOver {
                continue;
            }
            let nearest = grammar::nearest(name, actions.keys().copied()).map(str::to_owned);
            return Err(Error::UnknownTargeted { name: name.clone(), nearest });
        };
        let place = Place::Action(name.clone());
        let none = serde_json::Map::new();
        let fields = Fields::new(&place, &none).object("target_env", value)?;
        let own = site::read_conditions(&fields)?;
        targets.insert(name.clone(), own.laid_over(&action.target));
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Options, parse};

    fn plan() -> Plan {
        let manifest = br#"{"actions": [
            {"name": "train", "main": "x", "target_env": {"platform": "x86_64", "labels": {"gpu": "a100", "rack": "1"}}},
            {"name": "pack", "main": "x"}],
            "event_actions": {"fail": {"main": "x"}}}"#;
        parse(manifest, &Options::default()).unwrap().plan
    }

    fn read(text: &str) -> Result<BTreeMap<String, TargetEnv>, Error> {
        target_overrides(&plan(), &RawValue::from_string(text.to_owned()).unwrap(), Strangers::Refuse)
    }

    #[test]
    fn a_tasks_conditions_are_laid_over_the_manifests() {
        let text = r#"{"train": {"node_ip": "10.0.0.1", "labels": {"gpu": ["h100", "a100"]}}, "fail": {"platform": "aarch64"}, "pack": null}"#;

        let targets = read(text).unwrap();

        let train = &targets["train"];
        assert_eq!(train.platform.as_deref(), Some("x86_64"), "what is not given stays");
        assert_eq!(train.node_ip.as_deref(), Some("10.0.0.1"));
        assert_eq!(train.labels["gpu"].to_string(), "a100, h100");
        assert_eq!(train.labels["rack"].to_string(), "1");
        assert_eq!(targets["fail"].platform.as_deref(), Some("aarch64"));
        assert_eq!(targets.len(), 2);
    }

    #[test]
    fn a_wrong_one_is_refused_by_its_place() {
        for (text, message) in [
            (
                r#""x""#,
                "`target_env` must be an object: the conditions of each action under its name, found a string",
            ),
            (r#"{"trian": {}}"#, "`target_env` names the unknown action `trian`; did you mean `train`?"),
            (r#"{"train": 1}"#, "action `train`: `target_env` must be an object, found a number"),
            (r#"{"train": {"gpu": 1}}"#, "action `train`: `target_env` has the unknown key `gpu`"),
            (
                r#"{"train": {"platform": 1}}"#,
                "action `train`: `target_env.platform` must be a string, found a number",
            ),
            (
                r#"{"train": {"labels": {"gpu": []}}}"#,
                "action `train`: `target_env.labels.gpu` must name at least one value",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), message, "{text}");
        }
        let later = target_overrides(
            &plan(),
            &RawValue::from_string(r#"{"gone": {}}"#.to_owned()).unwrap(),
            Strangers::PassOver,
        );
        assert!(later.unwrap().is_empty());
    }

    #[test]
    fn it_is_found_in_an_input_that_has_one() {
        let find = |text: &str| {
            find_target_env(&RawValue::from_string(text.to_owned()).unwrap())
                .map(|found| found.get().to_owned())
        };

        assert_eq!(find(r#"{"x": 1, "target_env": {"a": {}}}"#).as_deref(), Some(r#"{"a": {}}"#));
        for text in [
            r#"{}"#,
            r#"{"x": {"target_env": {"a": {}}}}"#,
            r#"{"target_env": null}"#,
            r#"{"target_env": {}}"#,
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
