//! Environments that nodes build from locks: once for all of them, with real processes, without a network.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use serde_json::Value;

use crate::common::{Cluster, PATIENCE, copy, example, run, write_app};

/// Stands for uv: says its process id through the gate, waits for a word, and makes an environment of the wheels, or of nothing but a module
/// `numpy` where it is to sync a lock. Where the file `$UV_FAIL` is there it fails.
const UV: &str = r#"#!/bin/sh
for word; do case "$word" in */.build-*/env) dest=$word;; */.build-*/env/bin/python) dest=${word%/bin/python};; esac; done
case "$1" in
venv)
    if [ -e "$UV_FAIL" ]; then echo 'no such package anywhere'; exit 3; fi
    if [ -n "$UV_GATE" ]; then echo $$ > "$UV_GATE"; read word < "$UV_GO"; fi
    exec python3 -m venv --without-pip "$dest";;
pip)
    while [ "$1" != --find-links ]; do shift; done
    exec python3 -m zipfile -e "$2"/*.whl "$dest"/lib/python3*/site-packages;;
sync)
    for site in "$UV_PROJECT_ENVIRONMENT"/lib/python3*/site-packages; do
        printf '__version__ = "0"\nclass array(list):\n    def sum(self): return sum(self)\n' > "$site/numpy.py"
    done;;
esac
"#;

/// A manager and a node, whose uv is ours and waits for us.
struct Bed {
    cluster: Cluster,
}

impl Bed {
    fn start() -> Self {
        let mut cluster = Cluster::empty();
        write_app(&cluster.path("bin"), &[("uv", UV)]);
        for name in ["gate", "go"] {
            nix::unistd::mkfifo(&cluster.path(name), Mode::S_IRWXU).unwrap();
        }
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let path = format!("{}:{}", text(cluster.path("bin")), Cluster::search_path().to_str().unwrap());
        let (gate, go, fail) =
            (text(cluster.path("gate")), text(cluster.path("go")), text(cluster.path("fail")));
        for (name, value) in [("PATH", path), ("UV_GATE", gate), ("UV_GO", go), ("UV_FAIL", fail)] {
            cluster.set(name, &value);
        }
        cluster.start_apart(1);
        cluster.create_app(&requirements(&cluster));
        Self { cluster }
    }

    fn create(&self) -> String {
        self.cluster.lp(&["task", "create", "-a", "requirements", "-o", "name"]).ok().text().to_owned()
    }

    /// Waits until a build has begun; its process.
    fn begun(&self) -> String {
        fs::read_to_string(self.cluster.path("gate")).unwrap().trim().to_owned()
    }

    fn go_on(&self) {
        fs::write(self.cluster.path("go"), "go\n").unwrap();
    }

    fn wait(&self, task: &str) -> Value {
        self.cluster.lp(&["task", "wait", task]).ok();
        self.cluster.lp(&["task", "info", task, "-r"]).ok().json()
    }

    /// The only build.
    fn build(&self) -> Value {
        let builds = self.cluster.lp(&["venv", "build", "list", "-o", "json"]).ok().json();
        let items = builds.as_array().cloned().unwrap_or_default();
        assert_eq!(items.len(), 1, "{builds}");
        items[0].clone()
    }

    /// Directories of builds in the node's cache.
    fn half_made(&self) -> usize {
        let entries = fs::read_dir(self.cluster.path("node/cache")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".build-"))
            .count()
    }
}

/// The example with its wheel, as an application.
fn requirements(cluster: &Cluster) -> PathBuf {
    let app = cluster.path("requirements");
    copy(&example("environments").join("requirements"), &app);
    copy(&example("environments").join("requirements/package/lpwords"), &app.join("package/lpwords"));
    run(std::process::Command::new("python3").arg(app.join("make-wheel.py")), "").ok();
    app
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_gone(pid: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid).join("status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

fn kinds(task: &Value, action: usize) -> Vec<String> {
    let steps = task["actions"][action]["attempts"][0]["preparing"].as_array().cloned().unwrap_or_default();
    steps
        .iter()
        .map(|step| format!("{} {}", step["kind"].as_str().unwrap(), step["what"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_second_node_fetches_what_the_first_has_built_without_a_network() {
    let mut cluster = Cluster::empty();
    cluster.set("PIP_NO_INDEX", "1");
    cluster.set("UV_OFFLINE", "1");
    cluster.start_apart(1);
    let _second = cluster.another_node("second");
    until("the second node", || cluster.lp(&["node", "list", "-o", "name"]).ok().text().lines().count() == 2);
    let app = requirements(&cluster);
    let action = |name: &str| {
        format!(
            r#"{{"name": "{name}", "env": {{"requirements": "requirements.txt"}}, "main": ["python", "count.py", "{{workspace}}"]}}"#
        )
    };
    let manifest = format!(r#"{{"actions": [{}, {}]}}"#, action("a"), action("b"));
    write_app(&app, &[("configuration.json", &manifest)]);
    cluster.create_app(&app);

    let task = cluster.succeed("requirements", r#"{"text": "all for one"}"#);

    let nodes: Vec<&Value> =
        (0..2).map(|action| &task["actions"][action]["attempts"][0]["node_id"]).collect();
    assert_ne!(nodes[0], nodes[1]);
    for action in ["a", "b"] {
        assert_eq!(task["result"][action]["result"]["data"]["words"], 3);
    }
    let all = [kinds(&task, 0), kinds(&task, 1)];
    let built = all.iter().position(|kinds| kinds.iter().any(|kind| kind.starts_with("build "))).unwrap();
    let fetched = &all[1 - built];
    assert!(!fetched.iter().any(|kind| kind.starts_with("build ")), "{all:?}");
    assert!(fetched.contains(&"fetch venv".to_owned()), "{all:?}");
    let metrics = metrics(&cluster);
    for (name, count) in [("begun", 1), ("done", 1), ("failed", 0)] {
        assert!(metrics.contains(&format!("lp_builds_{name}_total {count}\n")), "{name}: {metrics}");
    }
    // what was made is there at once the next time
    let again = cluster.succeed("requirements", "{}");
    assert!(!again.to_string().contains("\"build\""), "{again}");
}

fn metrics(cluster: &Cluster) -> String {
    let text = fs::read_to_string(cluster.context()).unwrap();
    let context: Value = serde_json::from_str(&text).unwrap();
    let address = context["manager"].as_str().unwrap().trim_start_matches("http://").to_owned();
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let token = context["token"].as_str().unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_node_killed_in_a_build_leaves_nothing_half_made_and_builds_anew() {
    let mut bed = Bed::start();
    let task = bed.create();
    let first = bed.begun();
    bed.cluster.kill_node();
    assert_eq!(bed.half_made(), 1);

    bed.cluster.start_node();
    let second = bed.begun();

    assert_ne!(first, second);
    assert!(is_gone(&first), "the build of the node that was killed lives on");
    assert_eq!(bed.half_made(), 1, "that of the second build alone");
    bed.go_on();
    let task = bed.wait(&task);
    assert_eq!(task["result"]["count"]["result"]["data"]["version"], "1.0");
    assert_eq!((bed.half_made(), bed.build()["number"].as_u64()), (0, Some(2)));
}

#[test]
fn a_stop_ends_the_build_that_nobody_else_waits_for() {
    let bed = Bed::start();
    let task = bed.create();
    let pid = bed.begun();
    until("an answer to why", || {
        let why = bed.cluster.lp(&["why", &task]).ok();
        why.text().contains("environment (requirements.txt)")
    });
    let log = bed.build()["key"].as_str().unwrap().to_owned();
    let log = bed.cluster.lp(&["venv", "build", "log", &log[..12]]).ok();

    bed.cluster.lp(&["task", "stop", &task, "--wait"]).ok();

    until("the end of the build", || is_gone(&pid) && bed.half_made() == 0);
    until("word of it", || bed.build()["state"] == "later");
    assert!(log.text().contains("lp: building requirements.txt"), "{log:?}");
    let again = bed.create();
    bed.begun();
    bed.go_on();
    bed.wait(&again);
}

#[test]
fn a_build_that_failed_says_why_and_is_tried_again_on_request() {
    let bed = Bed::start();
    fs::write(bed.cluster.path("fail"), "").unwrap();
    let task = bed.create();
    until("the failure", || {
        bed.cluster.lp(&["venv", "build", "list", "-o", "name"]).text().len() == 64
            && bed.build()["state"] == "later"
    });
    let key = bed.build()["key"].as_str().unwrap()[..12].to_owned();

    let log = bed.cluster.lp(&["venv", "build", "log", &key]).ok();
    let info = bed.cluster.lp(&["venv", "build", "info", &key]).ok();
    until("the reason", || bed.cluster.lp(&["why", &task]).ok().text().contains("to be built again at"));
    fs::remove_file(bed.cluster.path("fail")).unwrap();
    bed.cluster.lp(&["venv", "build", "delete", &key, "--yes"]).ends_with(5);
    bed.cluster.lp(&["venv", "build", "retry", &key]).ok();

    bed.begun();
    bed.go_on();
    bed.wait(&task);
    assert!(log.text().contains("no such package anywhere"), "{log:?}");
    assert!(info.text().contains("its last words: no such package anywhere"), "{info:?}");
    bed.cluster.lp(&["venv", "build", "retry", &key]).ends_with(5);
    bed.cluster.lp(&["venv", "build", "delete", &key, "--yes"]).ok();
    bed.cluster.lp(&["venv", "build", "info", &key]).ends_with(3);
}

#[test]
fn a_lock_of_uv_is_synced() {
    let bed = Bed::start();
    let app = bed.cluster.path("uv");
    copy(&example("environments").join("uv"), &app);
    fs::write(
        app.join("uv.lock"),
        "version = 1\n\n[[package]]\nname = \"lock-uv\"\nsource = { virtual = \".\" }\n",
    )
    .unwrap();
    bed.cluster.create_app(&app);
    let task = bed.cluster.lp(&["task", "create", "-a", "uv", "-o", "name"]).ok().text().to_owned();
    // the gate is opened for the word, however the build gets to it
    bed.begun();
    drop(
        OpenOptions::new()
            .write(true)
            .open(bed.cluster.path("go"))
            .map(|mut go| std::io::Write::write_all(&mut go, b"go\n")),
    );

    let task = bed.wait(&task);

    assert_eq!(task["result"]["sum"]["result"]["data"]["sum"], 6.0);
    assert_eq!(bed.build()["recipe"]["source"]["uv"], "uv.lock");
}

#[test]
fn a_lock_that_is_not_in_the_app_is_refused() {
    let cluster = Cluster::up();
    for (env, files, said) in [
        (r#"{"requirements": "no.txt"}"#, &[][..], "names `no.txt`, which the app does not have"),
        (r#"{"uv": "uv.lock"}"#, &[("uv.lock", "version = 1")], "no `pyproject.toml` beside it"),
        (
            r#"{"requirements": "r.txt"}"#,
            &[("r.txt", "-r other.txt\n")],
            "`other.txt` is not in the app (`r.txt` includes it)",
        ),
        (
            r#"{"requirements": "r.txt"}"#,
            &[("r.txt", "numpy\n-e .\n")],
            "`r.txt`, line 2: a package of a directory",
        ),
        (r#"{"requirement": "r.txt"}"#, &[("r.txt", "")], "did you mean `requirements`?"),
        (r#"{"packages": ["--index-url=http://x"]}"#, &[], "is an option"),
    ] {
        let manifest = format!(r#"{{"actions": [{{"name": "a", "main": "true", "env": {env}}}]}}"#);
        let files: Vec<(&str, &str)> =
            [("configuration.json", manifest.as_str())].into_iter().chain(files.iter().copied()).collect();
        let app = write_app(&cluster.path(&format!("app{}", said.len())), &files);

        let refused = cluster.lp(&["app", "create", "-f", app.to_str().unwrap()]).ends_with(5);

        assert!(refused.stderr.contains(said), "{env}: {refused:?}");
    }
}
