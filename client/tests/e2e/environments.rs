//! Environments from everywhere: packed by `lp`, by conda-pack, or no Python at all; on two nodes; and a cache that stays small.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::stat::Mode;
use serde_json::{Value, json};

use crate::common::{Cluster, Part, copy, example, run, write_app};

/// A wheel that stands in for numpy, so that no test needs a network. The real one was tried by hand.
const MAKE_WHEEL: &str = r#"
import sys, zipfile
files = {
    "numpy/__init__.py": "__version__ = '0.0.1'\ndef array(x): return list(x)\ndef mean(x): return sum(x) / len(x)\n"
        "def main():\n    import sys\n    print('numpy of', sys.prefix)\n",
    "numpy-0.0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n",
    "numpy-0.0.1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "numpy-0.0.1.dist-info/entry_points.txt": "[console_scripts]\nwhich-numpy = numpy:main\n",
}
record = "".join(f"{name},,\n" for name in files)
files["numpy-0.0.1.dist-info/RECORD"] = record + "numpy-0.0.1.dist-info/RECORD,,\n"
with zipfile.ZipFile(sys.argv[1] + "/numpy-0.0.1-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
"#;

/// The directory of wheels.
fn wheels(cluster: &Cluster) -> PathBuf {
    let dir = cluster.path("wheels");
    fs::create_dir(&dir).unwrap();
    let made = run(Command::new("python3").args(["-c", MAKE_WHEEL]).arg(&dir), "");
    assert_eq!(made.code, 0, "{}", made.stderr);
    dir
}

/// Makes an environment of the example's requirements, at this path.
fn pack(cluster: &Cluster, to: &Path) {
    let requirements = example("environments").join("uploaded/requirements.txt");
    let wheels = wheels(cluster);
    let words = ["venv", "pack", "-r", text(&requirements), "--wheels", text(&wheels), "--output", text(to)];
    cluster.lp(&words).ok();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn data<'a>(task: &'a Value, action: &str) -> &'a Value {
    &task["result"][action]["result"]["data"]
}

/// Waits until so many nodes are connected.
fn wait_for(cluster: &Cluster, nodes: u64) {
    let begin = std::time::Instant::now();
    while cluster.lp(&["status", "-r"]).ok().json()["nodes_connected"] != nodes {
        assert!(begin.elapsed() < crate::common::PATIENCE, "the nodes do not come");
    }
}

fn start_second(cluster: &Cluster) -> Part {
    let token = cluster.lp(&["node", "token", "-q"]).ok().text().to_owned();
    let context: Value = serde_json::from_str(&fs::read_to_string(cluster.context()).unwrap()).unwrap();
    let mut command =
        cluster.command(&["node", "--name", "second", "--log-level", "warn", "--slots", "1", "--manager"]);
    command.arg(context["manager"].as_str().unwrap()).arg("--data").arg(cluster.path("second"));
    Part::start(command.env("LP_JOIN_TOKEN", token))
}

#[test]
fn one_app_runs_with_its_environment_inside_and_apart_on_two_nodes() {
    let cluster = Cluster::apart(1);
    wait_for(&cluster, 1);
    let first = cluster.lp(&["node", "list", "-r"]).ok().json()[0]["name"].as_str().unwrap().to_owned();
    let _second = start_second(&cluster);
    wait_for(&cluster, 2);
    let packed = cluster.path("venv.tar.gz");
    pack(&cluster, &packed);
    let in_app = cluster.path("in_app");
    copy(&example("environments").join("in_app"), &in_app);
    fs::create_dir(in_app.join("venvs")).unwrap();
    fs::copy(&packed, in_app.join("venvs/venv.tar.gz")).unwrap();
    cluster.lp(&["venv", "create", "-f", text(&packed), "-n", "science"]).ok();
    cluster.create_app(&in_app);
    cluster.create_app(&example("environments").join("uploaded"));
    let info = || cluster.lp(&["venv", "info", "science", "-r"]).ok().json();
    assert_eq!((&info()["nodes"], &info()["users"]["apps"][0]["name"]), (&json!([]), &json!("uploaded")));
    assert_eq!(info()["users"]["apps"][0]["actions"], json!(["plain", "vector"]));

    for (drained, other) in [("second", first.as_str()), (first.as_str(), "second")] {
        cluster.lp(&["node", "drain", drained]).ok();
        for app in ["in_app", "uploaded"] {
            let task = cluster.succeed(app, r#"{"numbers": [1, 2, 6]}"#);
            assert_eq!(*data(&task, "vector"), json!({"mean": 3.0, "agree": true}), "{app}");
        }
        let holders = info()["nodes"].as_array().unwrap().clone();
        assert!(
            holders.iter().any(|node| node["name"] == other && node["bytes"].as_u64() > Some(0)),
            "{holders:?}"
        );
        cluster.lp(&["node", "undrain", drained]).ok();
    }

    assert_eq!(info()["nodes"].as_array().unwrap().len(), 2);
    let listed = cluster.lp(&["venv", "list", "-r"]).ok().json();
    assert_eq!(listed[0]["nodes"].as_array().map(Vec::len), Some(2), "{listed}");
    let table = cluster.lp(&["venv", "list"]).ok();
    assert!(table.stdout.contains("users") && table.stdout.contains("1 app"), "{}", table.stdout);
    let cache = &cluster.lp(&["node", "info", "second", "-r"]).ok().json()["cache"];
    assert!(cache["packages"].as_u64() >= Some(3) && cache["used_bytes"].as_u64() > Some(0), "{cache}");
    let app = cluster.lp(&["app", "info", "uploaded", "-r"]).ok().json();
    assert_eq!(app["nodes"].as_array().map(Vec::len), Some(2));
    cluster.lp(&["venv", "doctor", "science"]).ok().prints("well  science");
}

#[test]
fn scripts_of_an_environment_run_with_its_own_python_wherever_they_were_made() {
    let cluster = Cluster::up();
    let venv = cluster.path("work/.venv");
    let made = run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&venv), "");
    assert_eq!(made.code, 0, "{}", made.stderr);
    // as pip writes it
    let script = format!("#!{}/bin/python\nimport sys\nprint('numpy of', sys.prefix)\n", text(&venv));
    write_app(&venv.join("bin"), &[("which-numpy", &script)]);

    // as it is, which is what a tar of it or venv-pack --prefix would bring, and packed by us
    cluster.lp(&["venv", "create", "-f", text(&venv), "-n", "plain"]).ok();
    cluster.lp(&["venv", "pack", text(&venv), "--create", "packed"]).ok();
    assert_eq!(fs::read_to_string(venv.join("bin/which-numpy")).unwrap(), script, "the venv is as it was");
    fs::remove_dir_all(&venv).unwrap();

    for name in ["plain", "packed"] {
        let manifest = format!(
            r#"{{"actions": [
                {{"name": "by_path", "env": "{name}", "main": "which-numpy"}},
                {{"name": "direct", "env": "{name}", "main": "env -i \"$VIRTUAL_ENV/bin/which-numpy\""}},
                {{"name": "activated", "env": "{name}", "main": ". $VIRTUAL_ENV/bin/activate; echo numpy of $VIRTUAL_ENV"}}
            ]}}"#
        );
        cluster.create_app(&write_app(
            &cluster.path(&format!("app-{name}")),
            &[("configuration.json", &manifest)],
        ));
        cluster.succeed(&format!("app-{name}"), "{}");
        for action in ["by_path", "direct", "activated"] {
            let log = cluster.lp(&["logs", "@last", action]).ok();
            let place = log.text().split("numpy of ").nth(1).unwrap_or_default().trim().to_owned();
            assert!(place.contains("/cache/venv-"), "{name} {action}: {log:?}");
        }
    }
}

/// The form that conda-pack writes; conda itself is not needed to use it.
#[test]
fn a_conda_pack_names_its_new_place() {
    let cluster = Cluster::up();
    let pack = cluster.path("conda");
    write_app(
        &pack.join("bin"),
        &[
            ("tool", "#!/bin/sh\ncat /opt/builder/env/share/words\n"),
            (
                "conda-unpack",
                "#!/usr/bin/env python\n_prefix_records = [\n('bin/tool', '/opt/builder/env', 'text')\n]\n",
            ),
        ],
    );
    write_app(&pack.join("share"), &[("words", "found at the new place\n")]);
    write_app(&pack.join("conda-meta"), &[("history", "")]);
    let archive = cluster.path("conda.tar.gz");
    assert!(
        Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(&pack)
            .arg(".")
            .status()
            .unwrap()
            .success()
    );
    cluster.lp(&["venv", "create", "-f", text(&archive), "-n", "conda"]).ok();
    let manifest = r#"{"actions": [{"name": "a", "env": "conda", "main": "tool; echo $CONDA_PREFIX"}]}"#;
    cluster.create_app(&write_app(&cluster.path("app"), &[("configuration.json", manifest)]));
    cluster.succeed("app", "{}");
    let log = cluster.lp(&["logs", "@last"]).ok();
    assert!(log.text().contains("found at the new place") && log.text().contains("/cache/venv-"), "{log:?}");
}

#[test]
fn what_will_not_run_elsewhere_is_not_packed_and_the_doctor_sees_it() {
    let cluster = Cluster::up();
    let venv = cluster.path("editable");
    write_app(&venv.join("bin"), &[("python", "#!/bin/sh\n")]);
    write_app(&venv, &[("pyvenv.cfg", "home = /usr/bin\nversion = 3.99.1\n")]);
    let site = venv.join("lib/python3.99/site-packages");
    write_app(&site, &[("__editable__.mine.pth", "/home/me/src/mine\n")]);
    write_app(&site.join("mine"), &[("__init__.py", "")]);

    cluster.lp(&["venv", "pack", text(&venv), "--output", "x.tar.gz"]).ends_with(5).says("/home/me/src/mine");
    assert!(!cluster.path("x.tar.gz").exists());
    let left: Vec<_> =
        fs::read_dir(cluster.path("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".lp-venv-pack-")), "{left:?}");
    cluster.lp(&["venv", "pack", text(&venv), "--force", "--create", "bad"]).ok();
    let told = cluster.lp(&["venv", "doctor", "bad"]).ends_with(1);
    assert!(
        told.stdout.contains("leads to places outside") && told.stdout.contains("without `-e`"),
        "{}",
        told.stdout
    );

    // and what a node says of it, which has no such Python
    symlink("/nowhere/python3.99", venv.join("bin/python3.99")).unwrap();
    cluster.lp(&["venv", "update", "bad", "-f", text(&venv)]).ok();
    let manifest = r#"{"actions": [{"name": "a", "env": "bad", "main": "python x.py"}]}"#;
    cluster.create_app(&write_app(&cluster.path("app"), &[("configuration.json", manifest)]));
    cluster.lp(&["task", "create", "-a", "app", "--wait"]).ends_with(1);
    let told = cluster.lp(&["venv", "doctor", "bad"]).ends_with(1);
    assert!(told.stdout.contains("install python3.99"), "{}", told.stdout);
    for words in [&["venv", "pack"][..], &["venv", "pack", "nowhere/venv"], &["venv", "pack", "--", "-e"]] {
        let refused = cluster.lp(words);
        assert!([2, 3, 5].contains(&refused.code), "{words:?}: {refused:?}");
    }
}

#[test]
fn any_pack_with_a_bin_is_an_environment() {
    let cluster = Cluster::up();
    let programs = example("programs");
    let pack = cluster.path("pack");
    let made = run(Command::new(programs.join("static/make-pack.sh")).arg(&pack), "");
    assert_eq!(made.code, 0, "cc must be able to link statically (libc6-dev): {}", made.stderr);
    cluster.lp(&["venv", "create", "-f", text(&pack), "-n", "count-words"]).ok();
    cluster.create_app(&programs.join("static"));
    let task = cluster.succeed("static", r#"{"text": "to be or not to be"}"#);
    assert!(data(&task, "count")["words"].as_u64() > Some(6), "{task}");
    let report = cluster.lp(&["venv", "doctor", "count-words", "-r"]).ok().json();
    assert_eq!(
        (&report["form"], &report["platforms"]),
        (&json!("programs"), &json!([std::env::consts::ARCH]))
    );

    let Some(node) = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|dir| dir.join("node"))
        .find(|node| node.is_file())
    else {
        eprintln!("LEFT OUT: Node.js is not on the PATH, so the example programs/nodejs was not run");
        return;
    };
    let nodejs = cluster.path("nodejs");
    fs::create_dir_all(nodejs.join("bin")).unwrap();
    // the machine's own, so that the test need not pack 100 MB
    symlink(node.canonicalize().unwrap(), nodejs.join("bin/node")).unwrap();
    cluster.lp(&["venv", "create", "-f", text(&nodejs), "-n", "nodejs"]).ok();
    cluster.create_app(&programs.join("nodejs"));
    let task = cluster.succeed("nodejs", r#"{"text": "one three five"}"#);
    assert_eq!(data(&task, "longest")["longest"], "three");
}

/// What a directory takes, in whole blocks.
fn disk_bytes(dir: &Path) -> u64 {
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(facts) if facts.is_dir() => disk_bytes(&entry.path()),
        Ok(facts) if facts.is_file() => facts.len().next_multiple_of(4096),
        Ok(_) | Err(_) => 0,
    };
    fs::read_dir(dir).into_iter().flatten().flatten().map(size).sum()
}

#[test]
fn the_cache_stays_below_its_size_and_keeps_what_runs() {
    const LIMIT: u64 = 1 << 20;
    const READS_BULK: &str = r#"{"actions": [{"name": "a", "main": ["wc", "-c", "bulk"]}]}"#;
    let mut cluster = Cluster::empty();
    cluster.set("LP_CACHE_SIZE", &LIMIT.to_string());
    let gate = cluster.path("gate");
    nix::unistd::mkfifo(&gate, Mode::S_IRWXU).unwrap();
    cluster.start_up();
    let cache = cluster.data().join("node/cache");
    let holder = format!("#!/bin/sh\ncat {}\ncat words\n", text(&gate));
    let manifest = r#"{"actions": [{"name": "a", "main": "./run.sh"}]}"#;
    let files = [("configuration.json", manifest), ("run.sh", &holder), ("words", "still here\n")];
    cluster.create_app(&write_app(&cluster.path("holder"), &files));
    let held = cluster.lp(&["task", "create", "-a", "holder", "-o", "name"]).ok().text().to_owned();
    // opens once its reader runs
    let mut gate = fs::OpenOptions::new().write(true).open(&gate).unwrap();

    for number in 0..8 {
        let name = format!("app-{number}");
        let bulk = format!("{number}").repeat(300_000);
        let files = [("configuration.json", READS_BULK), ("bulk", &bulk)];
        cluster.create_app(&write_app(&cluster.path(&name), &files));
        cluster.succeed(&name, "{}");
        let taken = disk_bytes(&cache);
        assert!(taken <= LIMIT, "{taken} bytes after {name}");
        assert!(number < 3 || taken > LIMIT / 2, "{taken} bytes after {name}: what fits is kept");
    }

    std::io::Write::write_all(&mut gate, b"go on\n").unwrap();
    drop(gate);
    cluster.lp(&["task", "wait", &held]).ok();
    assert!(cluster.lp(&["logs", &held]).ok().text().contains("still here"));
    // one larger than the whole cache runs too, and goes when it has ended
    let bulk = "x".repeat(3 << 20);
    let files = [("configuration.json", READS_BULK), ("bulk", &bulk)];
    cluster.create_app(&write_app(&cluster.path("large"), &files));
    cluster.succeed("large", "{}");
    let begin = std::time::Instant::now();
    while disk_bytes(&cache) > LIMIT {
        assert!(begin.elapsed() < crate::common::PATIENCE, "what nobody uses any more stays");
    }
}
