//! Nothing makes the compiler panic, and graphs of any shape are judged rightly.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::manifest::{MAX_BYTES, json};

/// Bytes in which JSON's own characters are common, so that the reader gets further than the first one.
fn json_like() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "//", "/*", "*/", "\n", " ", "-1", "0", "true", "null"]),
        4 => prop::sample::select(vec!["\"actions\"", "\"name\"", "\"main\"", "\"condition\"", "\"a\"", "\"é\"", "\u{feff}", "\u{202e}"]),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    let known = [
        "name",
        "condition",
        "main",
        "env",
        "docker",
        "target_env",
        "retry",
        "timeout",
        "grace",
        "resources",
        "priority",
        "environ",
        "exclusive",
        "health",
        "command",
        "interval",
        "attempts",
        "delay",
        "max_delay",
        "on_exit",
        "cpus",
        "memory",
        "slots",
        "tag",
        "args",
        "node_id",
        "success",
        "fail",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

/// A manifest whose action `n<i>` waits for `n<j>` for each `(i, j)`.
fn graph(size: usize, edges: &BTreeSet<(usize, usize)>) -> String {
    let actions: Vec<Value> = (0..size)
        .map(|from| {
            let condition: Vec<String> = edges
                .iter()
                .filter(|(waiting, _)| *waiting == from)
                .map(|(_, to)| format!("n{to}"))
                .collect();
            json!({"name": format!("n{from}"), "main": "x", "condition": condition})
        })
        .collect();
    json!({ "actions": actions }).to_string()
}

/// Says whether a graph has a cycle by taking away, while there is one, an action that waits for none of the rest.
fn has_cycle(size: usize, edges: &BTreeSet<(usize, usize)>) -> bool {
    let mut rest: BTreeSet<usize> = (0..size).collect();
    loop {
        let waits = |action: &usize| edges.iter().any(|(from, to)| from == action && rest.contains(to));
        let Some(free) = rest.iter().copied().find(|action| !waits(action)) else { return !rest.is_empty() };
        rest.remove(&free);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, &Options::default());
    }

    #[test]
    fn random_tokens_never_panic_and_what_is_strict_json_is_read_alike(text in json_like()) {
        let _ = parse_in_app(&text);
        // serde_json takes the last of two equal keys, we take none of them
        if let (Ok(value), Ok(read)) = (serde_json::from_str::<Value>(&text), json::parse(text.as_bytes())) {
            prop_assert_eq!(read, value);
        }
    }

    #[test]
    fn random_json_reads_as_serde_json_reads_it(value in any_json()) {
        let read = json::parse(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read, serde_json::from_str::<Value>(&value.to_string()).unwrap());
    }

    #[test]
    fn random_members_of_an_action_never_panic_and_messages_are_short_and_clean(
        mut members in prop::collection::vec((any_key(), any_json()), 0..8),
        top in any_json(),
    ) {
        members.retain(|(key, _)| key != "name" && key != "main");
        members.extend([("name".to_owned(), json!("a")), ("main".to_owned(), json!("x"))]);
        let action: Value = Value::Object(members.into_iter().collect());
        let text = json!({"actions": [action], "event_actions": top}).to_string();
        match parse_in_app(&text) {
            Ok(parsed) => {
                for warning in parsed.warnings {
                    prop_assert!(!warning.to_string().chars().any(char::is_control));
                }
            }
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.len() < 2000 && !message.chars().any(char::is_control), "{}", message);
            }
        }
    }

    #[test]
    fn conditions_that_only_look_back_compile(pairs in prop::collection::btree_set((0..30usize, 0..30usize), 0..120)) {
        let edges: BTreeSet<_> = pairs.into_iter().filter(|(from, to)| from > to).collect();

        let plan = parse_in_app(&graph(30, &edges)).unwrap().plan;

        let compiled: BTreeSet<(usize, usize)> = (0..30)
            .flat_map(|from| plan.actions[from].condition.iter().map(move |to| (from, *to as usize)).collect::<Vec<_>>())
            .collect();
        prop_assert_eq!(compiled, edges);
    }

    #[test]
    fn a_graph_is_refused_exactly_when_it_has_a_cycle_and_the_path_is_one(
        edges in prop::collection::btree_set((0..12usize, 0..12usize), 0..20),
    ) {
        match parse_in_app(&graph(12, &edges)) {
            Ok(_) => prop_assert!(!has_cycle(12, &edges)),
            Err(Error::Cycle { path }) => {
                let path: Vec<usize> = path.iter().map(|name| name[1..].parse().unwrap()).collect();
                prop_assert_eq!(path.iter().collect::<BTreeSet<_>>().len(), path.len());
                for (from, to) in path.iter().zip(path.iter().cycle().skip(1)) {
                    prop_assert!(edges.contains(&(*from, *to)), "{} does not wait for {}", from, to);
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_mebibyte_of_opening_brackets_does_not_overflow_the_stack() {
    for byte in [b'[', b'{', b'"', b'/', b'\\', b'-', b' '] {
        assert!(parse(&vec![byte; MAX_BYTES], &Options::default()).is_err());
    }
}
