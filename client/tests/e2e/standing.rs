//! Schedules and services with the real binary: the clock is set ahead, programs and managers are killed.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common::{Cluster, PATIENCE, example};

const DAY: u64 = 86_400;

/// Asks until there is an answer.
#[track_caller]
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} does not happen");
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Starts the manager anew at this time.
fn start_at(cluster: &mut Cluster, time: u64) {
    cluster.set("LP_CLOCK_AHEAD", &(time as i64 - now() as i64).to_string());
    cluster.start_up();
}

fn history(cluster: &Cluster, schedule: &str) -> Vec<Value> {
    let rows = cluster.lp(&["schedule", "history", schedule, "--all", "-r"]).ok().json();
    rows.as_array().unwrap().clone()
}

#[test]
fn a_nightly_schedule_fires_once_a_night_whatever_is_killed() {
    let mut cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    let create = ["schedule", "create", "-n", "nightly", "-a", "hello", "-i", r#"{"name": "night"}"#];
    let created =
        cluster.lp(&[&create[..], &["-H", "2", "-m", "0", "--tz", "UTC", "-e", "-r"]].concat()).ok().json();
    assert_eq!((&created["hour"], &created["enable"]), (&2.into(), &true.into()));
    let today = now() / DAY * DAY;

    for night in 1..=3 {
        cluster.kill_up();
        let two = today + night * DAY + 2 * 3600;
        start_at(&mut cluster, two - 1);
        let fired = until("the instant", || {
            let rows = history(&cluster, "nightly");
            (rows.len() as u64 == night).then_some(rows)
        });
        assert_eq!(fired[0]["state"], "fired", "{fired:?}");
        let task = fired[0]["task_id"].as_str().unwrap();
        cluster.lp(&["task", "wait", task]).ok();
        let log = cluster.lp(&["logs", task]).ok();
        assert!(log.text().contains("Hello, night!"), "{log:?}");
        // once more at the same time of the same night
        cluster.kill_up();
        start_at(&mut cluster, two - 1);
    }

    // five nights nobody was there
    cluster.kill_up();
    start_at(&mut cluster, today + 8 * DAY + 12 * 3600);
    let rows = until("the look back", || {
        let rows = history(&cluster, "nightly");
        (rows.len() == 8).then_some(rows)
    });
    let states: Vec<&str> = rows.iter().rev().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["fired", "fired", "fired", "skipped", "skipped", "skipped", "skipped", "skipped"]);
    assert!(rows[0]["reason"].as_str().unwrap().starts_with("missed by 10h"), "{}", rows[0]);
    let tasks = cluster.lp(&["task", "list", "-n", "nightly", "--all", "-r"]).ok().json();
    assert_eq!(tasks.as_array().unwrap().len(), 3);
}

#[test]
fn a_nightly_schedule_of_a_workflow_makes_one_work_a_night() {
    let mut cluster = Cluster::up();
    for app in ["fetch", "count", "report"] {
        cluster.create_app(&example("workflow").join(app));
    }
    let file = example("workflow").join("workflow.yaml");
    cluster.lp(&["workflow", "create", "-n", "counts", "-c", file.to_str().unwrap(), "--strict"]).ok();
    let create = ["schedule", "create", "-n", "nightly", "-w", "counts", "-H", "2", "--tz", "UTC"];
    let input = r#"{"title": "The rhyme"}"#;
    cluster.lp(&[&create[..], &["--overlap", "skip", "-i", input, "-e"]].concat()).ok();
    let today = now() / DAY * DAY;

    for night in 1..=2 {
        cluster.kill_up();
        let two = today + night * DAY + 2 * 3600;
        start_at(&mut cluster, two - 1);
        let fired = until("the instant", || {
            let rows = history(&cluster, "nightly");
            (rows.len() as u64 == night).then_some(rows)
        });
        assert_eq!((&fired[0]["state"], &fired[0]["task_id"]), (&"fired".into(), &Value::Null), "{fired:?}");
        let work = fired[0]["work_id"].as_str().unwrap();
        // killed in the middle, and once more at the same time of the same night
        cluster.kill_up();
        start_at(&mut cluster, two - 1);
        cluster.lp(&["work", "wait", work]).ok();
        let info = cluster.lp(&["work", "info", work, "-r"]).ok().json();
        let message = &info["result"]["report"]["result"]["message"];
        assert_eq!(message, "The rhyme has 8 words and 29 letters.", "{info}");
        assert_eq!(info["applications"].as_array().unwrap().len(), 4);
    }

    let works = cluster.lp(&["work", "list", "-n", "nightly", "--all", "-r"]).ok().json();
    assert_eq!(works.as_array().unwrap().len(), 2);
    assert_eq!(history(&cluster, "nightly").len(), 2);
    let listed = cluster.lp(&["schedule", "list", "-w", "counts", "-o", "wide"]).ok();
    assert!(listed.stdout.contains("workflow") && listed.stdout.contains("counts"), "{}", listed.stdout);
    let shown = cluster.lp(&["schedule", "info", "nightly"]).ok();
    assert!(shown.stdout.contains("workflow counts ("), "{}", shown.stdout);
    let works = works.as_array().unwrap();
    let short = |work: &Value| work["work_id"].as_str().unwrap()[..8].to_owned();
    assert!(works.iter().all(|work| shown.stdout.contains(&short(work))), "{}", shown.stdout);

    cluster.lp(&["workflow", "disable", "counts"]).ok();
    let skipped = cluster.lp(&["schedule", "trigger", "nightly", "-r"]).ok().json();
    assert_eq!(skipped[0]["reason"], "the workflow `counts` is disabled");
}

#[test]
fn the_example_of_a_schedule_runs_as_its_readme_says() {
    let cluster = Cluster::up();
    cluster.create_app(&example("schedule"));
    let create = ["schedule", "create", "-n", "disk-nightly", "-a", "schedule", "--cron", "30 2 * * *"];
    cluster.lp(&[&create[..], &["--tz", "Europe/Berlin", "--catchup", "last", "-e"]].concat()).ok();

    let next = ["schedule", "next", "disk-nightly", "-l", "2", "--after", "2027-03-27T12:00:00Z"];
    let next = cluster.lp(&next).ok();
    assert!(next.stdout.contains("2027-03-28T03:00:00+02:00"), "{}", next.stdout);
    let fired = cluster.lp(&["schedule", "trigger", "disk-nightly", "-r"]).ok().json();
    let task = fired[0]["task_id"].as_str().unwrap();
    cluster.lp(&["task", "wait", task]).ok();

    let log = cluster.lp(&["logs", task]).ok();
    assert!(log.text().contains("the disk is used to"), "{log:?}");
    assert_eq!(history(&cluster, "disk-nightly").len(), 1);
}

#[test]
fn a_schedule_that_catches_up_runs_each_missed_night() {
    let mut cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    let create = ["schedule", "create", "-n", "all", "-a", "hello", "--cron", "0 2 * * *", "--tz", "UTC"];
    cluster.lp(&[&create[..], &["--catchup", "all", "--overlap", "queue", "-e"]].concat()).ok();
    cluster.kill_up();

    start_at(&mut cluster, (now() / DAY + 4) * DAY + 12 * 3600);

    let rows = until("the last of them", || {
        let rows = history(&cluster, "all");
        (rows.len() == 4 && rows.iter().all(|row| row["state"] == "fired")).then_some(rows)
    });
    let tasks: std::collections::BTreeSet<_> =
        rows.iter().map(|row| row["task_id"].as_str().unwrap()).collect();
    assert_eq!(tasks.len(), 4);
}

/// What the service's task has said about its process.
fn process_of(cluster: &Cluster, task: &str) -> Option<i32> {
    let log = cluster.lp(&["logs", task]);
    log.stdout.split("process ").nth(1)?.split_whitespace().next()?.parse().ok()
}

fn service(cluster: &Cluster) -> Value {
    cluster.lp(&["service", "info", "web", "-r"]).ok().json()
}

#[test]
fn a_service_killed_ten_times_is_started_ten_times_with_growing_waits() {
    let mut cluster = Cluster::up();
    cluster.create_app(&example("service"));
    let waits = ["--delay", "100ms", "--max-delay", "1s"];
    cluster.lp(&[&["service", "create", "-n", "web", "-a", "service", "-e"], &waits[..]].concat()).ok();
    let mut last = String::new();
    for _ in 0..10 {
        let (task, process) = until("the next task", || {
            let service = service(&cluster);
            let task = service["task_id"].as_str().filter(|task| *task != last)?.to_owned();
            let process = process_of(&cluster, &task)?;
            Some((task, process))
        });
        kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
        last = task;
    }

    let after = until("the tenth restart", || {
        let service = service(&cluster);
        (service["restarts"] == 10 && service["stage"] == "running").then_some(service)
    });
    assert_eq!(after["failures"], 10);
    assert!(after["reason"].as_str().unwrap().contains("killed by signal 9"), "{after}");
    let tasks = cluster.lp(&["task", "list", "-n", "web", "--all", "-r"]).ok().json();
    assert_eq!(tasks.as_array().unwrap().len(), 10, "the newest ten are kept");

    // a manager that is killed leaves it running
    let task = after["task_id"].as_str().unwrap();
    cluster.kill_up();
    cluster.start_up();
    assert_eq!(service(&cluster)["task_id"], task);
    cluster.lp(&["service", "disable", "web"]).ok();
    cluster.lp(&["task", "wait", task]).ends_with(1);
    let disabled = service(&cluster);
    assert_eq!((&disabled["enable"], &disabled["status"]), (&false.into(), &"kill".into()));
    assert_eq!(disabled["reason"], "kill: the service was disabled");
}

#[test]
fn a_service_that_fails_for_ever_is_given_up_and_says_why() {
    let cluster = Cluster::up();
    let broken = crate::common::write_app(
        &cluster.path("broken"),
        &[
            ("configuration.json", r#"{"actions": [{"name": "serve", "main": "./serve.sh"}]}"#),
            ("serve.sh", "#!/bin/sh\nexit 3\n"),
        ],
    );
    cluster.create_app(&broken);
    let create = ["service", "create", "-n", "web", "-a", "broken", "--delay", "100ms"];
    cluster.lp(&[&create[..], &["--max-restarts", "2", "-e"]].concat()).ok();

    let given_up =
        until("giving up", || Some(service(&cluster)).filter(|service| service["given_up"] == true));

    let reason = given_up["reason"].as_str().unwrap();
    assert_eq!(reason, "given up after 2 restarts; fail: action `serve` failed: exit code 3");
    let report = cluster.lp(&["service", "info", "web"]).ok();
    assert!(report.stdout.contains("given up"), "{}", report.stdout);
}

#[test]
fn a_service_whose_health_file_is_removed_is_started_anew_and_says_why() {
    let cluster = Cluster::up();
    let app = crate::common::write_app(
        &cluster.path("frail"),
        &[
            ("configuration.json", r#"{"actions": [{"name": "serve", "main": "./serve.sh"}]}"#),
            (
                "serve.sh",
                "#!/bin/sh\ntouch \"$1/healthy\"\necho \"healthy while $1/healthy is there\"\nexec sleep 1000\n",
            ),
            ("check.sh", "#!/bin/sh\ntest -e \"$1/healthy\" || { echo 'the file is gone'; exit 4; }\n"),
        ],
    );
    cluster.create_app(&app);
    let create = ["service", "create", "-n", "web", "-a", "frail", "--delay", "100ms", "-e"];
    let health = ["--health", "./check.sh", "--health-interval", "100ms", "--health-grace", "0"];
    cluster.lp(&[&create[..], &health[..]].concat()).ok();
    let (task, file) = until("its start", || {
        let task = service(&cluster)["task_id"].as_str()?.to_owned();
        let log = cluster.lp(&["logs", &task]);
        let file = log.stdout.split("healthy while ").nth(1)?.split_whitespace().next()?.to_owned();
        Some((task, file))
    });

    std::fs::remove_file(file).unwrap();

    let after = until("its restart", || {
        let service = service(&cluster);
        (service["task_id"] != *task && service["stage"] == "running").then_some(service)
    });
    let why = "fail: action `serve` failed: unhealthy: the health command failed 3 times in a row: exit code 4: the file is gone";
    assert_eq!((&after["reason"], &after["restarts"]), (&why.into(), &1.into()));
    let report = cluster.lp(&["service", "info", "web"]).ok();
    assert!(report.stdout.contains("the file is gone"), "{}", report.stdout);
    assert!(report.stdout.contains("./check.sh (every 100ms"), "{}", report.stdout);

    cluster.lp(&["service", "update", "web", "--health", "none"]).ok();
    assert_eq!(service(&cluster).get("health"), None);
}

#[test]
fn a_service_that_follows_its_application_takes_each_new_version() {
    let cluster = Cluster::up();
    let app = cluster.create_app(&example("service"));
    let create = ["service", "create", "-n", "web", "-a", "service", "--follow-active", "-e"];
    let created = cluster.lp(&[&create[..], &["-r"]].concat()).ok().json();
    until("its start", || Some(()).filter(|()| service(&cluster)["stage"] == "running"));
    let changed = cluster.path("changed");
    crate::common::copy(&example("service"), &changed);
    std::fs::write(changed.join("new"), "in version two").unwrap();

    cluster.lp(&["app", "update", &app, "-f", changed.to_str().unwrap()]).ok();

    let version = until("its new task", || {
        let service = service(&cluster);
        let is_new = service["stage"] == "running" && service["version_id"] != created["version_id"];
        is_new.then(|| service["version_id"].as_i64().unwrap())
    });
    assert!(version > created["version_id"].as_i64().unwrap());
    assert_eq!(service(&cluster)["restarts"], 0);
}
