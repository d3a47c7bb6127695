//! W2, W3 and W4: one action, a chain, a fan-out; from the submission to the completion seen.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::apps::{self, App};
use super::bed::Bed;
use super::drive::{self, failed};
use super::figure::{Figure, Target, Unit};
use super::stats::{median, percentile};
use crate::failure::Failure;

/// W2: through the API and through the command line.
pub(super) async fn single(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let app = bed.app("single", &apps::single(&apps::no_op())).await?;
    let words = apps::no_op();
    let per_round = bed.sizes.singles.div_ceil(bed.sizes.rounds);
    let (mut limit, mut seen, mut started, mut command) = (vec![], vec![], vec![], vec![]);
    for round in 0..bed.sizes.rounds {
        bed.progress(&format!("W2 one action, round {} of {}", round + 1, bed.sizes.rounds));
        limit.extend(bed.limit(|limit| limit.single(per_round, &words))?.into_iter().map(millis));
        for _ in 0..per_round {
            let single = drive::one(&bed.cluster.client, &app).await?;
            seen.push(millis(single.seen));
            started.push(millis(single.started));
        }
        for _ in 0..per_round {
            command.push(millis(by_command(bed, &app)?));
        }
    }
    let figure = |name: &str, value: f64| Figure::new("W2", name, Unit::Milliseconds, value);
    let (limit_p50, limit_p99) = (median(&limit), percentile(&limit, 99.0));
    Ok(vec![
        figure("one action, submit to seen, median", median(&seen))
            .beside(limit_p50)
            .target(Target::RatioAtMost(3.0)),
        figure("one action, submit to seen, p99", percentile(&seen, 99.0))
            .beside(limit_p99)
            .target(Target::AtMost(8.0)),
        figure("one action, submit to start, median", median(&started)),
        figure("one action, submit to start, p99", percentile(&started, 99.0)),
        figure("one action by `lp task create --wait`, median", median(&command))
            .beside(limit_p50)
            .target(Target::AtMost(6.0)),
    ])
}

/// W3: per hop.
pub(super) async fn chain(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let hops = bed.sizes.hops;
    let app = bed.app("chain", &apps::chain(hops)).await?;
    let (mut limit, mut system) = (vec![], vec![]);
    for round in 0..bed.sizes.rounds {
        bed.progress(&format!("W3 chain, round {} of {}", round + 1, bed.sizes.rounds));
        limit.push(millis(bed.limit(|limit| limit.chain(hops, &apps::no_op()))?) / hops as f64);
        system.push(millis(drive::one(&bed.cluster.client, &app).await?.seen) / hops as f64);
    }
    let name = format!("chain of {hops} actions, per hop");
    let figure = Figure::new("W3", name, Unit::Milliseconds, median(&system));
    Ok(vec![figure.beside(median(&limit)).target(Target::RatioAtMost(2.5))])
}

/// W4: one, many, one.
pub(super) async fn fan_out(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let width = bed.sizes.width;
    let app = bed.app("fan-out", &apps::fan_out(width)).await?;
    let (mut limit, mut system) = (vec![], vec![]);
    for round in 0..bed.sizes.rounds {
        bed.progress(&format!("W4 fan-out, round {} of {}", round + 1, bed.sizes.rounds));
        limit.push(bed.limit(|limit| limit.fan_out(width, &apps::no_op()))?.as_secs_f64());
        system.push(drive::one(&bed.cluster.client, &app).await?.seen.as_secs_f64());
    }
    let figure = Figure::new("W4", format!("1 -> {width} -> 1 actions"), Unit::Seconds, median(&system));
    Ok(vec![figure.beside(median(&limit)).target(Target::RatioAtMost(2.5))])
}

/// What a user at a terminal waits, the start of the program included.
fn by_command(bed: &Bed<'_>, app: &App) -> Result<Duration, Failure> {
    let mut command = Command::new(bed.cluster.program());
    command.args(["task", "create", "--quiet", "--wait", "-o", "name", "-a", app.name]);
    command.arg("--context").arg(bed.cluster.context());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let status = command.status().map_err(|error| failed(format!("cannot run `lp task create`: {error}")))?;
    let time = begin.elapsed();
    if !status.success() {
        return Err(failed(format!("`lp task create --wait` has ended with {status}")));
    }
    Ok(time)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
