//! What could take over the node's machine.

use serde_json::json;

use super::engine::{Contained, engine};

#[test]
fn a_node_grants_what_its_configuration_names_and_nothing_else() {
    let Some(engine) = engine() else { return };
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("file"), "of the machine\n").unwrap();
    std::os::unix::fs::symlink("/etc", data.path().join("link")).unwrap();
    let path = data.path().canonicalize().unwrap().display().to_string();
    let allow = format!("volume:{path},cap_add:NET_ADMIN");
    let contained = Contained::with(&engine, &[("LP_DOCKER_ALLOW", &allow)]);

    for (args, entry) in [
        (r#""privileged": true"#.to_owned(), "privileged"),
        (r#""pid_mode": "host""#.to_owned(), "pid_mode:host"),
        (r#""network_mode": "host""#.to_owned(), "network:host"),
        (r#""cap_add": ["SYS_ADMIN"]"#.to_owned(), "cap_add:SYS_ADMIN"),
        (r#""volumes": ["/:/mnt"]"#.to_owned(), "volume:/"),
        (format!(r#""volumes": ["{path}/link:/mnt"]"#), "volume:"),
        (format!(r#""volumes": ["{}:/mnt"]"#, engine.host.trim_start_matches("unix://")), "docker.sock"),
        (r#""devices": ["/dev/kmsg"]"#.to_owned(), "device:/dev/kmsg"),
        (r#""security_opt": ["seccomp=unconfined"]"#.to_owned(), "security_opt:seccomp=unconfined"),
    ] {
        contained.app("true", &args, "");
        let exit = contained.exit();
        let reason = exit["reason"].as_str().unwrap_or_else(|| panic!("{args}: {exit}"));
        assert!(reason.contains(entry) && reason.contains("`docker_allow`"), "{reason}");
    }
    assert_eq!(contained.containers(), []);

    contained.app(
        "cat /mnt/file",
        &format!(r#""volumes": ["{path}:/mnt:ro"], "cap_add": ["NET_ADMIN"]"#),
        "",
    );
    assert_eq!(contained.exit(), json!({"kind": "code", "code": 0}));
    assert_eq!(contained.log("@last"), "of the machine\n");
}

#[test]
fn arguments_that_mean_nothing_are_refused_at_upload() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    for (args, expected) in [
        (r#""mem_limt": "10m""#, "did you mean `mem_limit`?"),
        (r#""detach": true"#, "`docker.args.detach` must be left out"),
        (r#""ports": {"http": 80}"#, "must be named by a port of the container"),
    ] {
        let manifest = format!(
            r#"{{"actions": [{{"name": "a", "main": "true", "docker": {{"name": "i", "args": {{{args}}}}}}}]}}"#
        );
        let app =
            crate::common::write_app(&contained.cluster.path("bad"), &[("configuration.json", &manifest)]);
        contained.cluster.lp(&["app", "create", "-f", app.to_str().unwrap()]).ends_with(5).says(expected);
    }
}

#[test]
fn a_node_that_is_told_so_runs_none() {
    let Some(engine) = engine() else { return };
    let contained = Contained::with(&engine, &[("LP_DOCKER_SUPPORT", "false")]);
    contained.app("true", "", "");
    let task = contained.start();

    contained.cluster.lp(&["task", "wait", &task, "--timeout", "0.5s"]).ends_with(6);

    let why = contained.cluster.lp(&["why", &task]).ok();
    assert!(why.stdout.contains("has no container engine"), "{}", why.stdout);
}
