//! What differs between two manifests in meaning.
//!
//! Actions are told apart by name, wherever they stand; the order of keys, comments and white space do not count, nor the order of the
//! names in a `condition`, nor whether something empty is written out or left out. What neither of us understands is compared as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::error::Error;
use super::json;
use crate::views::{ChangedAction, ChangedKey, ManifestChanges};

const ACTIONS: &str = "actions";

/// Compares the manifests of two versions.
///
/// # Errors
/// Where one of them is not JSON; those of stored versions are.
pub fn changes(from: &[u8], to: &[u8]) -> Result<ManifestChanges, Error> {
    let (from, to) = (members(json::parse(from)?), members(json::parse(to)?));
    let (before, after) = (actions(&from), actions(&to));
    let names = |of: &BTreeMap<String, &Map<String, Value>>, without: &BTreeMap<_, _>| {
        of.keys().filter(|name| !without.contains_key(*name)).cloned().collect()
    };
    let mut changed_actions = Vec::new();
    for (name, action) in &before {
        if let Some(other) = after.get(name) {
            let keys = changed_keys(action, other, &["name"]);
            if !keys.is_empty() {
                changed_actions.push(ChangedAction { name: name.clone(), keys });
            }
        }
    }
    Ok(ManifestChanges {
        added_actions: names(&after, &before),
        removed_actions: names(&before, &after),
        changed_actions,
        changed_keys: changed_keys(&from, &to, &[ACTIONS]),
    })
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn actions(manifest: &Map<String, Value>) -> BTreeMap<String, &Map<String, Value>> {
    let actions = manifest.get(ACTIONS).and_then(Value::as_array).into_iter().flatten();
    actions
        .filter_map(Value::as_object)
        .filter_map(|action| Some((action.get("name")?.as_str()?.to_owned(), action)))
        .collect()
}

fn changed_keys(from: &Map<String, Value>, to: &Map<String, Value>, but: &[&str]) -> Vec<ChangedKey> {
    let keys: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let value = |of: &Map<String, Value>, key: &str| of.get(key).map(|value| meaning(key, value));
    keys.into_iter()
        .filter(|key| !but.contains(&key.as_str()))
        .filter(|key| value(from, key).unwrap_or_default() != value(to, key).unwrap_or_default())
        .map(|key| ChangedKey {
            key: key.clone(),
            from: from.get(key).cloned().unwrap_or_default(),
            to: to.get(key).cloned().unwrap_or_default(),
        })
        .collect()
}

/// The value without what does not count; nothing at all where it is empty.
fn meaning(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(members) if members.is_empty() => Value::Null,
        Value::Array(items) if key == "condition" => {
            let mut names = items.clone();
            names.sort_by_key(Value::to_string);
            Value::Array(names)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| meaning("", item)).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| (key.clone(), meaning(key, value)));
            Value::Object(members.filter(|(_, value)| !value.is_null()).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compare(from: &str, to: &str) -> ManifestChanges {
        changes(from.as_bytes(), to.as_bytes()).unwrap()
    }

    #[test]
    fn what_means_the_same_is_no_change() {
        let from = r#"{"output_action": "b", "actions": [
            {"name": "a", "main": "x", "condition": []},
            {"name": "b", "main": "y", "condition": ["a", "c"], "docker": {}, "env": ""},
            {"name": "c", "main": "z", "target_env": {"platform": "x86_64", "node_ip": ""}}]}"#;
        let to = r#"{ // reordered
            "actions": [
            {"main": "z", "name": "c", "target_env": {"platform": "x86_64"},},
            {"condition": ["c", "a"], "name": "b", "main": "y"},
            {"name": "a", "main": "x"}], "output_action": "b"}"#;

        assert!(compare(from, to).is_empty(), "{:?}", compare(from, to));
    }

    #[test]
    fn actions_and_keys_that_came_went_or_changed_are_told() {
        let from = r#"{"output_action": "a", "actions": [
            {"name": "a", "main": "x", "timeout": 5}, {"name": "old", "main": "y"}]}"#;
        let to = r#"{"output_action": "a", "event_actions": {"fail": {"name": "f", "main": "z"}}, "actions": [
            {"name": "a", "main": "x2", "env": "libs@2"}, {"name": "new", "main": "y"}]}"#;

        let changes = compare(from, to);

        assert_eq!(
            (changes.added_actions, changes.removed_actions),
            (vec!["new".into()], vec!["old".into()])
        );
        let key = |key: &str, from, to| ChangedKey { key: key.to_owned(), from, to };
        assert_eq!(
            changes.changed_actions,
            [ChangedAction {
                name: "a".to_owned(),
                keys: vec![
                    key("env", Value::Null, json!("libs@2")),
                    key("main", json!("x"), json!("x2")),
                    key("timeout", json!(5), Value::Null),
                ],
            }]
        );
        let fail = json!({"fail": {"name": "f", "main": "z"}});
        assert_eq!(changes.changed_keys, [key("event_actions", Value::Null, fail)]);
    }
}
