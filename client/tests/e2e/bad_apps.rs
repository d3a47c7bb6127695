//! Bad applications harm nobody but themselves: each is refused with one sentence, or ends or waits with a reason, and an innocent task that is
//! submitted beside it is finished within seconds.
//!
//! Where the kind is one that jammed a LitePipeline cluster, that is said behind it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Cluster, example, write_app};

enum Ends {
    /// At upload, with this in the sentence.
    Refused(&'static str),
    Success,
    /// With this in the reason.
    Fails(&'static str),
    /// Until it is stopped; `lp why` says this.
    Waits(&'static str),
}

use Ends::{Fails, Refused, Success, Waits};

const UPLOADS: &[(&str, &str, Ends)] = &[
    ("no actions", "{}", Refused("`actions` is missing")), // jam
    ("no action", r#"{"actions": []}"#, Refused("at least one action")), // ran for ever
    ("actions no list", r#"{"actions": {"name": "a"}}"#, Refused("`actions` must be a list of actions")),
    ("an action no object", r#"{"actions": ["a"]}"#, Refused("`actions[0]` must be an object")),
    ("no name", r#"{"actions": [{"main": "true"}]}"#, Refused("action 1: `name` is missing")), // jam
    ("name a number", r#"{"actions": [{"name": 1, "main": "true"}]}"#, Refused("`name` must be a string")),
    ("empty name", r#"{"actions": [{"name": "", "main": "true"}]}"#, Refused("must not be empty")),
    ("name a path", r#"{"actions": [{"name": "../../x", "main": "true"}]}"#, Refused("must not contain `/`")), // wrote outside
    (
        "name unseen",
        "{\"actions\": [{\"name\": \"a\u{202e}b\", \"main\": \"true\"}]}",
        Refused("invisible or text-reversing"),
    ),
    (
        "reserved name",
        r#"{"actions": [{"name": "success", "main": "true"}]}"#,
        Refused("reserved for the event action"),
    ), // ran for ever
    (
        "name twice",
        r#"{"actions": [{"name": "a", "main": "true"}, {"name": "a", "main": "true"}]}"#,
        Refused("already taken by action 1"),
    ), // ran for ever
    ("no main", r#"{"actions": [{"name": "a"}]}"#, Refused("action `a`: `main` is missing")), // lost in the node
    ("empty main", r#"{"actions": [{"name": "a", "main": " "}]}"#, Refused("`main` must not be empty")),
    (
        "main without words",
        r#"{"actions": [{"name": "a", "main": []}]}"#,
        Refused("`main` must not be empty"),
    ),
    (
        "main a number",
        r#"{"actions": [{"name": "a", "main": 7}]}"#,
        Refused("`main` must be a string or a list of strings"),
    ),
    (
        "unknown condition",
        r#"{"actions": [{"name": "a", "main": "true", "condition": ["b"]}]}"#,
        Refused("names the unknown action `b`"),
    ), // ran for ever
    (
        "condition no list",
        r#"{"actions": [{"name": "a", "main": "true", "condition": "b"}]}"#,
        Refused("`condition` must be a list of action names"),
    ),
    (
        "condition of numbers",
        r#"{"actions": [{"name": "a", "main": "true", "condition": [1]}]}"#,
        Refused("`condition[0]` must be the name of an action"),
    ),
    (
        "cycle",
        r#"{"actions": [{"name": "a", "main": "true", "condition": ["b"]}, {"name": "b", "main": "true", "condition": ["a"]}]}"#,
        Refused("waits for itself: a -> b -> a"),
    ), // ran for ever
    (
        "cycle of one",
        r#"{"actions": [{"name": "a", "main": "true", "condition": ["a"]}]}"#,
        Refused("waits for itself: a -> a"),
    ), // ran for ever
    (
        "unknown output_action",
        r#"{"actions": [{"name": "a", "main": "true"}], "output_action": "b"}"#,
        Refused("`output_action` names the unknown action `b`"),
    ),
    (
        "output_action a number",
        r#"{"actions": [{"name": "a", "main": "true"}], "output_action": 1}"#,
        Refused("`output_action` must be a string"),
    ),
    (
        "unknown target_env",
        r#"{"actions": [{"name": "a", "main": "true", "target_env": {"gpu": true}}]}"#,
        Refused("`target_env` has the unknown key `gpu`"),
    ), // jam
    (
        "target_env a text",
        r#"{"actions": [{"name": "a", "main": "true", "target_env": "x86_64"}]}"#,
        Refused("`target_env` must be an object"),
    ),
    (
        "docker a text",
        r#"{"actions": [{"name": "a", "main": "true", "docker": "image"}]}"#,
        Refused("`docker` must be"),
    ),
    (
        "env without its tarball",
        r#"{"actions": [{"name": "a", "main": "true", "env": "venvs/none"}]}"#,
        Refused("the app has neither `venvs/none.tar.gz`"),
    ), // lost in the node
    (
        "env absolute",
        r#"{"actions": [{"name": "a", "main": "true", "env": "/usr"}]}"#,
        Refused("not an absolute one"),
    ),
    (
        "env outside",
        r#"{"actions": [{"name": "a", "main": "true", "env": "../x"}]}"#,
        Refused("must not contain `..`"),
    ),
    ("no attempt", r#"{"actions": [{"name": "a", "main": "true", "retry": 0}]}"#, Refused("`retry`")),
    (
        "timeout of nothing",
        r#"{"actions": [{"name": "a", "main": "true", "timeout": 0}]}"#,
        Refused("must be longer than 0"),
    ),
    (
        "timeout a word",
        r#"{"actions": [{"name": "a", "main": "true", "timeout": "soon"}]}"#,
        Refused("`timeout` must be a duration"),
    ),
    (
        "memory a word",
        r#"{"actions": [{"name": "a", "main": "true", "resources": {"memory": "lots"}}]}"#,
        Refused("`resources.memory` must be a size"),
    ),
    (
        "less than no cpu",
        r#"{"actions": [{"name": "a", "main": "true", "resources": {"cpus": -1}}]}"#,
        Refused("`resources.cpus` must be"),
    ),
    (
        "priority a word",
        r#"{"actions": [{"name": "a", "main": "true", "priority": "high"}]}"#,
        Refused("`priority` must be"),
    ),
    (
        "a variable of ours",
        r#"{"actions": [{"name": "a", "main": "true", "environ": {"LP_TASK_ID": "x"}}]}"#,
        Refused("names with LP_ are lp's own"),
    ),
    (
        "environ a list",
        r#"{"actions": [{"name": "a", "main": "true", "environ": ["A=b"]}]}"#,
        Refused("`environ` must be an object"),
    ),
    (
        "event_actions a list",
        r#"{"actions": [{"name": "a", "main": "true"}], "event_actions": [1]}"#,
        Refused("`event_actions` must be an object"),
    ),
    (
        "event without main",
        r#"{"actions": [{"name": "a", "main": "true"}], "event_actions": {"fail": {}}}"#,
        Refused("event action `fail`: `main` is missing"),
    ),
    ("no JSON", "actions: [a]", Refused("line 1")), // accepted, then an error
    ("a list", "[]", Refused("the manifest must be an object")),
    (
        "a key twice",
        r#"{"actions": [], "actions": [{"name": "a", "main": "true"}]}"#,
        Refused("`actions` stands twice"),
    ),
    ("empty", "", Refused("it is empty")),
];

/// What is wrong, the manifest, the app's other files, and the end.
type Run<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Ends);

const RUNS: &[Run<'_>] = &[
    ("no output_action", r#"{"actions": [{"name": "a", "main": "true", "condition": []}]}"#, &[], Success), // jam
    ("no condition", r#"{"actions": [{"name": "a", "main": "true"}], "output_action": "a"}"#, &[], Success), // jam
    (
        "nothing left for who waits",
        r#"{"actions": [{"name": "a", "main": "true"}, {"name": "b", "main": "sh b.sh", "condition": ["a"]}]}"#,
        &[("b.sh", "grep -q '\"a\": *{}' $1/input.data\n")],
        Success,
    ), // jam
    (
        "output without data",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}, {"name": "b", "main": "true", "condition": ["a"]}]}"#,
        &[("a.sh", "echo '{}' > $1/output.data\n")],
        Success,
    ), // jam
    (
        "output no JSON",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "echo nonsense > $1/output.data\n")],
        Fails("it is not JSON"),
    ), // lost in the node
    (
        "output a list",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "echo '[1]' > $1/output.data\n")],
        Fails("not a JSON object"),
    ),
    (
        "made without condition and input",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "echo '{\"actions\": [{\"name\": \"b\", \"main\": \"true\"}]}' > $1/output.data\n")],
        Success,
    ), // jam, and lost in the node
    (
        "made of its maker's name",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "echo '{\"actions\": [{\"name\": \"a\", \"main\": \"true\"}]}' > $1/output.data\n")],
        Fails("the task has an action of that name"),
    ), // jam for good
    (
        "made for nobody",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[(
            "a.sh",
            "echo '{\"actions\": [{\"name\": \"b\", \"main\": \"true\", \"to_action\": \"c\"}]}' > $1/output.data\n",
        )],
        Fails("`to_action` names the unknown action `c`"),
    ),
    (
        "made in a circle",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[(
            "a.sh",
            "echo '{\"actions\": [{\"name\": \"b\", \"main\": \"true\", \"condition\": [\"c\"]}, {\"name\": \"c\", \"main\": \"true\", \"condition\": [\"b\"]}]}' > $1/output.data\n",
        )],
        Fails("waits for itself: b -> c -> b"),
    ),
    (
        "made without main",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "echo '{\"actions\": [{\"name\": \"b\"}]}' > $1/output.data\n")],
        Fails("action `b`: `main` is missing"),
    ),
    (
        "made no list",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "echo '{\"actions\": 3}' > $1/output.data\n")],
        Fails("`actions` must be a list of actions"),
    ),
    (
        "program not there",
        r#"{"actions": [{"name": "a", "main": "no-such-program"}]}"#,
        &[],
        Fails("no-such-program"),
    ),
    (
        "interpreter not there",
        r#"{"actions": [{"name": "a", "main": ["./a.sh"]}]}"#,
        &[("a.sh", "#!/no/such/shell\n")],
        Fails("/no/such/shell"),
    ),
    (
        "unknown venv",
        r#"{"actions": [{"name": "a", "main": "true", "env": "0123456789abcdef0123456789abcdef"}]}"#,
        &[],
        Fails("there is no venv"),
    ), // no explanation
    (
        "killed by itself",
        r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#,
        &[("a.sh", "kill -9 $$\n")],
        Fails("signal 9"),
    ),
    (
        "too long",
        r#"{"actions": [{"name": "a", "main": "sleep 1000 #", "timeout": 0.2}]}"#,
        &[],
        Fails("timed out"),
    ),
    (
        "no such platform",
        r#"{"actions": [{"name": "a", "main": "true", "target_env": {"platform": "pdp11"}}]}"#,
        &[],
        Waits("pdp11"),
    ), // jam
    (
        "more than any node has",
        r#"{"actions": [{"name": "a", "main": "true", "resources": {"memory": "8TiB"}}]}"#,
        &[],
        Waits("memory"),
    ),
    (
        "no such platform beside a free action",
        r#"{"actions": [{"name": "free", "main": "true"}, {"name": "a", "main": "true", "target_env": {"platform": "pdp11"}}]}"#,
        &[],
        Waits("pdp11"),
    ), // ran on a wrong node
];

#[test]
fn what_is_bad_is_refused_at_upload_and_an_innocent_task_runs() {
    let cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    for (number, (kind, manifest, ends)) in UPLOADS.iter().enumerate() {
        let Refused(sentence) = ends else { panic!("{kind}: this table is of refusals") };
        let app = write_app(&cluster.path(&format!("bad{number}")), &[("configuration.json", manifest)]);

        let error = refusal(&cluster, &app);

        assert!(error.contains(sentence), "{kind}: {error}");
        cluster.succeed("hello", "{}");
    }
    let apps = cluster.lp(&["app", "list", "-o", "name"]).ok();
    assert_eq!(apps.text().lines().count(), 1, "nothing is left of a refused one");
}

#[test]
fn a_corrupt_archive_and_one_without_a_manifest_are_refused_at_upload() {
    let cluster = Cluster::up();
    for (name, bytes, sentence) in [
        ("cut.zip", &b"PK\x03\x04\x14\0\0\0"[..], "the zip: its end is missing"),
        ("text.tar.gz", b"hello", "cannot recognise the archive"),
    ] {
        let path = cluster.path(name);
        fs::write(&path, bytes).unwrap();
        let error = refusal(&cluster, &path);
        assert!(error.contains(sentence), "{name}: {error}");
    }
    let error = refusal(&cluster, &write_app(&cluster.path("none"), &[("a.sh", "true")]));
    assert!(error.contains("configuration.json"), "{error}");
}

fn refusal(cluster: &Cluster, path: &Path) -> String {
    let ran = cluster.lp(&["app", "create", "-f", path.to_str().unwrap()]).ends_with(5);
    ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default().to_owned()
}

#[test]
fn what_goes_wrong_later_ends_or_waits_with_a_reason_and_an_innocent_task_runs() {
    let cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    for (number, (kind, manifest, files, ends)) in RUNS.iter().enumerate() {
        let name = format!("bad{number}");
        let app = app(&cluster.path(&name), manifest, files);
        // without --strict: a venv that is not there yet is a warning
        cluster.lp(&["app", "create", "-f", app.to_str().unwrap()]).ok();
        let id = cluster.lp(&["task", "create", "-a", &name, "-o", "name"]).ok().text().to_owned();

        cluster.succeed("hello", "{}");

        match ends {
            Success => drop(cluster.lp(&["task", "wait", &id]).ok()),
            Fails(reason) => {
                cluster.lp(&["task", "wait", &id]).ends_with(1);
                let why = cluster.lp(&["why", &id]).ok().stdout;
                assert!(why.contains(reason), "{kind}: {why}");
            }
            Waits(reason) => {
                let why = cluster.lp(&["why", &id]).ok().stdout;
                assert!(why.contains(reason), "{kind}: {why}");
                cluster.lp(&["task", "stop", &id, "--wait"]).ok();
                let task = cluster.lp(&["task", "info", &id, "-r"]).ok().json();
                assert_eq!(task["status"], "kill", "{kind}");
                let actions = task["actions"].as_array().unwrap();
                let restricted = actions.iter().find(|action| action["name"] == "a").unwrap();
                assert_eq!(restricted["attempts"], serde_json::json!([]), "{kind}: it ran where it must not");
            }
            Refused(_) => panic!("{kind}: this table is of what is accepted"),
        }
    }
}

fn app(directory: &Path, manifest: &str, files: &[(&str, &str)]) -> PathBuf {
    let mut all = vec![("configuration.json", manifest)];
    all.extend(files);
    write_app(directory, &all)
}
