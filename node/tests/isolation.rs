//! Programs of different tasks, and the node, are kept apart; as root by users and views, otherwise by views and Landlock.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use base64::Engine as _;
use lp_protocol::frames::{Assignment, Finish};
use lp_protocol::{AttemptKey, Exit};
use support::{Site, assignment, is_alive, until, written_pid};

/// Writes its number, waits for a file named `go` in the workspace, then ends.
const WAITER: &str =
    "echo $$ > \"$LP_WORKSPACE/pid\"; until [ -e \"$LP_WORKSPACE/go\" ]; do sleep 0.01; done #";

fn log(finish: &Finish) -> String {
    let text = finish.log.as_ref().unwrap_or_else(|| panic!("no log: {finish:?}"));
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("the log is base64");
    String::from_utf8(bytes).expect("these programs write UTF-8")
}

/// False, with a word about it, where the test needs to be root and is not; a failure where all tests must run.
fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        assert!(std::env::var_os("CI").is_none(), "this test must be root under CI");
        eprintln!("LEFT OUT: this test must be root");
    }
    root
}

async fn output(site: &Site, line: &str) -> String {
    let key = assign(site, line);
    log(&site.manager.finish_of(&key).await)
}

fn assign(site: &Site, line: &str) -> AttemptKey {
    site.assign(&order(site, line))
}

/// With a name that needs no quotes.
fn order(site: &Site, line: &str) -> Assignment {
    let app = site.app(&[("configuration.json", "{}")]);
    let mut order = assignment(&app, line);
    order.attempt.action = "a".into();
    order
}

/// Every way to the node's own files that a program might try.
async fn spy(site: &Site) -> String {
    until("a supervisor runs", || site.find_supervisor().is_some()).await;
    let data = site.data().canonicalize().unwrap();
    let data = data.display();
    format!(
        "cat {data}/credential.json {data}/journal {data}/supervisor.log; ls {data}/supervisor.sock {data}/trash; \
         cat /proc/{node}/environ; ls /proc/{node}/fd /proc/{node}/cwd/; \
         echo x >> {data}/workspaces/x; mkdir {data}/cache/app-x; kill -9 {node} {supervisor}; echo done #",
        node = site.node_pid(),
        supervisor = site.supervisor_pid(),
    )
}

fn assert_nothing_found(site: &Site, found: &str) {
    assert!(found.ends_with("done\n"), "{found}");
    assert!(
        !found.contains("credential\"") && !found.contains("geheim") && !found.contains("assign"),
        "{found}"
    );
    // each of the files, and both processes, were refused and said so
    for refused in ["credential.json: ", "journal: ", "supervisor.log: ", "supervisor.sock", "trash"] {
        let line = found.lines().find(|line| line.contains(refused));
        let line = line.unwrap_or_else(|| panic!("no word of {refused}: {found}"));
        assert!(line.contains("No such file") || line.contains("Permission denied"), "{line}");
    }
    assert_eq!(found.matches("Operation not permitted").count(), 2, "{found}");
    assert!(is_alive(site.node_pid() as i32) && is_alive(site.supervisor_pid()));
}

#[tokio::test]
async fn a_program_of_a_root_node_finds_nothing_of_the_node() {
    if !is_root() {
        return;
    }
    let site = Site::start("").await;

    let found = output(&site, &spy(&site).await).await;

    assert_nothing_found(&site, &found);
    assert!(!site.data().join("workspaces/x").exists() && !site.data().join("cache/app-x").exists());
}

#[tokio::test]
async fn a_program_of_a_node_that_is_not_root_finds_nothing_of_the_node() {
    let site = Site::start_unprivileged("").await;
    let facts = site.manager.facts().hellos[0].node.isolation.clone();
    if facts.files.starts_with("not kept apart") {
        assert!(std::env::var_os("CI").is_none(), "namespaces must be allowed under CI: {}", facts.files);
        eprintln!("LEFT OUT: {}", facts.files);
        return;
    }

    let found = output(&site, &spy(&site).await).await;

    assert_nothing_found(&site, &found);
    assert!(!site.data().join("workspaces/x").exists() && !site.data().join("cache/app-x").exists());
}

#[tokio::test]
async fn tasks_have_users_of_their_own_and_closed_workspaces() {
    if !is_root() {
        return;
    }
    let site = Site::start("").await;
    let owner =
        assign(&site, &format!("id -u > $LP_WORKSPACE/secret; chmod 644 $LP_WORKSPACE/secret; {WAITER}"));
    let pid = written_pid(&site.workspace(&owner).join("pid")).await;
    let uid = written_pid(&site.workspace(&owner).join("secret")).await;
    let workspace = site.workspace(&owner).canonicalize().unwrap();
    let spy = format!(
        "id -u; cat {dir}/secret; ls {dir}; ls {dir}/..; cat /proc/{pid}/environ; kill -9 {pid}; echo x > {dir}/go; echo done #",
        dir = workspace.display()
    );

    let found = output(&site, &spy).await;

    let own: i32 = found.lines().next().unwrap().parse().unwrap();
    assert!(own > 1_900_000_000 && uid > 1_900_000_000 && own != uid, "{own} {uid}");
    assert_eq!(found.matches("Permission denied").count(), 5, "{found}");
    assert_eq!(found.matches("Operation not permitted").count(), 1, "{found}");
    let same = AttemptKey { attempt: 2, ..owner.clone() };
    let second = Assignment { attempt: same.clone(), ..order(&site, "id -u #") };
    site.assign(&second);
    assert_eq!(
        log(&site.manager.finish_of(&same).await),
        format!("{uid}\n"),
        "attempts of a task are one user"
    );
    fs::write(workspace.join("go"), "").unwrap();
    site.manager.finish_of(&owner).await;
    let facts = fs::metadata(&workspace).unwrap();
    assert_eq!((facts.uid(), facts.mode() & 0o777), (0, 0o700), "after its end it is closed to its user too");
}

#[tokio::test]
async fn attempts_of_a_node_that_is_not_root_do_not_see_each_other() {
    let site = Site::start_unprivileged("").await;
    if site.manager.facts().hellos[0].node.isolation.files.starts_with("not kept apart") {
        assert!(std::env::var_os("CI").is_none(), "namespaces must be allowed under CI");
        eprintln!("LEFT OUT: no namespaces");
        return;
    }
    let owner = assign(&site, &format!("echo s > $LP_WORKSPACE/secret; {WAITER}"));
    let pid = written_pid(&site.workspace(&owner).join("pid")).await;
    let dir = site.workspace(&owner).canonicalize().unwrap();
    let spy = format!(
        "cat {dir}/secret; cat /proc/{pid}/root{dir}/secret; kill -9 {pid}; ls $LP_WORKSPACE/../.. | wc -l; \
         ls $LP_WORKSPACE; echo '{{\"data\": {{}}}}' > $LP_WORKSPACE/output.data; echo done #",
        dir = dir.display()
    );

    let key = assign(&site, &spy);
    let finish = site.manager.finish_of(&key).await;

    let found = log(&finish);
    assert!(found.contains("No such file") && found.contains("Operation not permitted"), "{found}");
    assert!(!found.lines().any(|line| line == "s"), "{found}");
    assert!(found.contains("\n1\ninput.data\n"), "its own workspace is all there is: {found}");
    assert!(finish.output.is_some(), "and what it leaves there is read");
    assert!(is_alive(pid));
    fs::write(dir.join("go"), "").unwrap();
    assert_eq!(site.manager.finish_of(&owner).await.exit, Exit::Code { code: 0 });
}

#[tokio::test]
async fn a_node_can_be_told_to_run_programs_as_itself() {
    let site = Site::start("run_as: node\nisolation: off").await;

    let found = output(&site, "id -u; cat $LP_WORKSPACE/../../../credential.json #").await;

    assert!(found.starts_with(&format!("{}\n", nix::unistd::geteuid())), "{found}");
    assert!(found.contains("node_id"), "{found}");
    let facts = site.manager.facts().hellos[0].node.isolation.clone();
    assert!(facts.user.contains("run_as is `node`") && facts.files.contains("isolation is off"), "{facts:?}");
}

#[tokio::test]
async fn one_named_user_runs_all_programs_where_the_settings_say_so() {
    if !is_root() {
        return;
    }
    let site = Site::start("run_as: 12345:23456").await;

    let found = output(&site, "id -u; id -g; id -G; umask; echo $HOME #").await;

    assert!(found.starts_with("12345\n23456\n23456\n0022\n"), "{found}");
}

#[tokio::test]
async fn a_user_the_machine_does_not_have_keeps_the_node_from_starting() {
    let mut site = Site::unstarted("run_as: no-such-user-here").await;
    site.start_node();

    let ended = site.stopped().await;

    assert!(!ended.success());
    assert!(!site.data().join("supervisor.sock").exists());
}

#[tokio::test]
async fn a_fork_bomb_ends_at_the_limit_of_its_task_and_others_go_on() {
    if !is_root() {
        return;
    }
    let site = Site::start("max_processes: 40").await;
    let bomb = "python3 -c 'import os,time\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: open(os.environ[\"LP_WORKSPACE\"] + \"/pid\", \"w\").write(str(os.getpid()) + chr(10)); time.sleep(600)' #";
    let key = assign(&site, bomb);
    written_pid(&site.workspace(&key).join("pid")).await;
    let uid = fs::metadata(site.workspace(&key)).unwrap().uid();

    let found = output(&site, "echo fine #").await;

    assert_eq!(found, "fine\n");
    let of_uid = || {
        let is_its = |pid: &i32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|facts| facts.uid() == uid);
        support::processes().into_iter().filter(|pid| is_its(pid) && is_alive(*pid)).count()
    };
    assert!((30..=40).contains(&of_uid()), "{}", of_uid());
    stop(&site, &key);
    site.manager.finish_of(&key).await;
    until("all of it is gone", || of_uid() == 0).await;
}

fn stop(site: &Site, key: &AttemptKey) {
    let grace = std::time::Duration::ZERO;
    let stop = lp_protocol::frames::Stop { attempt: key.clone(), signal: 9, grace };
    site.manager.send(lp_protocol::frames::ManagerFrame::Stop { stops: vec![stop] });
}

#[tokio::test]
async fn variables_for_a_programs_loader_do_not_reach_the_nodes_own_processes() {
    let site = Site::start("").await;
    let mut order = order(&site, "env | grep -c '^LD_PRELOAD=' #");
    order.environ = BTreeMap::from(
        [("LD_PRELOAD", "/nowhere/evil.so"), ("BASH_ENV", "/nowhere/x"), ("PATH", "/usr/bin:/bin:.")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );

    let key = site.assign(&order);
    let found = log(&site.manager.finish_of(&key).await);

    assert!(found.ends_with("1\n"), "a program has what its action says: {found}");
    let environ = fs::read(format!("/proc/{}/environ", site.supervisor_pid())).unwrap();
    assert!(!environ.windows(10).any(|part| part == b"LD_PRELOAD"));
}
