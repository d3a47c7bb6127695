//! Manager, node and viewer by themselves: their files, what they refuse, and what they tell systemd.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::common::{Cluster, PATIENCE, Part};

/// A socket in the place of systemd's.
struct Systemd(UnixDatagram);

impl Systemd {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn heard(&self) -> String {
        let mut buffer = [0; 1024];
        let length = self.0.recv(&mut buffer).expect("nothing is told");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

/// The command of a unit, as systemd would run it with its credentials in `directory` and its state in `state`.
fn start_of(cluster: &Cluster, unit: &Path, directory: &Path, state: &Path) -> Command {
    let unit = fs::read_to_string(unit).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let line = line
        .replace("${CREDENTIALS_DIRECTORY}", directory.to_str().unwrap())
        .replace("%S", state.to_str().unwrap());
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[0].trim_matches('"'), env!("CARGO_BIN_EXE_lp"));
    cluster.command(&words[1..])
}

#[test]
fn the_files_of_all_parts_work_as_they_are_written_and_systemd_is_told() {
    let cluster = Cluster::empty();
    let (files, state) = (cluster.path("etc"), cluster.path("state"));
    fs::create_dir(&state).unwrap();
    for part in ["manager", "node", "viewer"] {
        let written = cluster.lp(&[part, "-g", files.to_str().unwrap()]).ok();
        assert_eq!(written.text().lines().count(), 2, "{}", written.stdout);
        cluster.lp(&[part, "-g", files.to_str().unwrap()]).ends_with(5).says("is there already");
        let unit = fs::read_to_string(files.join(format!("lp-{part}.service"))).unwrap();
        assert!(unit.contains("\nType=notify\n"), "{unit}");
    }
    let systemd = Systemd::listen(&cluster.path("notify"));
    let start = |part: &str, arguments: &[&str]| {
        let unit = files.join(format!("lp-{part}.service"));
        let mut command = start_of(&cluster, &unit, &files, &state);
        command.args(arguments).env("NOTIFY_SOCKET", cluster.path("notify"));
        command
    };

    let manager = Part::start(&mut start("manager", &["--port", "0"]));
    let told = systemd.heard();
    let address =
        told.strip_prefix("READY=1\nSTATUS=serves at ").unwrap_or_else(|| panic!("{told}")).to_owned();
    let token = fs::read_to_string(state.join("lp-manager/admin.token")).unwrap();
    let lp = |arguments: &[&str]| {
        let mut command = cluster.command(arguments);
        crate::common::run(command.env("LP_MANAGER", &address).env("LP_TOKEN", token.trim()), "")
    };
    let join = lp(&["node", "token", "-q"]).ok().text().to_owned();

    let node = Part::start(start("node", &["--manager", &address]).env("LP_JOIN_TOKEN", join));
    assert_eq!(systemd.heard(), format!("STATUS=waits for the manager at {address}"));
    assert_eq!(systemd.heard(), format!("READY=1\nSTATUS=linked to the manager at {address}"));
    assert_eq!(lp(&["status", "-r"]).ok().json()["nodes_connected"], 1, "ready is said when it is linked");
    let viewer = Part::start(&mut start("viewer", &["--manager", &address, "--port", "0"]));
    assert!(systemd.heard().starts_with("READY=1\nSTATUS=serves at http://"));

    for part in [viewer, node, manager] {
        assert_eq!(part.stop(Signal::SIGTERM), Some(0));
        assert_eq!(systemd.heard(), "STOPPING=1\nSTATUS=stopping");
    }
}

#[test]
fn a_key_nobody_knows_is_refused_in_the_file_in_a_flag_and_in_a_variable() {
    let cluster = Cluster::empty();
    for (part, slip, key) in [
        ("manager", "http_prot", "http_port"),
        ("node", "acton_slots", "action_slots"),
        ("viewer", "session_idel", "session_idle"),
    ] {
        let file = cluster.path("part.yml");
        fs::write(&file, format!("{slip}: 1\n")).unwrap();
        let variable = format!("LP_{}", slip.to_uppercase());
        let unknown = format!("there is no key `{slip}`; did you mean `{key}`?");

        cluster.lp(&[part, "-c", file.to_str().unwrap()]).ends_with(2).says(&unknown).says("part.yml");
        cluster.lp(&[part, "--set", &format!("{slip}=1")]).ends_with(2).says(&unknown);
        let mut command = cluster.command(&[part, "--data", "d"]);
        if part == "viewer" {
            command = cluster.command(&[part]);
        }
        let ran = crate::common::run(command.env(&variable, "1"), "");
        ran.ends_with(2)
            .says(&format!("{variable} means nothing to lp; did you mean LP_{}?", key.to_uppercase()));
    }
    cluster.lp(&["node", "--label", "gpu"]).ends_with(2).says("`gpu` is not KEY=VALUE");
    cluster.lp(&["node", "--label", "g pu=a"]).ends_with(2).says("the label `g pu=a` cannot be used");
    cluster
        .lp(&["manager", "--set", "http_port=70000"])
        .ends_with(2)
        .says("the value of `http_port` is wrong");
}

#[test]
fn a_node_whose_token_is_not_known_says_what_to_do_and_ends_with_the_code_of_a_refusal() {
    let cluster = Cluster::up();
    let text = fs::read_to_string(cluster.context()).unwrap();
    let context: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut command =
        cluster.command(&["node", "--data", "other", "--manager", context["manager"].as_str().unwrap()]);

    let ran = crate::common::run(command.env("LP_JOIN_TOKEN", "lpjoin_wrong"), "");

    ran.ends_with(4).says("is not known, was revoked, or has expired").says("lp node token");
}
