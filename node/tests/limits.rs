//! What an action asks for is what it gets and no more: memory, processors, GPUs, processes.

mod support;

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use lp_protocol::frames::{Assignment, Finish, ManagerFrame, Stop};
use lp_protocol::plan::Resources;
use lp_protocol::{AttemptKey, Exit};
use support::{Site, assignment, is_alive, until, written_pid};

const MEGABYTE: u64 = 1 << 20;

/// Allocates without end.
const GREEDY: &str = "python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))' #";

/// Writes its number, waits for a file named `go` in the workspace, then says which GPUs it has.
const WAITER: &str = "echo $$ > \"$LP_WORKSPACE/pid\"; until [ -e \"$LP_WORKSPACE/go\" ]; do sleep 0.01; done; \
                      echo $LP_GPUS $CUDA_VISIBLE_DEVICES #";

fn log(finish: &Finish) -> String {
    let text = finish.log.as_ref().unwrap_or_else(|| panic!("no log: {finish:?}"));
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("the log is base64");
    String::from_utf8(bytes).expect("these programs write UTF-8")
}

fn order(site: &Site, line: &str, resources: Resources) -> Assignment {
    let app = site.app(&[("configuration.json", "{}")]);
    Assignment { resources, ..assignment(&app, line) }
}

fn memory(bytes: u64) -> Resources {
    Resources { memory_bytes: bytes, ..Resources::default() }
}

fn gpus(count: u64) -> Resources {
    Resources { gpus: count, ..Resources::default() }
}

/// False, with a word about it, where this machine lets us use no control groups; a failure where all tests must run.
fn has_groups(site: &Site) -> bool {
    let limits = site.manager.facts().hellos[0].node.isolation.limits.clone();
    let has = limits.contains("by cgroup");
    if !has {
        assert!(std::env::var_os("CI").is_none(), "control groups must be usable under CI: {limits}");
        eprintln!("LEFT OUT: {limits}");
    }
    has
}

fn assert_out_of_memory(finish: &Finish, limit: u64) {
    let Exit::OutOfMemory { limit_bytes, peak_bytes } = finish.exit else { panic!("{finish:?}") };
    assert_eq!(limit_bytes, limit);
    assert!(peak_bytes >= limit - 4 * MEGABYTE, "{peak_bytes}");
    assert!(finish.usage.max_rss_bytes >= limit - 8 * MEGABYTE, "{:?}", finish.usage);
    assert!(
        finish.exit.to_string().starts_with("out of memory: killed at its limit of 48 MiB"),
        "{}",
        finish.exit
    );
}

#[tokio::test]
async fn an_action_beyond_its_memory_is_killed_by_the_kernel_and_the_report_says_so() {
    let site = Site::start("").await;
    if !has_groups(&site) {
        return;
    }

    let key = site.assign(&order(&site, GREEDY, memory(48 * MEGABYTE)));

    assert_out_of_memory(&site.manager.finish_of(&key).await, 48 * MEGABYTE);
    let modest = site.assign(&order(&site, "echo fits #", memory(48 * MEGABYTE)));
    let finish = site.manager.finish_of(&modest).await;
    assert_eq!((finish.exit.clone(), log(&finish)), (Exit::Code { code: 0 }, "fits\n".to_owned()));
}

#[tokio::test]
async fn an_action_beyond_its_memory_is_found_out_and_killed_where_there_are_no_groups() {
    let site = Site::start_unprivileged("").await;
    let limits = site.manager.facts().hellos[0].node.isolation.limits.clone();
    if limits.contains("by cgroup") {
        return;
    }
    assert!(limits.contains("no cgroups: "), "{limits}");

    let child = format!("{} & wait; exit 9 #", GREEDY.trim_end_matches('#'));
    let key = site.assign(&order(&site, &child, memory(48 * MEGABYTE)));

    assert_out_of_memory(&site.manager.finish_of(&key).await, 48 * MEGABYTE);
}

#[tokio::test]
async fn an_attempt_with_limits_has_a_group_that_goes_with_it() {
    let site = Site::start("").await;
    if !has_groups(&site) {
        return;
    }
    let resources = Resources { cpu_millis: 500, memory_bytes: 64 * MEGABYTE, ..Resources::default() };

    let key = site.assign(&order(&site, &format!("cat /proc/self/cgroup; {WAITER}"), resources));
    written_pid(&site.workspace(&key).join("pid")).await;
    let groups = groups_of(&site);

    assert!(!groups.is_empty());
    let quota = groups.iter().find_map(|dir| {
        let of = |name: &str| fs::read_to_string(format!("{dir}/{name}")).ok();
        of("cpu.max").or(of("cpu.cfs_quota_us"))
    });
    assert!(quota.as_deref().is_some_and(|quota| quota.starts_with("50000")), "{quota:?}");
    fs::write(site.workspace(&key).join("go"), "").unwrap();
    let finish = site.manager.finish_of(&key).await;
    assert!(log(&finish).contains(&format!("lp-{}", site.manager.node_id())), "{}", log(&finish));
    assert_eq!(groups_of(&site), [] as [&str; 0]);
}

/// The directories of groups of attempts of this node, in any tree.
fn groups_of(site: &Site) -> Vec<String> {
    let name = format!("/lp-{}/", site.manager.node_id());
    let mut found = Vec::new();
    let mut next = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    while let Some(dir) = next.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                if path.to_str().is_some_and(|path| path.contains(&name)) {
                    found.push(path.display().to_string());
                }
                next.push(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn groups_of_a_supervisor_that_died_are_removed_with_what_runs_in_them() {
    let mut site = Site::start("").await;
    if !has_groups(&site) {
        return;
    }
    let key = site.assign(&order(&site, WAITER, memory(64 * MEGABYTE)));
    let pid = written_pid(&site.workspace(&key).join("pid")).await;
    let supervisor = site.supervisor_pid();
    site.kill_node();

    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor), nix::sys::signal::SIGKILL).unwrap();
    until("it is dead", || !is_alive(supervisor)).await;
    site.start_node();

    let finish = site.manager.finish_of(&key).await;
    assert!(matches!(finish.exit, Exit::Lost { .. }), "{finish:?}");
    assert!(!is_alive(pid));
    assert_eq!(groups_of(&site), [] as [&str; 0]);
}

#[tokio::test]
async fn a_thousand_detached_children_are_gone_after_a_stop() {
    for site in [Site::start("").await, Site::start_unprivileged("").await] {
        let script = "python3 -c 'import os, time\nfor i in range(1000):\n  if os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    time.sleep(600)\nopen(os.environ[\"LP_WORKSPACE\"] + \"/pid\", \"w\").write(str(os.getpid()) + chr(10))\ntime.sleep(600)' #";
        let key = site.assign_line(script);
        written_pid(&site.workspace(&key).join("pid")).await;
        let mark = format!("LP_ATTEMPT_KEY={key}");
        let count = || {
            let is_its = |pid: &i32| {
                let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environ.split(|byte| *byte == 0).any(|pair| pair == mark.as_bytes())
            };
            support::processes().iter().filter(|pid| is_its(pid)).count()
        };
        until("all of them run", || count() > 1000).await;

        let stop = Stop { attempt: key.clone(), signal: 15, grace: Duration::from_millis(200) };
        site.manager.send(ManagerFrame::Stop { stops: vec![stop] });

        let finish = site.manager.finish_of(&key).await;
        assert!(matches!(finish.exit, Exit::Stopped { .. }), "{finish:?}");
        until("all of them are gone", || count() == 0).await;
    }
}

#[tokio::test]
async fn gpus_are_given_out_one_by_one_and_a_restarted_node_knows_whose_they_are() {
    let mut site = Site::start("gpus: [GPU-a, GPU-b]").await;
    assert_eq!(site.manager.facts().hellos[0].node.gpus, ["GPU-a", "GPU-b"]);
    let first = site.assign(&order(&site, WAITER, gpus(1)));
    written_pid(&site.workspace(&first).join("pid")).await;
    site.kill_node();
    site.start_node();
    site.manager.started(&first).await;

    let second = site.assign(&order(&site, WAITER, gpus(1)));
    written_pid(&site.workspace(&second).join("pid")).await;
    let third = site.assign(&order(&site, WAITER, gpus(2)));
    for key in [&second, &first] {
        assert!(!site.workspace(&third).exists(), "it waits for both");
        fs::write(site.workspace(key).join("go"), "").unwrap();
        site.manager.finish_of(key).await;
    }

    let said = async |key: &AttemptKey| log(&site.manager.finish_of(key).await);
    assert_eq!(said(&first).await, "GPU-a GPU-a\n");
    assert_eq!(said(&second).await, "GPU-b GPU-b\n");
    written_pid(&site.workspace(&third).join("pid")).await;
    fs::write(site.workspace(&third).join("go"), "").unwrap();
    assert_eq!(said(&third).await, "GPU-a,GPU-b GPU-a,GPU-b\n");
    let none = site.assign_line("echo \"[$LP_GPUS$CUDA_VISIBLE_DEVICES]\" #");
    assert_eq!(said(&none).await, "[]\n");
}

#[tokio::test]
async fn what_an_attempt_has_used_is_reported() {
    let site = Site::start("").await;
    let line = "python3 -c 'import os, time\nx = bytearray(32 << 20)\nwhile time.process_time() < 0.1: pass\n\
                f = open(os.environ[\"LP_WORKSPACE\"] + \"/f\", \"wb\"); f.write(os.urandom(4 << 20)); f.flush(); os.fsync(f.fileno())' #";

    let key = site.assign_line(line);
    let finish = site.manager.finish_of(&key).await;

    let usage = finish.usage;
    assert!(usage.cpu_seconds >= 0.1 && usage.cpu_seconds < 60.0, "{usage:?}");
    assert!(usage.max_rss_bytes >= 32 * MEGABYTE, "{usage:?}");
    // where the temporary directory is in memory nothing goes to a disk
    assert!(usage.written_bytes == 0 || usage.written_bytes >= 4 * MEGABYTE, "{usage:?}");
}
