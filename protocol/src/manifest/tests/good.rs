//! What compiles, and to what. The manifests follow the shapes of LitePipeline's own examples.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::health::Health;
use crate::plan::{ActionPlan, Command, DockerSpec, EnvRef, Plan, Resources, Retry, RetryOn, TargetEnv};

fn plan(text: &str) -> Plan {
    let parsed = parse_in_app(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(parsed.warnings, [], "{text}");
    parsed.plan
}

fn warnings(text: &str) -> Vec<String> {
    let parsed = parse_in_app(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    parsed.warnings.iter().map(ToString::to_string).collect()
}

/// The only action of a manifest with these further members.
fn action(members: &str) -> ActionPlan {
    plan(&one_action(members)).actions.remove(0)
}

#[test]
fn the_smallest_manifest_gets_the_defaults() {
    let plan = plan(r#"{"actions": [{"name": "a", "main": "python a.py"}]}"#);

    assert_eq!(
        plan,
        Plan {
            locks: Default::default(),
            actions: vec![ActionPlan {
                name: "a".into(),
                condition: vec![],
                command: Command::Line("python a.py".into()),
                env: None,
                docker: None,
                target: TargetEnv::default(),
                retry: Retry::default(),
                timeout: None,
                grace: Duration::from_secs(10),
                resources: Resources::default(),
                priority: 0,
                environ: BTreeMap::new(),
                exclusive: false,
                health: None,
                generated: None,
            }],
            on_success: None,
            on_fail: None,
            output_action: None,
        }
    );
}

#[test]
fn the_reference_manifest_compiles_with_everything_litepipeline_knows() {
    let plan = plan(
        r#"{"actions": [{"name": "first", "condition": [], "main": "python first.py",
              "env": "venvs/venv",                                 // optional
              "target_env": {"platform": "x86_64", "docker_support": true, "node_id": "19d1a5f0-6f0b-4a6e-9d0a-5f0f0b8b9a11", "node_ip": "10.0.0.1"},
              "docker": {"name": "img", "tag": "latest", "args": {"mem_limit": "10m"}}}],
           "event_actions": {"success": {"main": "./done", "env": "venvs/venv"}, "fail": {"main": "./failed"}},
           "output_action": "first"}"#,
    );

    let first = &plan.actions[0];
    assert_eq!(first.env, Some(EnvRef::Path("venvs/venv".into())));
    assert_eq!(first.target.platform.as_deref(), Some("x86_64"));
    assert_eq!(first.target.docker_support, Some(true));
    assert_eq!(first.target.node_id.map(|id| id.short()).as_deref(), Some("19d1a5f0"));
    assert_eq!(first.target.node_ip.as_deref(), Some("10.0.0.1"));
    let args = json!({"mem_limit": "10m"}).as_object().cloned().unwrap();
    assert_eq!(
        first.docker,
        Some(DockerSpec { name: "img".into(), tag: "latest".into(), args, ..DockerSpec::default() })
    );
    let success = plan.on_success.unwrap();
    assert_eq!((success.name.as_str(), &success.command), ("success", &Command::Line("./done".into())));
    assert_eq!(success.env, Some(EnvRef::Path("venvs/venv".into())));
    let fail = plan.on_fail.unwrap();
    assert_eq!(
        (fail.name.as_str(), fail.command, fail.env),
        ("fail", Command::Line("./failed".into()), None)
    );
    assert_eq!(plan.output_action, Some(0));
}

#[test]
fn parallel_actions_with_a_join_keep_their_order_and_conditions() {
    let plan = plan(
        r#"{"actions": [
            {"name": "third", "condition": ["first", "second"], "env": "venvs/venv", "main": "python third.py"},
            {"name": "first", "condition": [], "env": "venvs/venv", "main": "python first.py"},
            {"name": "second", "condition": [], "env": "venvs/venv", "main": "python second.py"}],
           "output_action": "third"}"#,
    );

    assert_eq!(
        plan.actions.iter().map(|action| action.name.as_str()).collect::<Vec<_>>(),
        ["third", "first", "second"]
    );
    assert_eq!(plan.actions[0].condition, [1, 2]);
    assert_eq!(plan.output_action, Some(0));
}

#[test]
fn the_other_example_shapes_of_litepipeline_compile() {
    for text in [
        // a venv by its id
        r#"{"actions": [{"name": "a", "condition": [], "env": "7d29c1de-0000-4000-8000-000000000000", "main": "python a.py"}], "output_action": "a"}"#,
        // binaries instead of a venv
        r#"{"actions": [{"name": "first", "condition": [], "main": "./first"}], "output_action": ""}"#,
        // fails on purpose, and its event action
        r#"{"actions": [{"name": "first", "condition": [], "main": "python f.py"}, {"name": "second", "condition": ["first"], "main": "python s.py"}],
            "event_actions": {"fail": {"main": "python fail.py", "env": "venvs/venv"}}, "output_action": "second"}"#,
        // makes actions at run time for `third`, which waits for the maker
        r#"{"actions": [{"name": "first", "condition": [], "main": "python f.py"}, {"name": "third", "condition": ["first"], "main": "python t.py"}], "output_action": "third"}"#,
        // shell in main, spaces in names
        r#"{"actions": [{"name": "first action", "condition": [], "main": "sleep 5 #"}, {"name": "b", "condition": ["first action"], "main": "sh -c 'echo $HOME' | tee x\n#"}], "output_action": null}"#,
        // what Python takes for false counts as absent where LitePipeline asks so
        r#"{"actions": [{"name": "a", "condition": [], "main": "x", "docker": {}, "target_env": {}}], "event_actions": {}, "output_action": "a"}"#,
        r#"{"actions": [{"name": "a", "condition": null, "main": "x", "env": null, "docker": false, "target_env": ""}], "event_actions": null, "output_action": "a"}"#,
        r#"{"actions": [{"name": "a", "main": "x", "docker": {"name": "team/img", "tag": 3, "args": null}}], "event_actions": {"success": null}}"#,
        r#"{"actions": [{"name": "a", "main": "x", "docker": {"image": "hub.example:5000/team/img:1", "pull": "always"}}]}"#,
    ] {
        plan(text);
    }
}

#[test]
fn a_comment_or_trailing_comma_changes_nothing() {
    let tolerant = "\u{feff}/* app */ {\"actions\": [{\"name\": \"a\", \"main\": \"x // y\", /* \"env\": 1 */ },], // end\n}";

    assert_eq!(plan(tolerant), plan(r#"{"actions": [{"name": "a", "main": "x // y"}]}"#));
}

#[test]
fn main_as_a_list_is_kept_word_by_word() {
    let plan = plan(r#"{"actions": [{"name": "a", "main": ["sh", "-c", "echo $1", "", "{workspace}"]}]}"#);

    let words = ["sh", "-c", "echo $1", "", "{workspace}"].map(str::to_owned).to_vec();
    assert_eq!(plan.actions[0].command, Command::Words(words));
}

#[test]
fn env_is_an_id_then_a_path_of_the_app_then_a_name() {
    let id = "d7b1c7ad-6f0b-4a6e-9d0a-5f0f0b8b9a11";
    for (written, expected) in [
        (id, EnvRef::Venv(id.parse().unwrap())),
        (&id.replace('-', ""), EnvRef::Venv(id.parse().unwrap())),
        ("venvs/venv", EnvRef::Path("venvs/venv".into())),
        ("./venvs//venv/", EnvRef::Path("venvs/venv".into())),
        ("unpacked", EnvRef::Path("unpacked".into())),
        ("conda", EnvRef::Path("conda".into())),
        ("tool", EnvRef::Named("tool".into())), // a file of that name is no environment
        ("numpy", EnvRef::Named("numpy".into())),
        ("numpy@12", EnvRef::Named("numpy@12".into())),
    ] {
        assert_eq!(action(&format!(r#""env": "{written}""#)).env, Some(expected), "{written}");
    }
}

#[test]
fn without_the_app_at_hand_a_slash_makes_a_path() {
    for (written, expected) in
        [("no/such", EnvRef::Path("no/such".into())), ("venv", EnvRef::Named("venv".into()))]
    {
        let parsed =
            parse(one_action(&format!(r#""env": "{written}""#)).as_bytes(), &Options::default()).unwrap();
        assert_eq!(parsed.plan.actions[0].env, Some(expected));
    }
}

#[test]
fn retry_is_a_number_or_an_object() {
    assert_eq!(action(r#""retry": 3"#).retry, Retry { attempts: 3, ..Retry::default() });
    assert_eq!(
        action(
            r#""retry": {"attempts": 5, "delay": "100ms", "backoff": 1.5, "max_delay": "1m", "jitter": 0,
                         "on_exit": [1, 75, "signal", "timed_out", "timeout", "not_started", "lost", "unhealthy", "oom", 1]}"#
        )
        .retry,
        Retry {
            attempts: 5,
            delay: Duration::from_millis(100),
            backoff: 1.5,
            max_delay: Duration::from_secs(60),
            jitter: 0.0,
            on_exit: vec![
                RetryOn::Code(1),
                RetryOn::Code(75),
                RetryOn::Signal,
                RetryOn::TimedOut,
                RetryOn::NotStarted,
                RetryOn::Lost,
                RetryOn::Unhealthy,
                RetryOn::OutOfMemory
            ],
        }
    );
}

#[test]
fn health_has_a_command_and_defaults() {
    let health = |members: &str| action(&format!(r#""health": {members}"#)).health.unwrap();
    assert_eq!(health(r#"{"command": "./ok"}"#), Health::new(Command::Line("./ok".into())));
    assert_eq!(
        health(r#"{"command": ["a", "b"], "interval": "1m", "timeout": 0.5, "failures": 1, "grace": 0}"#),
        Health {
            command: Command::Words(vec!["a".into(), "b".into()]),
            interval: Duration::from_secs(60),
            timeout: Duration::from_millis(500),
            failures: 1,
            grace: Duration::ZERO,
        }
    );
}

#[test]
fn the_default_limit_of_the_wait_does_not_shorten_a_longer_delay() {
    let retry = action(r#""retry": {"attempts": 2, "delay": "2h"}"#).retry;

    assert_eq!((retry.delay, retry.max_delay), (Duration::from_secs(7200), Duration::from_secs(7200)));
}

#[test]
fn our_own_keys_are_read_with_their_units() {
    let action = action(
        r#""timeout": "1h 30m", "grace": 0.5, "priority": -5, "exclusive": true,
           "resources": {"cpus": 1.5, "memory": "2GiB", "gpus": 1, "slots": 0, "licences": 2, "tape-drives": 1.0},
           "environ": {"A": "x", "B": 1, "C": 1.5, "D": true, "_e": "", "F": null}"#,
    );

    assert_eq!(action.timeout, Some(Duration::from_secs(5400)));
    assert_eq!(action.grace, Duration::from_millis(500));
    assert_eq!((action.priority, action.exclusive), (-5, true));
    assert_eq!(
        action.resources,
        Resources {
            slots: 0,
            cpu_millis: 1500,
            memory_bytes: 2 << 30,
            gpus: 1,
            named: BTreeMap::from([("licences".into(), 2), ("tape-drives".into(), 1)]),
        }
    );
    let environ = [("A", "x"), ("B", "1"), ("C", "1.5"), ("D", "true"), ("_e", "")];
    assert_eq!(action.environ, environ.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn cpus_are_rounded_to_thousandths_but_never_to_nothing() {
    for (written, millis) in
        [("0", 0), ("0.0001", 1), ("0.29", 290), ("0.57", 570), ("64", 64_000), ("1e3", 1_000_000)]
    {
        assert_eq!(
            action(&format!(r#""resources": {{"cpus": {written}}}"#)).resources.cpu_millis,
            millis,
            "{written}"
        );
    }
}

#[test]
fn event_actions_take_the_keys_of_actions() {
    let plan = plan(
        r#"{"actions": [{"name": "a", "main": "x"}], "event_actions": {"fail": {"main": ["./mail"], "timeout": 60, "retry": 3,
            "resources": {"slots": 0}, "environ": {"A": 1}, "target_env": {"platform": "aarch64"}, "priority": 7}}}"#,
    );

    let fail = plan.on_fail.unwrap();
    assert_eq!(
        (fail.timeout, fail.retry.attempts, fail.resources.slots, fail.priority),
        (Some(Duration::from_secs(60)), 3, 0, 7)
    );
}

#[test]
fn what_is_not_understood_is_a_warning() {
    for (text, expected) in [
        (
            r#"{"actions": [{"name": "a", "main": "x"}], "output_acton": "a", "author": "me", "version": 2}"#.to_owned(),
            vec![
                "the unknown key `output_acton` is ignored; did you mean `output_action`?",
                "the unknown key `author` is ignored",
                "the unknown key `version` is ignored",
            ],
        ),
        (one_action(r#""depends_on": []"#), vec!["action `a`: the unknown key `depends_on` is ignored; did you mean `condition`?"]),
        (one_action(r#""x\u001b[2J": 1"#), vec!["action `a`: the unknown key `x\\u{1b}[2J` is ignored"]),
        (
            one_action(r#""retry": {"attempts": 2, "max_dealy": 5}"#),
            vec!["action `a`: the unknown key `retry.max_dealy` is ignored; did you mean `max_delay`?"],
        ),
        (one_action(r#""retry": {"delay": 5}"#), vec!["action `a`: `retry` has no effect without `retry.attempts`"]),
        (
            one_action(r#""docker": {"name": "img", "args": {"init": true}, "registry": "r"}"#),
            vec!["action `a`: the unknown key `docker.registry` is ignored"],
        ),
        (
            one_action(r#""resources": {"cpu": 2, "tapes": 1}"#),
            vec!["action `a`: `resources.cpu` is taken for a resource of the nodes' own; did you mean `cpus`?"],
        ),
        (
            r#"{"actions": [{"name": "a", "main": "x"}, {"name": "b", "main": "x", "condition": ["a", "a"]}]}"#.to_owned(),
            vec!["action `b`: `condition` names `a` more than once"],
        ),
        (
            r#"{"actions": [{"name": "a", "main": "x"}], "event_actions": {"fail": {"name": "f", "condition": [], "main": "x", "foo": 1}, "failure": {}}}"#
                .to_owned(),
            vec![
                "the unknown key `event_actions.failure` is ignored; did you mean `fail`?",
                "event action `fail`: the unknown key `foo` is ignored",
                "event action `fail`: `name` has no effect on an event action",
                "event action `fail`: `condition` has no effect on an event action",
            ],
        ),
    ] {
        assert_eq!(warnings(&text), expected, "{text}");
    }
}

#[test]
fn a_name_given_twice_in_a_condition_counts_once() {
    let text =
        r#"{"actions": [{"name": "a", "main": "x"}, {"name": "b", "main": "x", "condition": ["a", "a"]}]}"#;

    assert_eq!(parse_in_app(text).unwrap().plan.actions[1].condition, [0]);
}

#[test]
fn a_flood_of_warnings_is_cut() {
    let members: Vec<String> = (0..5000).map(|number| format!(r#""unknown{number}": 0"#)).collect();

    let warnings = warnings(&one_action(&members.join(",")));

    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings[100], "4900 more warnings are left out");
}

#[test]
fn ten_thousand_actions_in_a_chain_compile() {
    let actions: Vec<_> = (0..10_000)
        .map(|number: u32| {
            let condition: Vec<_> =
                number.checked_sub(1).map(|before| format!("n{before}")).into_iter().collect();
            json!({"name": format!("n{number}"), "main": "x", "condition": condition})
        })
        .collect();

    let plan = plan(&json!({ "actions": actions }).to_string());

    assert_eq!(plan.actions[9_999].condition, [9_998]);
}

#[test]
fn a_plan_survives_being_stored() {
    let text = r#"{"actions": [{"name": "a", "main": "x", "env": "numpy", "retry": {"attempts": 3, "on_exit": [1, "lost"]},
        "resources": {"cpus": 0.5, "tapes": 1}, "timeout": "90s", "docker": {"name": "img"}}], "event_actions": {"fail": {"main": ["y"]}}}"#;
    let compiled = plan(text);

    let stored = serde_json::to_string(&compiled).unwrap();

    assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), compiled);
}

#[test]
fn an_env_that_is_an_object_is_to_be_built() {
    use crate::env::{EnvRecipe, EnvSource};
    let packages =
        |names: &[&str]| EnvSource::Packages(names.iter().map(|name| (*name).to_owned()).collect());
    for (written, source, python) in [
        (r#"{"requirements": "./deps//r.txt"}"#, EnvSource::Requirements("deps/r.txt".into()), None),
        (r#"{"uv": "uv.lock", "python": "3.9"}"#, EnvSource::Uv("uv.lock".into()), Some("3.9")),
        (r#"{"uv": "sub/uv.lock"}"#, EnvSource::Uv("sub/uv.lock".into()), None),
        (
            r#"{"python": "3.12", "packages": [" numpy==2.1 ", "x[y]>=1; python_version<'4'", "z @ https://x/z.whl"]}"#,
            packages(&["numpy==2.1", "x[y]>=1; python_version<'4'", "z @ https://x/z.whl"]),
            Some("3.12"),
        ),
    ] {
        let text = one_action(&format!(r#""env": {written}"#));
        let plan = parse(text.as_bytes(), &Options::default()).unwrap().plan;
        let recipe = EnvRecipe { source, python: python.map(str::to_owned), content: None };
        assert_eq!(plan.actions[0].env, Some(EnvRef::Built(recipe)), "{written}");
    }
}
