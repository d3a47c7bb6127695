//! Every rule that refuses a manifest, with the sentence that is shown.

use super::*;
use crate::manifest::{MAX_ACTIONS, MAX_BYTES};
use crate::{ApiError, ErrorCode};

#[test]
fn text_that_is_not_json_is_refused_at_its_line_and_column() {
    for (text, expected) in [
        ("", "it is empty"),
        (" \n// nothing\n", "it is empty"),
        ("{", "line 1, column 2: the file ends before the `{` of line 1, column 1 is closed"),
        (
            "{\n\"actions\": [",
            "line 2, column 13: the file ends before the `[` of line 2, column 12 is closed",
        ),
        ("{\"actions\": [1 2]}", "line 1, column 16: expected `,` or `]`, found `2`"),
        ("{\"actions\": [1,,2]}", "line 1, column 16: expected a value, found `,`"),
        ("{,}", "line 1, column 2: expected a key in double quotes or `}`, found `,`"),
        ("[,]", "line 1, column 2: expected a value, found `,`"),
        ("{\"a\" 1}", "line 1, column 6: expected `:` after the key, found `1`"),
        ("{\"a\": }", "line 1, column 7: expected a value, found `}`"),
        ("{a: 1}", "line 1, column 2: expected a key in double quotes or `}`, found `a`"),
        (
            "{'a': 1}",
            "line 1, column 2: expected a key in double quotes or `}`, found `'` (strings are written in double quotes)",
        ),
        ("{\"a\": 1]", "line 1, column 8: expected `,` or `}`, found `]`"),
        ("{} {}", "line 1, column 4: expected the end of the file, found `{`"),
        ("{\"a\": \"b\n\"}", "line 1, column 7: the string is not closed on its line"),
        ("{\"a\": \"b", "line 1, column 7: the string is not closed on its line"),
        ("{\"a\": \"b\\", "line 1, column 7: the string is not closed on its line"),
        (
            "{\"a\": \"b\tc\"}",
            "line 1, column 9: a control character in a string must be written as an escape such as \\t",
        ),
        (
            "[\"\\x\"]",
            "line 1, column 2: the string has a wrong escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
        ),
        (
            "[\"\\é\"]",
            "line 1, column 2: the string has a wrong escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
        ),
        (
            "[\"\\ud800\"]",
            "line 1, column 2: the string has a wrong escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
        ),
        ("[01]", "line 1, column 2: `01` is not a number"),
        ("[-]", "line 1, column 2: `-` is not a number"),
        ("[1e999]", "line 1, column 2: `1e999` is not a number"),
        (
            "[NaN]",
            "line 1, column 2: `NaN` is not a value; text is written in double quotes, the only words are true, false and null",
        ),
        (
            "[True]",
            "line 1, column 2: `True` is not a value; text is written in double quotes, the only words are true, false and null",
        ),
        ("[1] /* end", "line 1, column 5: the comment is not closed by `*/`"),
        ("[1] / 2", "line 1, column 5: expected the end of the file, found `/`"),
        ("\u{1b}[31m", "line 1, column 1: expected a value, found `\\u{1b}`"),
        ("{\"a\": 1,\n  \"a\": 2}", "line 2, column 3: the key `a` stands twice in one object"),
        ("{\"a\": {\"b\": 1, \"\\u0062\": 2}}", "line 1, column 16: the key `b` stands twice in one object"),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_at_their_place() {
    let error = parse(b"{\n\"a\": \"\xff\"}", &Options::default()).unwrap_err();

    assert_eq!(error.to_string(), "line 2, column 7: not UTF-8 text");
}

#[test]
fn bombs_are_refused_by_size_depth_and_number() {
    let too_large = format!("{{}}{}", " ".repeat(MAX_BYTES));
    assert_eq!(message(&too_large), "it has 1048578 bytes, the limit is 1048576");

    for bomb in ["[", "{\"a\":", "[{\"a\":"] {
        let error = message(&bomb.repeat(MAX_BYTES / bomb.len()));
        assert!(error.ends_with("lists and objects are nested deeper than 64 levels"), "{error}");
    }

    let many = format!(r#"{{"actions": [{}]}}"#, "{},".repeat(MAX_ACTIONS + 1));
    assert_eq!(message(&many), "`actions` has 10001 actions, the limit is 10000");
}

#[test]
fn the_manifest_has_a_list_of_actions_each_with_name_and_main() {
    for (text, expected) in [
        ("[]", "the manifest must be an object, found a list"),
        ("\"text\"", "the manifest must be an object, found a string"),
        ("null", "the manifest must be an object, found null"),
        ("{}", "`actions` is missing"),
        (r#"{"actions": null}"#, "`actions` is missing"),
        (r#"{"actions": {}}"#, "`actions` must be a list of actions, found an object"),
        (r#"{"actions": []}"#, "`actions` must have at least one action"),
        (r#"{"actions": ["a"]}"#, "`actions[0]` must be an object, found a string"),
        (r#"{"actions": [{}]}"#, "action 1: `name` is missing"),
        (r#"{"actions": [{"name": "a", "main": "x"}, {"main": "x"}]}"#, "action 2: `name` is missing"),
        (r#"{"actions": [{"name": 1}]}"#, "action 1: `name` must be a string, found a number"),
        (r#"{"actions": [{"name": "a"}]}"#, "action `a`: `main` is missing"),
        (r#"{"actions": [{"name": "a", "main": null}]}"#, "action `a`: `main` is missing"),
        (
            r#"{"actions": [{"name": "a", "main": 5}]}"#,
            "action `a`: `main` must be a string or a list of strings, found a number",
        ),
        (r#"{"actions": [{"name": "a", "main": " "}]}"#, "action `a`: `main` must not be empty"),
        (r#"{"actions": [{"name": "a", "main": []}]}"#, "action `a`: `main` must not be empty"),
        (r#"{"actions": [{"name": "a", "main": ["", "x"]}]}"#, "action `a`: `main[0]` must name a program"),
        (
            r#"{"actions": [{"name": "a", "main": ["x", 1]}]}"#,
            "action `a`: `main[1]` must be a string, found a number",
        ),
        (
            r#"{"actions": [{"name": "a", "main": "x\u0000"}]}"#,
            "action `a`: `main` must not contain a NUL character",
        ),
        (
            r#"{"actions": [{"name": "a", "main": ["x", "\u0000"]}]}"#,
            "action `a`: `main[1]` must not contain a NUL character",
        ),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
    let long = format!(r#"{{"actions": [{{"name": "a", "main": "{}"}}]}}"#, "x".repeat(100_001));
    assert_eq!(message(&long), "action `a`: `main` must be at most 100000 bytes long, it has 100001");
}

#[test]
fn names_are_safe_new_and_not_those_of_the_event_actions() {
    for (name, expected) in [
        ("", "action 1: the name `` must not be empty"),
        (".", "action 1: the name `.` must not be `.` or `..`"),
        ("..", "action 1: the name `..` must not be `.` or `..`"),
        ("../../x", "action 1: the name `../../x` must not contain `/` or `\\`"),
        ("a\\\\b", "action 1: the name `a\\b` must not contain `/` or `\\`"),
        (" a", "action 1: the name ` a` must not begin or end with white space"),
        ("a\\u00a0", "action 1: the name `a\u{a0}` must not begin or end with white space"),
        ("a\\nb", "action 1: the name `a\\u{a}b` must not contain control characters, here U+000A"),
        ("a\\u0000", "action 1: the name `a\\u{0}` must not contain control characters, here U+0000"),
        ("a\\u0085b", "action 1: the name `a\\u{85}b` must not contain control characters, here U+0085"),
        (
            "a\\u202eb",
            "action 1: the name `a\\u{202e}b` must not contain invisible or text-reversing characters, here U+202E",
        ),
        (
            "a\\u200bb",
            "action 1: the name `a\\u{200b}b` must not contain invisible or text-reversing characters, here U+200B",
        ),
        (
            "\\ufeffa",
            "action 1: the name `\\u{feff}a` must not contain invisible or text-reversing characters, here U+FEFF",
        ),
        ("success", "action 1: the name `success` is reserved for the event action `success`"),
        ("fail", "action 1: the name `fail` is reserved for the event action `fail`"),
    ] {
        let text = format!(r#"{{"actions": [{{"name": "{name}", "main": "x"}}]}}"#);
        assert_eq!(message(&text), expected, "{name}");
    }
    assert_eq!(
        message(&format!(r#"{{"actions": [{{"name": "{}", "main": "x"}}]}}"#, "é".repeat(101))),
        format!("action 1: the name `{}...` must be at most 200 bytes long, it has 202", "é".repeat(80))
    );
    assert_eq!(
        message(
            r#"{"actions": [{"name": "a", "main": "x"}, {"name": "b", "main": "x"}, {"name": "a", "main": "x"}]}"#
        ),
        "action 3: the name `a` is already taken by action 1"
    );
}

/// A manifest of actions that wait: `[("a", &["b"])]`.
fn waiting(actions: &[(&str, &[&str])]) -> String {
    let actions: Vec<_> = actions
        .iter()
        .map(|(name, condition)| serde_json::json!({"name": name, "main": "x", "condition": condition}))
        .collect();
    serde_json::json!({ "actions": actions }).to_string()
}

#[test]
fn conditions_name_other_actions_and_never_lead_back() {
    for (actions, expected) in [
        (
            &[("a", &["b"] as &[&str])] as &[(&str, &[&str])],
            "action `a`: `condition` names the unknown action `b`",
        ),
        (
            &[("frist", &[]), ("b", &["first"])],
            "action `b`: `condition` names the unknown action `first`; did you mean `frist`?",
        ),
        (&[("a", &["fail"])], "action `a`: `condition` names the unknown action `fail`"),
        (&[("a", &["a"])], "the action `a` waits for itself: a -> a"),
        (&[("a", &["b"]), ("b", &["a"])], "the action `a` waits for itself: a -> b -> a"),
        (
            &[("pub", &["sign"]), ("pack", &["sign"]), ("sign", &["pack"])],
            "the action `pack` waits for itself: pack -> sign -> pack",
        ),
        (
            &[("a", &[]), ("b", &["a", "d"]), ("c", &["b"]), ("d", &["c"])],
            "the action `b` waits for itself: b -> d -> c -> b",
        ),
    ] {
        assert_eq!(message(&waiting(actions)), expected);
    }
}

#[test]
fn a_long_cycle_is_shown_without_its_middle() {
    let names: Vec<String> = (0..10_000).map(|number| format!("n{number}")).collect();
    let next: Vec<[&str; 1]> = (0..10_000).map(|number| [names[(number + 1) % 10_000].as_str()]).collect();
    let actions: Vec<(&str, &[&str])> =
        names.iter().zip(&next).map(|(name, next)| (name.as_str(), &next[..])).collect();

    assert_eq!(
        message(&waiting(&actions)),
        "the action `n0` waits for itself: n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> n6 -> n7 -> (9985 more) -> \
         n9993 -> n9994 -> n9995 -> n9996 -> n9997 -> n9998 -> n9999 -> n0"
    );
}

#[test]
fn event_and_output_actions_follow_the_same_rules() {
    let with =
        |members: &str| message(&format!(r#"{{"actions": [{{"name": "first", "main": "x"}}], {members}}}"#));
    for (members, expected) in [
        (r#""event_actions": [1]"#, "`event_actions` must be an object, found a list"),
        (r#""event_actions": {"fail": "x"}"#, "`event_actions.fail` must be an object, found a string"),
        (r#""event_actions": {"fail": {}}"#, "event action `fail`: `main` is missing"),
        (r#""event_actions": {"success": {"main": []}}"#, "event action `success`: `main` must not be empty"),
        (
            r#""event_actions": {"success": {"main": "x", "env": "no/venv"}}"#,
            "event action `success`: `env` is `no/venv`, but the app has neither `no/venv.tar.gz` nor `no/venv/bin/activate`",
        ),
        (r#""output_action": 1"#, "`output_action` must be a string, found a number"),
        (
            r#""output_action": "frist""#,
            "`output_action` names the unknown action `frist`; did you mean `first`?",
        ),
        (r#""output_action": "success""#, "`output_action` names the unknown action `success`"),
    ] {
        assert_eq!(with(members), expected, "{members}");
    }
}

#[test]
fn strict_mode_refuses_the_first_warning_and_counts_the_others() {
    let strict = |text: &str| {
        parse(text.as_bytes(), &Options { strict: true, has_path: None }).map_err(|error| error.to_string())
    };

    let one = r#"{"actions": [{"name": "a", "mian": "", "main": "x"}]}"#;
    let three = r#"{"x": 1, "actions": [{"name": "a", "main": "x", "y": 1, "z": 1}]}"#;
    let none = r#"{"actions": [{"name": "a", "main": "x"}]}"#;

    assert_eq!(
        strict(one).unwrap_err(),
        "not allowed in strict mode: action `a`: the unknown key `mian` is ignored; did you mean `main`?"
    );
    assert_eq!(
        strict(three).unwrap_err(),
        "not allowed in strict mode: the unknown key `x` is ignored (and 2 more)"
    );
    assert!(strict(none).is_ok());
    let flood: Vec<String> = (0..500).map(|number| format!(r#""x{number}": 0"#)).collect();
    assert!(strict(&one_action(&flood.join(","))).unwrap_err().ends_with("(and 499 more)"));
}

#[test]
fn the_public_answer_has_the_code_the_file_and_a_hint() {
    let answer: ApiError = parse_in_app(&waiting(&[("a", &["b"]), ("b", &["a"])])).unwrap_err().into();

    assert_eq!(answer.code, ErrorCode::InvalidManifest);
    assert_eq!(answer.message, "configuration.json: the action `a` waits for itself: a -> b -> a");
    assert_eq!(answer.hint.as_deref(), Some("take one of these names out of a `condition`"));
}
