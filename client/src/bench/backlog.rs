//! W6: what an action costs while many others are queued, what queueing costs, and how much memory it takes.
//!
//! The queued ones are real and could run; those that are measured have a higher priority. The cluster is one of its own, which is
//! killed with what is still queued.

use super::apps;
use super::bed::Bed;
use super::drive;
use super::figure::{Figure, Target, Unit};
use super::processes;
use super::stats::median;
use crate::failure::Failure;

const WORKLOAD: &str = "W6";

/// The queue that the others are compared with.
const BASE: usize = 1000;

/// The number whose acknowledgement in one call has a target.
const IN_ONE_CALL: usize = 10_000;

/// Cost of an action with so many queued: milliseconds, and as a ratio to the limit.
struct Level {
    queued: usize,
    cost: f64,
    limit: f64,
}

pub(super) async fn measure(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let app = bed.app("no-op", &apps::single(&apps::no_op())).await?;
    drive::many(&bed.cluster.client, &app, bed.sizes.actions, 0).await?;
    let mut figures = Vec::new();
    let mut levels = Vec::new();
    let (mut queued, mut memory) = (0, manager_bytes(bed));
    for &backlog in bed.sizes.backlogs {
        bed.progress(&format!("W6 with {backlog} queued"));
        let more = backlog - queued;
        let time =
            drive::queue(&bed.cluster.client, &app, if backlog == IN_ONE_CALL { backlog } else { more })
                .await?;
        if backlog == IN_ONE_CALL {
            let name = format!("{backlog} tasks acknowledged in one call");
            figures.push(
                Figure::new(WORKLOAD, name, Unit::Seconds, time.as_secs_f64()).target(Target::AtMost(0.5)),
            );
        }
        levels.push(level(bed, &app, backlog).await?);
        let now = manager_bytes(bed);
        if bed.sizes.backlogs.last() == Some(&backlog) && more > 0 {
            let name = format!("manager's memory per queued action, at {backlog}");
            let figure = Figure::new(WORKLOAD, name, Unit::Bytes, (now - memory).max(0.0) / more as f64);
            figures.push(figure.target(Target::AtMost(512.0)));
        }
        (queued, memory) = (backlog, now);
    }
    figures.extend(costs(&levels));
    Ok(figures)
}

/// The median over the rounds.
async fn level(bed: &Bed<'_>, app: &apps::App, queued: usize) -> Result<Level, Failure> {
    let actions = bed.sizes.actions;
    let per_action = |time: std::time::Duration| time.as_secs_f64() * 1000.0 / actions as f64;
    let (mut costs, mut limits) = (vec![], vec![]);
    for _ in 0..bed.sizes.rounds {
        limits.push(per_action(bed.limit(|limit| limit.many(actions, &apps::no_op()))?));
        costs.push(per_action(drive::many(&bed.cluster.client, app, actions, 1).await?));
    }
    Ok(Level { queued, cost: median(&costs), limit: median(&limits) })
}

/// Each level by itself, and the highest ones against the base.
fn costs(levels: &[Level]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let ratio = |level: &Level| level.cost / level.limit;
    let base = levels.iter().find(|level| level.queued == BASE).or(levels.first());
    for level in levels {
        let name = format!("cost of an action with {} queued", level.queued);
        figures.push(Figure::new(WORKLOAD, name, Unit::Milliseconds, level.cost).beside(level.limit));
    }
    if let (Some(base), Some(last)) = (base, levels.last()) {
        let name = format!("the same, {} against {} queued, ratios", last.queued, base.queued);
        let figure = Figure::new(WORKLOAD, name, Unit::Times, ratio(last) / ratio(base));
        figures.push(figure.target(Target::AtMost(1.1)));
    }
    figures
}

fn manager_bytes(bed: &Bed<'_>) -> f64 {
    processes::resident_bytes(bed.cluster.manager_pid()).unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_compared_by_their_ratios_to_the_limit() {
        let level = |queued, cost, limit| Level { queued, cost, limit };

        // the machine was half as fast at the end
        let figures = costs(&[level(100, 1.0, 0.5), level(1000, 1.0, 0.5), level(100_000, 2.0, 1.0)]);

        let last = figures.last().unwrap();
        assert_eq!((last.value, last.is_met), (1.0, Some(true)));
    }
}
