//! The rules for the values of an action, with the sentence that is shown for each.

use super::*;

#[test]
fn values_of_the_wrong_kind_or_out_of_range_are_refused_with_what_is_wanted() {
    for (members, expected) in [
        (r#""condition": "b""#, "`condition` must be a list of action names, found a string"),
        (r#""condition": {}"#, "`condition` must be a list of action names, found an object"),
        (r#""condition": [1]"#, "`condition[0]` must be the name of an action, found a number"),
        (r#""condition": [null]"#, "`condition[0]` must be the name of an action, found null"),
        (
            r#""timeout": "soon""#,
            "`timeout` must be a duration, in seconds or for example \"1h 30m\", found \"soon\"",
        ),
        (r#""timeout": -1"#, "`timeout` must be a duration, in seconds or for example \"1h 30m\", found -1"),
        (
            r#""timeout": true"#,
            "`timeout` must be a duration, in seconds or for example \"1h 30m\", found a boolean",
        ),
        (r#""timeout": 0"#, "`timeout` must be longer than 0; leave it out for no limit"),
        (r#""timeout": "0s""#, "`timeout` must be longer than 0; leave it out for no limit"),
        (
            r#""timeout": 1e300"#,
            "`timeout` must be a duration, in seconds or for example \"1h 30m\", found 1e+300",
        ),
        (r#""grace": []"#, "`grace` must be a duration, in seconds or for example \"1h 30m\", found a list"),
        (
            r#""priority": 1000001"#,
            "`priority` must be a whole number from -1000000 to 1000000, found 1000001",
        ),
        (r#""priority": 0.5"#, "`priority` must be a whole number from -1000000 to 1000000, found 0.5"),
        (
            r#""priority": "high""#,
            "`priority` must be a whole number from -1000000 to 1000000, found a string",
        ),
        (r#""exclusive": 1"#, "`exclusive` must be true or false, found a number"),
        (r#""retry": "3""#, "`retry` must be an object or the number of attempts, found a string"),
        (r#""retry": 0"#, "`retry` must be a whole number from 1 to 1000, found 0"),
        (r#""retry": 2.5"#, "`retry` must be a whole number from 1 to 1000, found 2.5"),
        (
            r#""retry": {"attempts": 1001}"#,
            "`retry.attempts` must be a whole number from 1 to 1000, found 1001",
        ),
        (
            r#""retry": {"attempts": "3"}"#,
            "`retry.attempts` must be a whole number from 1 to 1000, found a string",
        ),
        (
            r#""retry": {"attempts": 2, "backoff": 0.5}"#,
            "`retry.backoff` must be a number from 1 to 1000, found 0.5",
        ),
        (
            r#""retry": {"attempts": 2, "jitter": 1.5}"#,
            "`retry.jitter` must be a number from 0 to 1, found 1.5",
        ),
        (
            r#""retry": {"attempts": 2, "delay": "x"}"#,
            "`retry.delay` must be a duration, in seconds or for example \"1h 30m\", found \"x\"",
        ),
        (
            r#""retry": {"attempts": 2, "delay": 9, "max_delay": 8}"#,
            "`retry.max_delay` must not be shorter than `retry.delay`",
        ),
        (
            r#""retry": {"attempts": 2, "on_exit": 3}"#,
            "`retry.on_exit` must be a list of exit codes and words, found a number",
        ),
        (
            r#""retry": {"attempts": 2, "on_exit": [1, 0]}"#,
            "`retry.on_exit[1]` must be an exit code from 1 to 255, \"signal\", \"timed_out\", \"not_started\", \"lost\", \"unhealthy\" or \"oom\", found 0",
        ),
        (
            r#""retry": {"attempts": 2, "on_exit": ["kill"]}"#,
            "`retry.on_exit[0]` must be an exit code from 1 to 255, \"signal\", \"timed_out\", \"not_started\", \"lost\", \"unhealthy\" or \"oom\", found \"kill\"",
        ),
        (
            r#""retry": {"attempts": 2, "on_exit": [true]}"#,
            "`retry.on_exit[0]` must be an exit code from 1 to 255, \"signal\", \"timed_out\", \"not_started\", \"lost\", \"unhealthy\" or \"oom\", found a boolean",
        ),
        (r#""health": "./ok""#, "`health` must be an object, found a string"),
        (r#""health": {}"#, "`health.command` is missing"),
        (r#""health": {"command": " "}"#, "`health.command` must not be empty"),
        (r#""health": {"command": []}"#, "`health.command` must not be empty"),
        (r#""health": {"command": ["a", 1]}"#, "`health.command[1]` must be a string, found a number"),
        (
            r#""health": {"command": 1}"#,
            "`health.command` must be a string or a list of strings, found a number",
        ),
        (r#""health": {"command": "a", "interval": 0.01}"#, "`health.interval` must be at least 0.1 seconds"),
        (r#""health": {"command": "a", "timeout": 0}"#, "`health.timeout` must be longer than 0"),
        (
            r#""health": {"command": "a", "failures": 0}"#,
            "`health.failures` must be a whole number from 1 to 1000, found 0",
        ),
        (
            r#""health": {"command": "a", "grace": "x"}"#,
            "`health.grace` must be a duration, in seconds or for example \"1h 30m\", found \"x\"",
        ),
        (r#""resources": 1"#, "`resources` must be an object, found a number"),
        (r#""resources": {"cpus": -1}"#, "`resources.cpus` must be a number from 0 to 1000000, found -1"),
        (
            r#""resources": {"cpus": "2"}"#,
            "`resources.cpus` must be a number from 0 to 1000000, found a string",
        ),
        (
            r#""resources": {"memory": "much"}"#,
            "`resources.memory` must be a size, in bytes or for example \"2GiB\", found \"much\"",
        ),
        (
            r#""resources": {"memory": 1.5}"#,
            "`resources.memory` must be a size, in bytes or for example \"2GiB\", found 1.5",
        ),
        (
            r#""resources": {"memory": "9000000TiB"}"#,
            "`resources.memory` must be a size, in bytes or for example \"2GiB\", found \"9000000TiB\"",
        ),
        (
            r#""resources": {"gpus": 0.5}"#,
            "`resources.gpus` must be a whole number from 0 to 9007199254740992, found 0.5",
        ),
        (
            r#""resources": {"slots": -1}"#,
            "`resources.slots` must be a whole number from 0 to 10000, found -1",
        ),
        (
            r#""resources": {"slots": 10001}"#,
            "`resources.slots` must be a whole number from 0 to 10000, found 10001",
        ),
        (
            r#""resources": {"tapes": "2"}"#,
            "`resources.tapes` must be a whole number from 0 to 9007199254740992, found a string",
        ),
        (
            r#""resources": {"mem": "2GiB"}"#,
            "`resources.mem` must be a whole number from 0 to 9007199254740992, found a string (did you mean `memory`?)",
        ),
        (
            r#""resources": {"a b": 1}"#,
            "`resources.a b` is not the name of a resource: a letter, then letters, digits, `_`, `-` and `.`, at most 64 in all",
        ),
        (r#""environ": []"#, "`environ` must be an object, found a list"),
        (r#""environ": {"A": []}"#, "`environ.A` must be a string, number or boolean, found a list"),
        (
            r#""environ": {"1A": ""}"#,
            "`environ.1A` is not the name of a variable: a letter or `_`, then letters, digits and `_`, at most 255 in all",
        ),
        (
            r#""environ": {"A=B": ""}"#,
            "`environ.A=B` is not the name of a variable: a letter or `_`, then letters, digits and `_`, at most 255 in all",
        ),
        (
            r#""environ": {"": ""}"#,
            "`environ.` is not the name of a variable: a letter or `_`, then letters, digits and `_`, at most 255 in all",
        ),
        (
            r#""environ": {"LP_TASK_ID": "x"}"#,
            "`environ.LP_TASK_ID` must not be set: names with LP_ are lp's own",
        ),
        (r#""environ": {"A": "\u0000"}"#, "`environ.A` must not contain a NUL character"),
    ] {
        assert_eq!(message(&one_action(members)), format!("action `a`: {expected}"), "{members}");
    }
}

#[test]
fn an_action_has_at_most_a_hundred_resources() {
    let members: Vec<String> = (0..101).map(|number| format!(r#""tape{number}": 1"#)).collect();

    let error = message(&one_action(&format!(r#""resources": {{{}}}"#, members.join(","))));

    assert_eq!(error, "action `a`: `resources` must have at most 100 entries, it has 101");
}

#[test]
fn env_docker_and_target_must_be_usable() {
    for (members, expected) in [
        (r#""env": 1"#, "`env` must be a string, found a number"),
        (r#""env": """#, "`env` must not be empty"),
        (r#""env": "/opt/venv""#, "`env` must be a path inside the app, not an absolute one"),
        (r#""env": "../../other-venv""#, "`env` must not contain `..`: it is a path inside the app"),
        (r#""env": "venvs/..""#, "`env` must not contain `..`: it is a path inside the app"),
        (r#""env": "venvs\\venv""#, "`env` must not contain backslashes, control or invisible characters"),
        (r#""env": "venvs/\u0007""#, "`env` must not contain backslashes, control or invisible characters"),
        (r#""env": "./""#, "`env` must not be the app's own directory"),
        (
            r#""env": "venvs/vnv""#,
            "`env` is `venvs/vnv`, but the app has neither `venvs/vnv.tar.gz` nor `venvs/vnv/bin/activate`",
        ),
        (r#""env": "numpy@""#, "`env` has no version after its `@`; write `name` or `name@version`"),
        (r#""env": "@1""#, "`env` is taken for the name of a venv, which must not be empty"),
        (
            r#""env": " numpy""#,
            "`env` is taken for the name of a venv, which must not begin or end with white space",
        ),
        (r#""docker": "img""#, "`docker` must be an object, found a string"),
        (
            r#""docker": {"tag": "1"}"#,
            "`docker.name` is missing; write the image as `docker.image`, or as `docker.name` and `docker.tag`",
        ),
        (r#""docker": {"name": ["img"]}"#, "`docker.name` must be a string, found a list"),
        (
            r#""docker": {"name": "-v /:/host"}"#,
            "`docker.name` has the part `-v `, which is not letters and digits with single `.`, `_`, `__` or dashes between them",
        ),
        (
            r#""docker": {"name": "img", "tag": "a b"}"#,
            "`docker.tag` has the tag `a b`, which is not a letter, digit or `_`, then letters, digits and any of `._-`, at most 128 in all",
        ),
        (
            r#""docker": {"image": "Img"}"#,
            "`docker.image` must be written in lower case before its tag: `Img`",
        ),
        (
            r#""docker": {"image": "img", "tag": "1"}"#,
            "`docker.tag` must not be given with `docker.image`, which says all",
        ),
        (
            r#""docker": {"name": "img:2", "tag": "1"}"#,
            "`docker.tag` must not be given with a `docker.name` that has a tag or digest",
        ),
        (
            r#""docker": {"image": "img", "pull": "sometimes"}"#,
            "`docker.pull` must be \"missing\", \"always\" or \"never\", found \"sometimes\"",
        ),
        (
            r#""docker": {"image": "img", "args": {"mem_limt": "1g"}}"#,
            "`docker.args.mem_limt` is not known; did you mean `mem_limit`?",
        ),
        (
            r#""docker": {"image": "img", "args": {"detach": true}}"#,
            "`docker.args.detach` must be left out: lp itself watches the container",
        ),
        (r#""docker": {"name": "img", "tag": true}"#, "`docker.tag` must be a string, found a boolean"),
        (r#""docker": {"name": "img", "args": ["x"]}"#, "`docker.args` must be an object, found a list"),
        (r#""target_env": "x86_64""#, "`target_env` must be an object, found a string"),
        (r#""target_env": {"gpu": true}"#, "`target_env` has the unknown key `gpu`"),
        (r#""target_env": {"node": "x"}"#, "`target_env` has the unknown key `node`"),
        (
            r#""target_env": {"arch": "x86_64"}"#,
            "`target_env` has the unknown key `arch`; did you mean `platform`?",
        ),
        (
            r#""target_env": {"docker_suport": true}"#,
            "`target_env` has the unknown key `docker_suport`; did you mean `docker_support`?",
        ),
        (
            r#""target_env": {"labels": ["a100"]}"#,
            "`target_env.labels` must be an object of conditions by label, found a list",
        ),
        (
            r#""target_env": {"labels": {"gpu": {}}}"#,
            "`target_env.labels.gpu` must be a text such as \"a100\" or \"!a100\", or a list of such texts, found an object",
        ),
        (
            r#""target_env": {"labels": {"g pu": "a100"}}"#,
            "`target_env.labels.g pu` must begin with a letter or digit and have only letters, digits, `.`, `_`, `-` and `/`, at most 63",
        ),
        (r#""target_env": {"labels": {"gpu": []}}"#, "`target_env.labels.gpu` must name at least one value"),
        (
            r#""target_env": {"label": {"gpu": "a100"}}"#,
            "`target_env` has the unknown key `label`; did you mean `labels`?",
        ),
        (r#""target_env": {"platform": ""}"#, "`target_env.platform` must not be empty"),
        (
            r#""target_env": {"docker_support": "true"}"#,
            "`target_env.docker_support` must be true or false, found a string",
        ),
        (
            r#""target_env": {"node_id": "box-1"}"#,
            "`target_env.node_id` must be the id of a node, as `lp node list` shows it, found \"box-1\"",
        ),
        (r#""target_env": {"node_ip": 1}"#, "`target_env.node_ip` must be a string, found a number"),
        (
            r#""target_env": {"node_ip": "a\n"}"#,
            "`target_env.node_ip` must be at most 255 bytes long and without control characters",
        ),
    ] {
        assert_eq!(message(&one_action(members)), format!("action `a`: {expected}"), "{members}");
    }
}

#[test]
fn environments_to_be_built_keep_their_rules() {
    for (env, expected) in [
        (
            r#"{}"#,
            "`env` must have `uv`, `requirements` or `packages`, for instance {\"requirements\": \"requirements.txt\"}",
        ),
        (
            r#"{"python": "3.12"}"#,
            "`env` must have `uv`, `requirements` or `packages`, for instance {\"requirements\": \"requirements.txt\"}",
        ),
        (
            r#"{"packages": ["a"], "uv": "uv.lock"}"#,
            "`env.packages` cannot be given with `uv`: an environment is built from one of them",
        ),
        (
            r#"{"requirment": "r.txt"}"#,
            "`env.requirment` is not known; an environment has `uv`, `requirements` or `packages`, and `python`; did you mean `requirements`?",
        ),
        (
            r#"{"requirements": "../r.txt"}"#,
            "`env.requirements` must not contain `..`: it is a path inside the app",
        ),
        (
            r#"{"requirements": "/r.txt"}"#,
            "`env.requirements` must be a path inside the app, not an absolute one",
        ),
        (r#"{"requirements": ["r.txt"]}"#, "`env.requirements` must be a string, found a list"),
        (r#"{"uv": "poetry.lock"}"#, "`env.uv` must name a file called `uv.lock`, as uv itself calls it"),
        (r#"{"packages": []}"#, "`env.packages` must name at least one package"),
        (
            r#"{"packages": "numpy"}"#,
            "`env.packages` must be a list of packages such as [\"numpy==2.1\"], found a string",
        ),
        (r#"{"packages": ["numpy", 2]}"#, "`env.packages[1]` must be a string, found a number"),
        (r#"{"packages": [" "]}"#, "`env.packages[0]` must not be empty"),
        (
            r#"{"packages": ["-r x"]}"#,
            "`env.packages[0]` is an option; options such as `--index-url` belong in a requirements.txt, or in the nodes' configuration of pip or uv",
        ),
        (
            r#"{"packages": ["numpy --pre"]}"#,
            "`env.packages[0]` must not carry options; they belong in a requirements.txt",
        ),
        (
            r#"{"packages": ["x @ file:///x.whl"]}"#,
            "`env.packages[0]` must not name a file: put a wheel of the package into `wheels/` of the app and write its name",
        ),
        (
            r#"{"packages": ["a\nb"]}"#,
            "`env.packages[0]` must be at most 500 bytes long and without control or invisible characters",
        ),
        (
            r#"{"packages": ["a"], "python": 3.10}"#,
            "`env.python` must be written in quotes, for instance \"3.12\"",
        ),
        (
            r#"{"packages": ["a"], "python": "3.12.4"}"#,
            "`env.python` must be a version of Python 3 such as \"3.12\", without a third number",
        ),
        (
            r#"{"packages": ["a"], "python": "2.7"}"#,
            "`env.python` must be a version of Python 3 such as \"3.12\", without a third number",
        ),
    ] {
        assert_eq!(
            message(&one_action(&format!(r#""env": {env}"#))),
            format!("action `a`: {expected}"),
            "{env}"
        );
    }
}
