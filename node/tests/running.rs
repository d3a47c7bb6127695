//! Programs run as LitePipeline's users expect, and what cannot run says why.

mod support;

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use lp_protocol::Exit;
use lp_protocol::frames::{AssignedEnv, Finish, ManagerFrame};
use lp_protocol::plan::Command;
use support::{Site, assignment};

fn log(finish: &Finish) -> String {
    let text = finish.log.as_ref().unwrap_or_else(|| panic!("no log: {finish:?}"));
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("the log is base64");
    String::from_utf8(bytes).expect("these programs write UTF-8")
}

#[tokio::test]
async fn a_program_gets_its_contract_and_its_output_comes_back() {
    let site = Site::start("").await;
    let script = "#!/bin/sh\necho args: \"$@\"\npwd\ncat \"$LP_WORKSPACE/input.data\"\nprintf '{\"data\": {\"n\": 1.50}}' > \"$LP_WORKSPACE/output.data\"\n";
    let app = site.app(&[("configuration.json", "{}"), ("run.sh", script)]);
    let mut order = assignment(&app, "./run.sh one two");
    order.input = serde_json::value::RawValue::from_string(r#"{"x": 1}"#.into()).unwrap();

    let key = site.assign(&order);
    let finish = site.manager.finish_of(&key).await;

    assert_eq!(finish.exit, Exit::Code { code: 0 });
    assert_eq!(finish.output.as_ref().unwrap().get(), r#"{"data": {"n": 1.50}}"#);
    let workspace = site.workspace(&key).canonicalize().unwrap();
    let log = log(&finish);
    assert!(log.starts_with(&format!("args: one two {} --nodaemon\n", workspace.display())), "{log}");
    assert!(log.contains("/cache/app-") && log.contains("\"x\": 1"), "{log}");
    assert_eq!(finish.log_bytes, fs::metadata(workspace.join("stdout.data")).unwrap().len());
    assert!(finish.start_at.unwrap() <= finish.end_at);
}

#[tokio::test]
async fn a_line_with_shell_syntax_has_a_shell() {
    let site = Site::start("").await;
    let key = site.assign_line("echo $((40 + 2)) && exit 3 #");

    let finish = site.manager.finish_of(&key).await;

    assert_eq!((finish.exit.clone(), log(&finish)), (Exit::Code { code: 3 }, "42\n".to_owned()));
}

#[tokio::test]
async fn words_are_run_as_written() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let mut order = assignment(&app, "");
    order.command = Command::Words(["printf", "%s|", "a b", "$HOME", "{workspace}"].map(Into::into).into());

    let key = site.assign(&order);
    let finish = site.manager.finish_of(&key).await;

    let workspace = site.workspace(&key).canonicalize().unwrap();
    assert_eq!(log(&finish), format!("a b|$HOME|{}|", workspace.display()));
}

#[tokio::test]
async fn the_environment_is_clean_and_names_the_attempt() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let mut order = assignment(&app, "env #");
    order.environ = BTreeMap::from([("MINE".into(), "yes".into()), ("LP_ATTEMPT".into(), "99".into())]);

    let key = site.assign(&order);
    let log = log(&site.manager.finish_of(&key).await);

    let lines: Vec<&str> = log.lines().collect();
    for line in ["MINE=yes", "LP_ATTEMPT=1", "LP_ACTION=first action", &format!("LP_TASK_ID={}", key.task_id)]
    {
        assert!(lines.contains(&line), "{line} is missing in {log}");
    }
    assert!(!log.contains("geheim") && !log.contains("join-token"), "{log}");
}

#[tokio::test]
async fn ends_are_told_apart() {
    let site = Site::start("").await;
    for (line, exit) in [
        ("sh -c 'exit 7'", Exit::Code { code: 7 }),
        ("kill -9 $$ #", Exit::Signal { signal: 9 }),
        ("kill -40 $$ #", Exit::Signal { signal: 40 }),
        ("no-such-program", Exit::NotStarted { reason: "`no-such-program` is not on the PATH".into() }),
        (
            "echo '[]' > \"$LP_WORKSPACE/output.data\" #",
            Exit::BadOutput { reason: "it is not a JSON object".into() },
        ),
        (
            "ln -s /etc/passwd \"$LP_WORKSPACE/output.data\" #",
            Exit::BadOutput { reason: "it cannot be read: it is a symbolic".into() },
        ),
    ] {
        let key = site.assign_line(line);
        let found = site.manager.finish_of(&key).await.exit;
        match (&found, &exit) {
            (Exit::NotStarted { reason }, Exit::NotStarted { reason: begin })
            | (Exit::BadOutput { reason }, Exit::BadOutput { reason: begin }) => {
                assert!(reason.contains(begin.as_str()), "{line}: {reason}");
            }
            _ => assert_eq!(found, exit, "{line}"),
        }
    }
}

#[tokio::test]
async fn scripts_without_or_with_a_missing_interpreter_are_run_or_explained() {
    let site = Site::start("").await;
    let app = site.app(&[
        ("bare", "echo bare \"$2\"\n"),
        ("lost", "#!/usr/bin/python9\n"),
        ("configuration.json", "{}"),
    ]);

    let bare = site.assign(&assignment(&app, "./bare"));
    let lost = site.assign(&assignment(&app, "./lost"));

    let finish = site.manager.finish_of(&bare).await;
    assert_eq!((finish.exit.clone(), log(&finish)), (Exit::Code { code: 0 }, "bare --nodaemon\n".to_owned()));
    let reason = "interpreter `/usr/bin/python9` of `./lost` is missing on this node".to_owned();
    let finish = site.manager.finish_of(&lost).await;
    assert_eq!((finish.exit, finish.start_at), (Exit::NotStarted { reason }, None));
    assert!(!site.workspace(&lost).join("stdout.data").exists());
}

#[tokio::test]
async fn a_venv_inside_of_the_app_or_apart_is_activated() {
    let site = Site::start("").await;
    let tool = "#!/bin/sh\necho \"$VIRTUAL_ENV\"\n";
    let venv = support::pack(&[("bin/tool".to_owned(), tool.as_bytes())]);
    let files = [
        ("app/configuration.json".to_owned(), b"{}".as_slice()),
        ("app/venvs/venv.tar.gz".to_owned(), &venv),
    ];
    let app = site.package(support::pack(&files));
    let apart = site.package(venv.clone());
    for (env, place) in [
        (AssignedEnv::Path("venvs/venv".into()), "/venvs/venv\n".to_owned()),
        (AssignedEnv::Package(apart.clone()), format!("/cache/venv-{}\n", apart.digest)),
    ] {
        let mut order = assignment(&app, "tool");
        order.env = Some(env);

        let key = site.assign(&order);
        let log = log(&site.manager.finish_of(&key).await);

        assert!(log.ends_with(&place), "{log}");
    }
    let mut order = assignment(&app, "tool");
    order.env = Some(AssignedEnv::Path("venvs/none".into()));
    let key = site.assign(&order);
    let Exit::NotStarted { reason } = site.manager.finish_of(&key).await.exit else {
        panic!("it has no env")
    };
    assert!(reason.contains("`venvs/none.tar.gz`"), "{reason}");
}

#[tokio::test]
async fn an_assignment_that_is_repeated_runs_once() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let order = assignment(&app, "echo once");
    site.manager.facts().settings.acks = false;

    site.manager.send(ManagerFrame::Assign { assignments: vec![order.clone(), order.clone()] });
    site.manager.finish_of(&order.attempt).await;
    site.assign(&order);
    let marker = site.assign_line("true");
    site.manager.finish_of(&marker).await;

    assert_eq!(site.manager.facts().finishes(&order.attempt).len(), 1);
}

#[tokio::test]
async fn what_the_node_cannot_have_or_be_is_refused_with_a_reason() {
    let site = Site::start("action_slots: 1\ndocker_support: false").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let mut large = assignment(&app, "true");
    large.resources.slots = 2;
    let mut strange = assignment(&app, "true");
    strange.attempt.action = "../../escaped".into();
    let mut contained = assignment(&app, "true");
    contained.docker = serde_json::from_str(r#"{"name": "i", "tag": "t", "args": {}}"#).ok();
    for (order, expected) in [(large, "more slots"), (strange, "not a name"), (contained, "container")] {
        let key = site.assign(&order);
        let Exit::NotStarted { reason } = site.manager.finish_of(&key).await.exit else {
            panic!("{expected}")
        };
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(!site.data().join("escaped.1").exists());
}

#[tokio::test]
async fn a_thousand_short_programs_end_once_each() {
    let site = Site::start("").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let orders: Vec<_> = (0..1000).map(|_| assignment(&app, "/bin/true")).collect();

    site.manager.send(ManagerFrame::Assign { assignments: orders.clone() });

    for order in &orders {
        site.manager.finish_of(&order.attempt).await;
    }
    let facts = site.manager.facts();
    for order in &orders {
        let ends = facts.finishes(&order.attempt);
        assert_eq!(ends.len(), 1, "{}", order.attempt);
        assert_eq!(ends[0].exit, Exit::Code { code: 0 });
    }
}
