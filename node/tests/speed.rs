//! How fast a node is, to be looked at and not to be asserted: `cargo test --release -p lp-node --test speed -- --ignored --nocapture`.
//!
//! Each figure is beside the limit of the same moment: what the bare machine does with the same directory, files, spawn and wait.

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lp_protocol::frames::ManagerFrame;
use support::{Site, assignment};

const COUNT: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn short_programs_per_second_and_one_at_a_time() {
    let site = Site::start("action_slots: 2").await;
    let app = site.app(&[("configuration.json", "{}")]);
    let program = std::env::var("LP_SPEED_PROGRAM").unwrap_or_else(|_| "/bin/true".into());
    let warm = site.assign(&assignment(&app, &program));
    site.manager.finish_of(&warm).await;
    let pids = [site.node_pid() as i32, site.supervisor_pid()];
    for round in 0..3 {
        let limit = bare(&program, COUNT, 2);
        let (spent, begin) = (pids.map(cpu), Instant::now());
        let seen = site.manager.facts().reports.len();
        let orders: Vec<_> = (0..COUNT).map(|_| assignment(&app, &program)).collect();
        for part in orders.chunks(50) {
            site.manager.send(ManagerFrame::Assign { assignments: part.to_vec() });
        }
        let ended = |facts: &mut support::manager::Facts| {
            (facts.finished >= (round + 1) * COUNT + 1 + round * 100).then_some(())
        };
        site.manager.wait("all ends", ended).await;
        let seconds = begin.elapsed().as_secs_f64();
        let used: Vec<f64> =
            pids.iter().zip(spent).map(|(pid, before)| (cpu(*pid) - before) * 1e6 / COUNT as f64).collect();
        let rate = COUNT as f64 / seconds;
        println!(
            "{rate:6.0}/s of {limit:6.0}/s ({:.2}); cpu per action: node {:.0} us, supervisor {:.0} us; rss {} {} KiB; {} reports",
            rate / limit,
            used[0],
            used[1],
            rss(pids[0]),
            rss(pids[1]),
            site.manager.facts().reports.len() - seen
        );
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..100 {
            let begin = Instant::now();
            let key = site.assign(&assignment(&app, &program));
            site.manager.finish_of(&key).await;
            times.push(begin.elapsed());
        }
        times.sort();
        let bare_one = 1.0 / bare(&program, 200, 1);
        println!("one at a time: median {:?}, p99 {:?}; bare {:.0} us", times[50], times[98], bare_one * 1e6);
    }
}

/// Per second, with so many threads.
fn bare(program: &str, count: usize, threads: usize) -> f64 {
    let dir = tempfile::tempdir().expect("a directory");
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let dir = dir.path();
            scope.spawn(move || {
                (0..count / threads).for_each(|number| one(program, &dir.join(format!("{thread}.{number}"))))
            });
        }
    });
    count as f64 / begin.elapsed().as_secs_f64()
}

fn one(program: &str, workspace: &Path) {
    fs::create_dir(workspace).expect("a workspace");
    fs::File::create(workspace.join("input.data"))
        .and_then(|mut file| file.write_all(&[b'x'; 400]))
        .expect("input");
    let stdout = fs::File::create(workspace.join("stdout.data")).expect("stdout");
    let mut command = Command::new(program);
    let mut child = command
        .arg(workspace)
        .stdin(Stdio::null())
        .stdout(stdout)
        .process_group(0)
        .spawn()
        .expect("a program");
    child.wait().expect("its end");
    assert!(fs::read(workspace.join("output.data")).is_err());
    fs::read(workspace.join("stdout.data")).expect("its output");
}

/// Processor seconds so far.
fn cpu(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = text.rsplit_once(')').expect("a name").1.split_ascii_whitespace().collect();
    let ticks = |field: &str| field.parse::<f64>().expect("a number");
    (ticks(fields[11]) + ticks(fields[12])) / 100.0
}

fn rss(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").to_owned()
}
