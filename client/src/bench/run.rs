//! One run of the bench, from the first cluster to the printed report.

use std::fs;
use std::path::Path;
use std::time::Instant;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use super::args::{Bench, Workload};
use super::bed::Bed;
use super::drive::failed;
use super::figure::Figure;
use super::report::{Machine, Report};
use super::{backlog, footprint, history, latency, throughput};
use crate::cli::Format;
use crate::commands::Session;
use crate::failure::Failure;

/// Measures what was asked for and prints it. Targets that are missed are no failure: the figures are the result.
pub(crate) async fn run(session: &Session, bench: Bench) -> Result<(), Failure> {
    let begin = Instant::now();
    let sizes = bench.sizes();
    let home = bench.dir.clone().unwrap_or_else(std::env::temp_dir);
    let directory = tempfile::Builder::new().prefix("lp-bench-").tempdir_in(&home);
    let directory = directory.map_err(|source| Failure::File { what: "write", path: home, source })?;
    let machine = machine(directory.path());
    if machine.is_tmpfs {
        session.out.warn("this directory is in memory: syncs cost nothing in it; --dir names one on a disk");
    }
    if machine.load > machine.cpus as f64 / 4.0 {
        session.out.warn(&format!(
            "this machine has other things to do (load {:.1}): figures will be bad",
            machine.load
        ));
    }
    if cfg!(debug_assertions) {
        session.out.warn("this is a debug build: its figures say little");
    }
    let mut figures = shared_cluster(session, &bench, directory.path()).await?;
    if bench.wants(Workload::W6) {
        figures.extend(with_backlogs(session, &bench, directory.path()).await?);
    }
    if bench.wants(Workload::W8) {
        let bed = Bed::new(session, sizes, directory.path().join("history"), bench.slots).await?;
        figures.extend(history::views(&bed).await?);
    }
    if bench.wants(Workload::W9) {
        let bed = Bed::new(session, sizes, directory.path().join("generated"), bench.slots).await?;
        figures.extend(history::generated(&bed).await?);
    }
    let report = Report {
        format: 1,
        version: env!("CARGO_PKG_VERSION"),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        is_quick: bench.quick,
        rounds: sizes.rounds,
        machine,
        duration_seconds: begin.elapsed().as_secs_f64(),
        figures,
    };
    session.out.note("removing what was made");
    directory.close().map_err(|error| failed(format!("cannot remove the temporary cluster: {error}")))?;
    print(session, &bench, &report)
}

/// What can be measured one after the other on one cluster; memory first, because nothing makes it smaller again.
async fn shared_cluster(session: &Session, bench: &Bench, directory: &Path) -> Result<Vec<Figure>, Failure> {
    let on_it = [Workload::W1, Workload::W2, Workload::W3, Workload::W4, Workload::W5, Workload::W7];
    let mut figures = Vec::new();
    if !on_it.into_iter().any(|workload| bench.wants(workload)) {
        return Ok(figures);
    }
    let bed = Bed::new(session, bench.sizes(), directory.join("main"), bench.slots).await?;
    bed.rest().await;
    if bench.wants(Workload::W5) {
        figures.extend(footprint::memory(&bed).await?);
    }
    if bench.wants(Workload::W1) {
        figures.extend(throughput::measure(&bed).await?);
    }
    if bench.wants(Workload::W2) {
        figures.extend(latency::single(&bed).await?);
    }
    if bench.wants(Workload::W3) {
        figures.extend(latency::chain(&bed).await?);
    }
    if bench.wants(Workload::W4) {
        figures.extend(latency::fan_out(&bed).await?);
    }
    if bench.wants(Workload::W7) {
        figures.extend(footprint::idle(&bed).await?);
    }
    figures.sort_by_key(|figure| figure.workload);
    Ok(figures)
}

/// A cluster for each length of the queue.
async fn with_backlogs(session: &Session, bench: &Bench, directory: &Path) -> Result<Vec<Figure>, Failure> {
    let sizes = bench.sizes();
    let mut levels = Vec::new();
    for &queued in sizes.backlogs {
        let bed = Bed::new(session, sizes, directory.join(format!("backlog-{queued}")), bench.slots).await?;
        levels.push(backlog::level(&bed, queued).await?);
    }
    Ok(backlog::figures(&levels))
}

fn machine(directory: &Path) -> Machine {
    let line = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let memory = line("/proc/meminfo");
    let kib = memory.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    Machine {
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: line("/proc/sys/kernel/osrelease"),
        memory_bytes: kib.unwrap_or_default() << 10,
        load: line("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        directory: directory.display().to_string(),
        is_tmpfs: statfs(directory).is_ok_and(|facts| facts.filesystem_type() == TMPFS_MAGIC),
    }
}

fn print(session: &Session, bench: &Bench, report: &Report) -> Result<(), Failure> {
    if bench.json && session.out.format == Format::Table {
        let text = serde_json::to_string_pretty(report).map_err(|error| Failure::Output(error.into()))?;
        return session.out.line(&text);
    }
    session.out.document(report, || report.text(&session.out.look()))
}
