//! Measures the store: commits by size, loading what is open, and every filter of the list on many finished tasks.
//!
//! `cargo run --release -p lp-manager --example store_bench [URL] [TASKS]`: without a URL on SQLite in a temporary directory, with a
//! million tasks in the list. The database has to be empty. Commits are compared with the bare cost of making a file durable
//! on the same disk at the same time.

#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lp_manager::core::record::{
    AttemptId, AttemptPayload, AttemptRecord, Changes, NewTask, TaskRecord, TaskSeq,
};
use lp_manager::store::{Epoch, Lease, NewPackage, NewVersion, Program, Store};
use lp_protocol::frames::Usage;
use lp_protocol::plan::Plan;
use lp_protocol::views::ListTasks;
use lp_protocol::{AppId, Exit, NodeId, Stage, Status, TaskId, VersionId};
use serde_json::value::RawValue;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Time zero of the made-up tasks.
const BEGIN: i64 = 1_780_000_000_000_000;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let directory = tempfile::tempdir()?;
    let url = arguments.next().unwrap_or_else(|| directory.path().join("bench.db").display().to_string());
    let listed: i64 = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    println!("{} at {}", if url.starts_with("postgres") { "postgresql" } else { "sqlite" }, url);
    println!("memory {:.0} MiB before", resident_mib());
    let mut bench = Bench::new(&url).await?;
    println!("memory {:.0} MiB with an open store", resident_mib());
    bare_sync(directory.path())?;
    bench.commits().await?;
    bench.submit_many().await?;
    bench.load().await?;
    bench.list(listed).await?;
    Ok(())
}

struct Bench {
    store: Store,
    epoch: Epoch,
    apps: Vec<(AppId, VersionId)>,
    next: TaskSeq,
}

impl Bench {
    async fn new(url: &str) -> Outcome<Self> {
        let store = Store::open(url).await?;
        let Lease::Mine(epoch) = store.acquire_lease("bench", "", Duration::from_secs(3600)).await? else {
            return Err("somebody else leads".into());
        };
        let mut apps = Vec::new();
        for number in 0..10 {
            let app_id = AppId::random();
            let app = store.create_app(epoch, app_id, package(number)?).await?;
            apps.push((app_id, app.version.version_id));
        }
        Ok(Self { store, epoch, apps, next: 1 })
    }

    fn task(&mut self, stage: Stage, status: Option<Status>) -> TaskRecord {
        let seq = self.next;
        self.next += 1;
        let (app_id, version_id) = self.apps[usize::try_from(seq).unwrap_or(0) % self.apps.len()];
        let end_at = (stage == Stage::Finished).then_some(time(seq));
        TaskRecord {
            seq,
            task_id: TaskId::random(),
            name: format!("nightly report number {seq}").into(),
            app_id,
            version_id,
            origin: None,
            priority: 0,
            run: 1,
            stage,
            status,
            reason: None,
            create_at: time(seq),
            start_at: end_at,
            end_at,
            stop: None,
        }
    }

    /// The three commits of a task with one action, in batches of so many tasks.
    async fn commits(&mut self) -> Outcome {
        println!("\ncommits of N tasks: created, started, finished with a small output");
        println!(
            "{:>6} {:>10} {:>8} {:>11} {:>11} {:>8}",
            "N", "median ms", "p99 ms", "us per row", "cpu us/row", "rows/s"
        );
        for size in [1, 2, 5, 10, 50, 100, 200, 1000] {
            let rounds = (3000 / size).clamp(10, 300);
            let (mut times, mut rows) = (Vec::new(), 0);
            let mut lives = Vec::new();
            for _ in 0..rounds {
                lives.push(self.life(size)?);
            }
            let cpu = cpu_seconds();
            for life in lives {
                for changes in life {
                    rows += changes.len() + changes.payloads.len();
                    let begin = Instant::now();
                    self.store.commit(self.epoch, &changes).await?;
                    times.push(begin.elapsed());
                }
            }
            let total: Duration = times.iter().sum();
            times.sort();
            let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
            let per_row = total.as_secs_f64() / rows as f64;
            println!(
                "{size:>6} {:>10.3} {:>8.3} {:>11.1} {:>11.1} {:>8.0}",
                median.as_secs_f64() * 1e3,
                p99.as_secs_f64() * 1e3,
                per_row * 1e6,
                (cpu_seconds() - cpu) / rows as f64 * 1e6,
                1.0 / per_row
            );
        }
        println!("memory {:.0} MiB", resident_mib());
        Ok(())
    }

    fn life(&mut self, size: usize) -> Outcome<[Changes; 3]> {
        let mut created = Changes::default();
        let (mut started, mut finished) = (Changes::default(), Changes::default());
        for _ in 0..size {
            let mut task = self.task(Stage::Pending, None);
            let mut attempt = attempt(task.seq);
            created.new_tasks.push(new_task(task.clone()));
            task.stage = Stage::Running;
            started.tasks.insert(task.seq, task.clone());
            started.attempts.insert(attempt.id, attempt.clone());
            task.stage = Stage::Finished;
            task.status = Some(Status::Success);
            attempt.stage = Stage::Finished;
            attempt.status = Some(Status::Success);
            attempt.exit = Some(Exit::Code { code: 0 });
            let output = Some(RawValue::from_string(r#"{"data": {"rows": 1}}"#.to_owned())?);
            finished.tasks.insert(task.seq, task);
            finished.payloads.insert(
                attempt.id,
                AttemptPayload { output, log: Some(b"done\n".to_vec()), log_times: None },
            );
            finished.attempts.insert(attempt.id, attempt);
        }
        Ok([created, started, finished])
    }

    async fn submit_many(&mut self) -> Outcome {
        let new_tasks = (0..10_000).map(|_| new_task(self.task(Stage::Pending, None))).collect();
        let changes = Changes { new_tasks, ..Changes::default() };
        let begin = Instant::now();
        self.store.commit(self.epoch, &changes).await?;
        println!("\n10,000 tasks in one commit: {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
        for _ in 0..9 {
            let new_tasks = (0..10_000).map(|_| new_task(self.task(Stage::Pending, None))).collect();
            self.store.commit(self.epoch, &Changes { new_tasks, ..Changes::default() }).await?;
        }
        Ok(())
    }

    async fn load(&mut self) -> Outcome {
        let before = resident_mib();
        let begin = Instant::now();
        let open = self.store.load_open().await?;
        let took = begin.elapsed();
        println!(
            "loading {} open tasks: {:.0} ms, memory {before:.0} -> {:.0} MiB with the records",
            open.tasks.len(),
            took.as_secs_f64() * 1e3,
            resident_mib()
        );
        let counts = timed(5, async || Ok(self.store.count_open_tasks().await?.len())).await?;
        println!("counting them by stage: {:.1} ms", counts.0.as_secs_f64() * 1e3);
        Ok(())
    }

    async fn list(&mut self, listed: i64) -> Outcome {
        let begin = Instant::now();
        for _ in 0..listed / 1000 {
            let new_tasks = (0..1000).map(|number| {
                let status = if number % 50 == 0 { Status::Fail } else { Status::Success };
                new_task(self.task(Stage::Finished, Some(status)))
            });
            let changes = Changes { new_tasks: new_tasks.collect(), ..Changes::default() };
            self.store.commit(self.epoch, &changes).await?;
        }
        let per_row = begin.elapsed().as_secs_f64() / listed as f64;
        println!("\n{listed} finished tasks inserted, {:.1} us each; a page of 50 by filter:", per_row * 1e6);
        let app_id = Some(self.apps[3].0);
        let unknown = Some(AppId::random());
        let wanted = ListTasks::default;
        let cases = [
            ("none", wanted()),
            ("stage finished", ListTasks { stage: Some(Stage::Finished), ..wanted() }),
            ("stage running (none is)", ListTasks { stage: Some(Stage::Running), ..wanted() }),
            ("stage pending (100,000, the oldest)", ListTasks { stage: Some(Stage::Pending), ..wanted() }),
            ("status fail", ListTasks { status: Some(Status::Fail), ..wanted() }),
            ("status kill (none is)", ListTasks { status: Some(Status::Kill), ..wanted() }),
            ("app", ListTasks { app_id, ..wanted() }),
            ("app without tasks", ListTasks { app_id: unknown, ..wanted() }),
            ("app and status kill", ListTasks { app_id, status: Some(Status::Kill), ..wanted() }),
            ("app and stage pending", ListTasks { app_id, stage: Some(Stage::Pending), ..wanted() }),
            ("name most have", ListTasks { name: Some("nightly*".into()), ..wanted() }),
            ("name one has", ListTasks { name: Some("*number 200001".into()), ..wanted() }),
            ("name none has", ListTasks { name: Some("*xyz*".into()), ..wanted() }),
            ("exact name", ListTasks { name: Some("nightly report number 200001".into()), ..wanted() }),
            ("name none has, app", ListTasks { name: Some("*xyz*".into()), app_id, ..wanted() }),
            ("since the last ten", ListTasks { since: Some(time(self.next - 10)), ..wanted() }),
            ("since the beginning", ListTasks { since: Some(time(1)), ..wanted() }),
            (
                "since the last ten, status kill, app",
                ListTasks {
                    since: Some(time(self.next - 10)),
                    status: Some(Status::Kill),
                    app_id,
                    ..wanted()
                },
            ),
            ("prefix of the id", ListTasks { id_prefix: Some("a1b2".into()), ..wanted() }),
        ];
        for (name, case) in cases {
            let (median, found) =
                timed(9, async || Ok(self.store.list_tasks(&case).await?.items.len())).await?;
            println!("{:>10.2} ms {found:>4} found  {name}", median.as_secs_f64() * 1e3);
        }
        println!("memory {:.0} MiB", resident_mib());
        Ok(())
    }
}

async fn timed(rounds: usize, call: impl AsyncFn() -> Outcome<usize>) -> Outcome<(Duration, usize)> {
    let mut times = Vec::new();
    let mut result = 0;
    for _ in 0..rounds {
        let begin = Instant::now();
        result = call().await?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok((times[rounds / 2], result))
}

/// What every durable commit costs at least here: appending 4 KiB and `fdatasync`.
fn bare_sync(directory: &std::path::Path) -> Outcome {
    let mut file = std::fs::File::create(directory.join("bare"))?;
    let mut times = Vec::new();
    for _ in 0..300 {
        let begin = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    times.sort();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "append and fdatasync: median {:.3} ms, p99 {:.3} ms",
        median.as_secs_f64() * 1e3,
        p99.as_secs_f64() * 1e3
    );
    Ok(())
}

/// Processor time of this process in seconds (in hundredths, as the kernel tells it); PostgreSQL's own is not in it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn resident_mib() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0 / 1048576.0
}

fn time(seq: TaskSeq) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(BEGIN + seq * 1000).unwrap_or_default()
}

fn new_task(record: TaskRecord) -> NewTask {
    NewTask { record, input: None, key: None, fingerprint: None }
}

fn attempt(task: TaskSeq) -> AttemptRecord {
    AttemptRecord {
        id: AttemptId { task, action: 0, number: 1 },
        run: 1,
        counts_in: 1,
        name: None,
        node_id: NodeId(uuid::Uuid::from_u128(7)),
        stage: Stage::Pending,
        status: None,
        exit: None,
        assign_at: time(task),
        start_at: None,
        end_at: None,
        log_bytes: 0,
        usage: Usage::default(),
        preparing: Box::default(),
    }
}

fn package(number: u32) -> Outcome<NewPackage> {
    let plan: Plan =
        serde_json::from_str(r#"{"actions": [{"name": "first", "command": {"line": "true"}}]}"#)?;
    let program = Program { plan, manifest: "{}".to_owned(), warnings: Vec::new() };
    let version = NewVersion {
        digest: format!("{number:064}"),
        sha1: "0".repeat(40),
        size_bytes: 1000,
        format: "tar.gz".to_owned(),
        description: String::new(),
        create_by: "bench".to_owned(),
        program: Some(program),
    };
    Ok(NewPackage { name: format!("app {number}"), description: String::new(), version, create_at: time(0) })
}
