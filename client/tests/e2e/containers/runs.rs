//! What a program finds in its container, and what of it is seen from outside.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::engine::{BARE, Contained, IMAGE, engine};

#[test]
fn a_program_finds_app_workspace_and_input_and_leaves_an_output() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.app(
        "cat /opt/app/here; pwd; echo \"$GREETING $OWN $LP_ACTION\"; cat /opt/workspace/input.data; touch /opt/app/x; \
         echo '{\"data\": {\"n\": 1}}' > $LP_WORKSPACE/output.data; true",
        r#""environment": {"OWN": "two"}, "network_mode": "none""#,
        r#", "environ": {"GREETING": "one"}"#,
    );

    let task = contained.cluster.succeed("app", r#"{"x": 5}"#);

    assert_eq!(task["result"]["a"]["result"], json!({"data": {"n": 1}}));
    let log = contained.log("@last");
    assert!(log.starts_with("the app\n/opt/app\none two a\n"), "{log}");
    assert!(log.contains(r#""workspace": "/opt/workspace""#) && log.contains(r#""x": 5"#), "{log}");
    assert!(log.contains("Read-only file system"), "{log}");
    assert_eq!(contained.containers(), []);
}

#[test]
fn a_plain_main_needs_no_shell_and_a_main_for_a_shell_says_so() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);

    contained.words(r#"["busybox", "echo", "no shell", "{workspace}"]"#, BARE, "", "");
    assert_eq!(contained.exit(), json!({"kind": "code", "code": 0}));
    assert_eq!(contained.log("@last"), "no shell /opt/workspace\n");

    contained.words(r#""echo a | cat; echo""#, IMAGE, "", "");
    assert_eq!(contained.exit(), json!({"kind": "code", "code": 0}));
    assert_eq!(contained.log("@last"), "a\n/opt/workspace --nodaemon\n", "read by sh where there is no bash");

    contained.words(r#""busybox echo a | busybox cat""#, BARE, "", "");
    let exit = contained.exit();
    assert_eq!(exit["kind"], "not_started");
    assert!(exit["reason"].as_str().unwrap().contains("has neither bash nor sh"), "{exit}");
    assert_eq!(contained.containers(), []);
}

#[test]
fn a_log_is_live_while_the_container_runs() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    // ends when its line has been seen, and not before
    contained.app("echo seen; until test -e /opt/workspace/go; do sleep 0.05; done; echo over >&2", "", "");
    let task = contained.start();

    contained.wait_for_line(&task, "seen");

    let workspaces = contained.cluster.path("node").join("workspaces").join(&task[..2]);
    let workspace = std::fs::read_dir(workspaces).unwrap().next().unwrap().unwrap().path();
    std::fs::write(workspace.join("go"), "").unwrap();
    contained.cluster.lp(&["task", "wait", &task]).ok();
    assert_eq!(contained.log(&task), "seen\nover\n");
}

#[test]
fn a_published_port_reaches_the_program() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.app(
        "echo hello > /opt/workspace/index.html; httpd -p 80 -h /opt/workspace; echo up; sleep 1000",
        r#""ports": {"80/tcp": ["127.0.0.1", 0]}"#,
        "",
    );
    let task = contained.start();
    contained.wait_for_line(&task, "up");
    let containers = contained.containers();
    let port = contained.cluster.until(|_| contained.containers()[0].ports.as_ref()?.first()?.public_port);

    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // a server that does not wait for our end of the connection resets it
    stream.read_to_end(&mut answer).ok();

    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.ends_with("hello\n"), "{answer}");
    let labels = containers[0].labels.as_ref().unwrap();
    assert_eq!(
        (labels["lp.task"].as_str(), labels["lp.action"].as_str(), labels["lp.attempt"].as_str()),
        (task.as_str(), "a", "1")
    );
    contained.cluster.lp(&["task", "stop", &task, "--wait"]).ok();
    assert_eq!(contained.containers(), []);
}

#[test]
fn a_user_of_the_image_owns_the_workspace() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);

    for (user, ids) in [("app", "uid=4321(app) gid=4321"), ("1234:56", "uid=1234 gid=56")] {
        contained.app(
            "id; echo '{}' > /opt/workspace/output.data; true",
            &format!(r#""user": "{user}""#),
            "",
        );
        assert_eq!(contained.exit(), json!({"kind": "code", "code": 0}));
        let log = contained.log("@last");
        assert!(log.starts_with(ids), "{log}");
    }
    contained.app("id", r#""user": "nobody-of-this-name""#, "");
    let exit = contained.exit();
    assert_eq!(exit["kind"], "not_started");
    assert!(exit["reason"].as_str().unwrap().contains("nobody-of-this-name"), "{exit}");
}

#[test]
fn a_health_command_runs_in_the_container() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.app(
        "touch /well; echo up; sleep 1000",
        "",
        r#", "health": {"command": "test -e /well && rm -f /well && echo seen", "interval": "0.1s", "failures": 1, "grace": 0}"#,
    );

    let exit = contained.exit();

    // well at the first look, ill at the second
    assert_eq!(exit["kind"], "unhealthy", "{exit}");
    assert_eq!(contained.containers(), []);
}

#[test]
fn fifty_in_a_row_leave_nothing_behind() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.words(r#"["true"]"#, IMAGE, r#""network_mode": "none""#, "");

    for _ in 0..50 {
        contained.start();
    }
    contained.cluster.until(|cluster| {
        let done = cluster.lp(&["task", "list", "-S", "success", "--limit", "100", "-r"]).ok().json();
        (done.as_array().unwrap().len() == 50).then_some(())
    });

    assert_eq!(contained.containers(), []);
    let left: Vec<_> = std::fs::read_dir(contained.cluster.path("node/containers")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_example_container_runs_as_its_readme_says() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.cluster.create_app(&crate::common::example("container"));

    let task = contained.cluster.succeed("container", r#"{"text": "all for one"}"#);

    assert_eq!(task["result"]["count"]["result"]["data"], json!({"count": 3, "unit": "words"}));
    let log = contained.cluster.lp(&["logs", "@last", "count"]).ok();
    assert!(log.text().contains("3 words in 'all for one', counted in /opt/app of a container"), "{log:?}");
    let log = contained.cluster.lp(&["logs", "@last", "report"]).ok();
    assert!(log.text().contains(r#""count": 3"#), "{log:?}");
}
