//! Definitions through their two doors: what is read, what is refused and how.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::AppId;

const ID: &str = "b7d7aaaa-0000-4000-8000-000000000001";

fn parse(text: &str) -> Result<Parsed, Error> {
    compile(&read(text.as_bytes())?, false)
}

fn message(text: &str) -> String {
    match parse(text) {
        Ok(parsed) => panic!("compiled: {text}\n{parsed:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn litepipelines_configuration_is_accepted_as_it_is() {
    let text = format!(
        r#"{{"applications": [
            {{"name": "first", "app_id": "{ID}", "condition": []}},
            {{"name": "second one", "app_id": "{ID}", "condition": ["first"]}}],
          "event_applications": {{"success": {{"app_id": "{ID}"}}, "fail": {{"app_id": "{ID}"}}}}}}"#
    );

    let Parsed { definition, warnings } = parse(&text).unwrap();

    let id = AppName::Id(ID.parse::<AppId>().unwrap());
    assert_eq!(warnings, []);
    assert_eq!(definition.applications[1].name, "second one");
    assert_eq!(definition.applications[1].condition, [0]);
    assert!(definition.app_refs().all(|app| app.app == id && app.version.is_none()));
    assert_eq!(definition.app_refs().count(), 4);
    assert!(!definition.fail_fast);
}

#[test]
fn json_and_yaml_say_the_same() {
    let json = r#"{ // comments and trailing commas, as in a manifest
        "applications": [
            {"name": "a", "app": "fetch", "version": 7, "input": {"x": 1.5, "big": 18446744073709551615}, "priority": -3},
            {"name": "b", "app": "store", "condition": ["a"],},
        ],
        "fail_fast": true,
    }"#;
    let yaml = "# a comment\napplications:\n  - name: a\n    app: fetch\n    version: 7\n    priority: -3\n    \
                input: {x: 1.5, big: 18446744073709551615}\n  - {name: b, app: store, condition: [a]}\nfail_fast: true\n";

    assert_eq!(parse(json).unwrap(), parse(yaml).unwrap());
    let definition = parse(json).unwrap().definition;
    let a = &definition.applications[0].app;
    assert_eq!((a.app.clone(), a.version, a.priority), (AppName::Name("fetch".to_owned()), Some(7), -3));
    assert_eq!(Value::Object(a.input.clone()), json!({"x": 1.5, "big": u64::MAX}));
    assert!(definition.fail_fast);
}

#[test]
fn what_would_wait_for_ever_is_refused_by_a_sentence_that_names_it() {
    for (text, said) in
        [
            ("", "it is empty"),
            ("{", "line 1, column 2: the file ends before the `{` of line 1, column 1 is closed"),
            ("[]", "the workflow must be an object, found a list"),
            ("{}", "`applications` is missing"),
            (r#"{"applications": {}}"#, "`applications` must be a list of applications, found an object"),
            (r#"{"applications": []}"#, "`applications` must have at least one application"),
            (r#"{"applications": [1]}"#, "`applications[0]` must be an object, found a number"),
            (r#"{"applications": [{"app": "x"}]}"#, "application 1: `name` is missing"),
            (
                r#"{"applications": [{"name": 1, "app": "x"}]}"#,
                "application 1: `name` must be a string, found a number",
            ),
            (
                r#"{"applications": [{"name": "../x", "app": "x"}]}"#,
                "application 1: the name `../x` must not contain `/` or `\\`",
            ),
            (
                r#"{"applications": [{"name": "fail", "app": "x"}]}"#,
                "application 1: the name `fail` is reserved for the event application `fail`",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x"}, {"name": "a", "app": "x"}]}"#,
                "application 2: the name `a` is already taken by application 1",
            ),
            (r#"{"applications": [{"name": "a"}]}"#, "application `a`: `app_id` or `app` is missing"),
            (
                r#"{"applications": [{"name": "a", "app_id": "hello"}]}"#,
                "application `a`: `app_id` must be the id of an application, as `lp app list -o wide` shows it, found \"hello\"",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "app_id": "y"}]}"#,
                "application `a`: `app_id` and `app` are both given",
            ),
            (r#"{"applications": [{"name": "a", "app": " "}]}"#, "application `a`: `app` must not be empty"),
            (
                r#"{"applications": [{"name": "a", "app": 3}]}"#,
                "application `a`: `app` must be a string, found a number",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "version": "1"}]}"#,
                "application `a`: `version` must be a whole number from 1 to 9223372036854775807, found a string",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "input": []}]}"#,
                "application `a`: `input` must be an object, found a list",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "condition": "b"}]}"#,
                "application `a`: `condition` must be a list of names of applications, found a string",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "condition": [1]}]}"#,
                "application `a`: `condition[0]` must be the name of an application of the workflow, found a number",
            ),
            (
                r#"{"applications": [{"name": "fetch", "app": "x"}, {"name": "b", "app": "x", "condition": ["fecth"]}]}"#,
                "application `b`: `condition` names the unknown application `fecth`; did you mean `fetch`?",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "condition": ["a"]}]}"#,
                "the application `a` waits for itself: a -> a",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x", "condition": ["c"]}, {"name": "b", "app": "x", "condition": ["a"]}, {"name": "c", "app": "x", "condition": ["b"]}]}"#,
                "the application `a` waits for itself: a -> c -> b -> a",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x"}], "fail_fast": 1}"#,
                "`fail_fast` must be true or false, found a number",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x"}], "event_applications": {"fail": {}}}"#
                    .replace("{}}}", "{\"x\": 1}}}")
                    .as_str(),
                "event application `fail`: `app_id` or `app` is missing",
            ),
            (
                r#"{"applications": [{"name": "a", "app": "x"}], "event_applications": [1]}"#,
                "`event_applications` must be an object, found a list",
            ),
            (
                "applications: [",
                "not YAML: did not find expected node content at line 2 column 1, while parsing a flow node",
            ),
            ("a: 1\na: 2", "not YAML: duplicate entry with key \"a\""),
            ("1: x", "the key `1` is not a string, which has no counterpart in JSON"),
            ("applications: !object x", "a value has the tag `!object`, which has no counterpart in JSON"),
            ("x: .inf", "a value is `.inf`, which has no counterpart in JSON"),
        ]
    {
        assert_eq!(message(text), said, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_a_warning_and_in_strict_mode_refused() {
    let value = read(
        br#"{"applications": [{"name": "a", "app": "x", "needs": ["b"], "inptu": {}}], "description": "x"}"#,
    )
    .unwrap();

    let warnings: Vec<String> =
        compile(&value, false).unwrap().warnings.iter().map(ToString::to_string).collect();

    assert_eq!(
        warnings,
        [
            "the unknown key `description` is ignored",
            "application `a`: the unknown key `needs` is ignored; did you mean `condition`?",
            "application `a`: the unknown key `inptu` is ignored; did you mean `input`?",
        ]
    );
    let refused = compile(&value, true).unwrap_err().to_string();
    assert_eq!(refused, "not allowed in strict mode: the unknown key `description` is ignored (and 2 more)");
}

#[test]
fn limits_hold() {
    let many = |count: usize| {
        let applications: Vec<Value> =
            (0..count).map(|index| json!({"name": format!("a{index}"), "app": "x"})).collect();
        compile(&json!({"applications": applications}), true)
    };
    assert!(many(MAX_APPLICATIONS).is_ok());
    assert_eq!(many(1001), Err(Error::TooManyApplications { count: 1001 }));
    assert_eq!(read(&vec![b' '; MAX_BYTES + 1]), Err(Error::TooLarge { bytes: MAX_BYTES + 1 }));
    // aliases of aliases
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..40 {
        bomb.push_str(&format!("a{level}: &a{level} [*a{}, *a{}]\n", level - 1, level - 1));
    }
    assert!(matches!(read(bomb.as_bytes()), Err(Error::Yaml { .. })));
    let deep = format!("x: {}{}", "[".repeat(70), "]".repeat(70));
    assert!(matches!(read(deep.as_bytes()), Err(Error::Yaml { .. })));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n]{0,200}") {
        let _ = read(text.as_bytes()).and_then(|value| compile(&value, false));
    }
}
