//! What a task as a whole leaves, from what its actions left: the one place that decides it.
//!
//! It is the data of the `output_action` where the manifest names one, else of the one action that nothing waits for; where there are
//! several of these, their data laid over one another in the order of the manifest. What is no object then stands under its action's
//! name. An action that left nothing leaves `{}`, so nobody ever waits for what will not come.

use std::collections::BTreeMap;

use lp_protocol::plan::{Ordinal, Plan};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The part of an `output.data` that is handed on.
#[derive(Deserialize)]
struct Output {
    data: Option<Box<RawValue>>,
}

/// The `data` of an action's output; `{}` where it left none.
pub fn data_of(output: Option<&RawValue>) -> Box<RawValue> {
    output
        .and_then(|output| serde_json::from_str::<Output>(output.get()).ok())
        .and_then(|output| output.data)
        .unwrap_or_else(empty_object)
}

pub fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("`{}` is JSON")
}

/// The actions whose data make up the task's result, in the order of the manifest.
pub fn output_actions(plan: &Plan) -> Vec<Ordinal> {
    if let Some(ordinal) = plan.output_action {
        return vec![ordinal];
    }
    let mut is_waited_for = vec![false; plan.actions.len()];
    // actions made at run time neither speak for the task nor silence those that do
    let of_manifest = || plan.actions.iter().filter(|action| action.generated.is_none());
    for parent in of_manifest().flat_map(|action| &action.condition) {
        if let Some(is_waited_for) = is_waited_for.get_mut(*parent as usize) {
            *is_waited_for = true;
        }
    }
    let actions = (0..).zip(&plan.actions).zip(is_waited_for);
    let sinks = actions.filter(|((_, action), is_waited_for)| action.generated.is_none() && !is_waited_for);
    sinks.map(|((ordinal, _), _)| ordinal).collect()
}

/// The task's result. `output` is what the successful attempt of an action left in `output.data`, if anything.
pub fn of_task<'a>(plan: &Plan, output: impl Fn(Ordinal) -> Option<&'a RawValue>) -> Box<RawValue> {
    let sinks = output_actions(plan);
    if let [only] = sinks[..] {
        return data_of(output(only));
    }
    let mut merged: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
    for ordinal in sinks {
        let data = data_of(output(ordinal));
        match serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(data.get()) {
            Ok(members) => merged.extend(members),
            Err(_) => {
                let name = plan.actions.get(ordinal as usize).map(|action| action.name.clone());
                merged.insert(name.unwrap_or_default(), data);
            }
        }
    }
    serde_json::value::to_raw_value(&merged).unwrap_or_else(|_| empty_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        crate::core::tests::plan(text)
    }

    fn result(plan: &Plan, outputs: &[&str]) -> String {
        let outputs: Vec<Box<RawValue>> =
            outputs.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
        of_task(plan, |ordinal| outputs.get(ordinal as usize).map(|output| &**output)).get().to_owned()
    }

    #[test]
    fn the_output_action_speaks_for_the_task_else_the_one_sink_else_all_of_them() {
        let outputs = [r#"{"data": {"x": 1}}"#, r#"{"data": {"x": 2, "y": 1.10}}"#, r#"{"data": [3]}"#];
        for (text, output_action, said) in [
            ("a; b < a; c < b", None, "[3]"),
            ("a; b < a; c < b", Some(1), r#"{"x": 2, "y": 1.10}"#),
            ("a; b", None, r#"{"x":2,"y":1.10}"#),
            ("a; b; c", None, r#"{"c":[3],"x":2,"y":1.10}"#),
        ] {
            let plan = Plan { output_action, ..plan(text) };
            assert_eq!(result(&plan, &outputs), said, "{text} {output_action:?}");
        }
    }

    #[test]
    fn what_left_nothing_has_the_result_of_an_empty_object() {
        for outputs in [&[][..], &["{}"], &[r#"{"actions": []}"#], &["3"], &[r#"{"data": null}"#]] {
            assert_eq!(result(&plan("a"), outputs), "{}", "{outputs:?}");
        }
        assert_eq!(result(&plan("a; b"), &[]), "{}");
    }
}
