//! W6: what an action costs while many others are queued, what queueing costs, and how much memory it takes.
//!
//! The queued ones are real and could run; those that are measured have a higher priority and go before them. Each level has a cluster of
//! its own, which is killed with what is still queued, and the limit is measured before anything is queued: a cluster with a
//! queue never rests.

use std::time::Duration;

use super::apps;
use super::bed::Bed;
use super::drive;
use super::figure::{Figure, Target, Unit};
use super::processes;
use super::stats::median;
use crate::failure::Failure;

const WORKLOAD: &str = "W6";

/// The queue that the longest one is compared with.
const BASE: usize = 1000;

/// The number whose acknowledgement in one call has a target.
const IN_ONE_CALL: usize = 10_000;

/// What was measured with so many queued.
pub(super) struct Level {
    queued: usize,
    /// From the request to the acknowledgement of all.
    acknowledged: Duration,
    /// Milliseconds an action, with and without the platform.
    cost: f64,
    limit: f64,
    /// What the manager's memory has grown by each queued action.
    bytes: f64,
}

/// Wants a cluster that has just started, and leaves it with a long queue.
pub(super) async fn level(bed: &Bed<'_>, queued: usize) -> Result<Level, Failure> {
    bed.progress(&format!("W6 with {queued} queued"));
    let actions = bed.sizes.actions;
    let per_action = |time: Duration| time.as_secs_f64() * 1000.0 / actions as f64;
    let app = bed.app("no-op", &apps::single(&apps::no_op())).await?;
    drive::many(&bed.cluster.client, &app, actions, 0).await?;
    let mut limits = Vec::new();
    for _ in 0..bed.sizes.rounds {
        limits.push(per_action(bed.limit(|limit| limit.many(actions, &apps::no_op()))?));
    }
    let before = manager_bytes(bed);
    let acknowledged = drive::queue(&bed.cluster.client, &app, queued).await?;
    let bytes = (manager_bytes(bed) - before).max(0.0) / queued as f64;
    let mut costs = Vec::new();
    for _ in 0..bed.sizes.rounds {
        costs.push(per_action(drive::many(&bed.cluster.client, &app, actions, 1).await?));
    }
    Ok(Level { queued, acknowledged, cost: median(&costs), limit: median(&limits), bytes })
}

fn manager_bytes(bed: &Bed<'_>) -> f64 {
    processes::resident_bytes(bed.cluster.manager_pid()).unwrap_or_default() as f64
}

/// Each level by itself, and the longest queue against the base.
pub(super) fn figures(levels: &[Level]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for level in levels {
        let name = format!("cost of an action with {} queued", level.queued);
        figures.push(Figure::new(WORKLOAD, name, Unit::Milliseconds, level.cost).beside(level.limit));
        if level.queued == IN_ONE_CALL {
            let name = format!("{IN_ONE_CALL} tasks acknowledged in one call");
            let figure = Figure::new(WORKLOAD, name, Unit::Seconds, level.acknowledged.as_secs_f64());
            figures.push(figure.target(Target::AtMost(0.5)));
        }
    }
    let base = levels.iter().find(|level| level.queued == BASE).or(levels.first());
    if let (Some(base), Some(last)) = (base, levels.last()) {
        let ratio = |level: &Level| level.cost / level.limit;
        let name = format!("ratio with {} queued by that with {}", last.queued, base.queued);
        let figure = Figure::new(WORKLOAD, name, Unit::Times, ratio(last) / ratio(base));
        figures.push(figure.target(Target::AtMost(1.1)));
        let name = format!("manager's memory per queued action, at {}", last.queued);
        figures.push(Figure::new(WORKLOAD, name, Unit::Bytes, last.bytes).target(Target::AtMost(512.0)));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_compared_by_their_ratios_to_the_limit() {
        let level = |queued, cost, limit| {
            let acknowledged = Duration::from_millis(400);
            Level { queued, acknowledged, cost, limit, bytes: 300.0 }
        };

        // the machine was half as fast at the end
        let figures = figures(&[
            level(100, 1.0, 0.5),
            level(1000, 1.0, 0.5),
            level(10_000, 1.0, 0.5),
            level(100_000, 2.0, 1.0),
        ]);

        let judged: Vec<_> =
            figures.iter().filter_map(|figure| Some((figure.value, figure.is_met?))).collect();
        assert_eq!(judged, [(0.4, true), (1.0, true), (300.0, true)]);
    }
}
