//! W5 and W7: memory of each part, and its processor time while nothing is to be done.

use std::time::{Duration, Instant};

use super::apps;
use super::bed::Bed;
use super::drive;
use super::figure::{Figure, Target, Unit};
use super::processes::{self, Children};
use crate::failure::Failure;

const MIB: f64 = 1024.0 * 1024.0;

/// W5: before anything was run, and after W1's number of actions. Wants a cluster that has just started.
pub(super) async fn memory(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    bed.progress("W5 memory");
    bed.rest().await;
    let mut figures = residents(bed, "idle", 60.0);
    let app = bed.app("no-op", &apps::single(&apps::no_op())).await?;
    drive::many(&bed.cluster.client, &app, bed.sizes.actions, 0).await?;
    bed.rest().await;
    figures.extend(residents(bed, &format!("after {} actions", bed.sizes.actions), 60.0));
    Ok(figures)
}

fn residents(bed: &Bed<'_>, when: &str, most: f64) -> Vec<Figure> {
    let mut total = 0.0;
    let mut figures = Vec::new();
    for (part, pid) in bed.cluster.parts() {
        let mebibytes = processes::resident_bytes(pid).unwrap_or_default() as f64 / MIB;
        total += mebibytes;
        figures.push(Figure::new("W5", format!("memory of the {part}, {when}"), Unit::Mebibytes, mebibytes));
    }
    let figure = Figure::new("W5", format!("memory of all parts, {when}"), Unit::Mebibytes, total);
    figures.push(figure.target(Target::AtMost(most)));
    figures
}

/// W7: over a window in which nothing is asked for.
pub(super) async fn idle(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let window = Duration::from_secs(bed.sizes.idle_seconds);
    bed.progress(&format!("W7 idle for {} s", window.as_secs()));
    bed.rest().await;
    let parts = bed.cluster.parts();
    let times = |parts: &[(&'static str, u32)]| -> Vec<Duration> {
        parts
            .iter()
            .map(|(_, pid)| processes::cpu_time(*pid, Children::LeaveOut).unwrap_or_default())
            .collect()
    };
    let begin = Instant::now();
    let before = times(&parts);
    tokio::time::sleep(window).await;
    let after = times(&parts);
    let elapsed = begin.elapsed().as_secs_f64();
    let mut figures = Vec::new();
    let mut total = 0.0;
    for ((part, _), (before, after)) in parts.iter().zip(before.iter().zip(&after)) {
        let percent = after.saturating_sub(*before).as_secs_f64() / elapsed * 100.0;
        total += percent;
        figures.push(Figure::new("W7", format!("idle processor time of the {part}"), Unit::Percent, percent));
    }
    let all = Figure::new("W7", "idle processor time of all parts, of one core", Unit::Percent, total);
    figures.push(all.target(Target::AtMost(0.1)));
    Ok(figures)
}
