//! W1: many independent actions, from the first submission to the last completion seen.

use std::time::Duration;

use super::apps::{self, App};
use super::bed::Bed;
use super::drive;
use super::figure::{Figure, Target, Unit};
use super::limit::Words;
use super::processes::{self, Children};
use super::stats::median;
use crate::failure::Failure;

const WORKLOAD: &str = "W1";

/// A kind of action and what is wanted of it.
struct Kind {
    name: &'static str,
    label: &'static str,
    words: Words,
    actions: usize,
    target: Target,
}

pub(super) async fn measure(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let sizes = bed.sizes;
    let mut kinds = vec![
        Kind {
            name: "no-op",
            label: "/bin/true",
            words: apps::no_op(),
            actions: sizes.actions,
            target: Target::RatioAtLeast(0.5),
        },
        Kind {
            name: "shell",
            label: "shell",
            words: apps::shell(),
            actions: sizes.actions,
            target: Target::RatioAtLeast(0.7),
        },
    ];
    match apps::python() {
        Some(words) => kinds.push(Kind {
            name: "python",
            label: "Python",
            words,
            actions: sizes.slow_actions,
            target: Target::RatioAtLeast(0.88),
        }),
        None => bed.note("there is no python3 here: W1 is measured without it"),
    }
    let mut figures = Vec::new();
    for kind in kinds {
        figures.extend(of_kind(bed, &kind).await?);
    }
    Ok(figures)
}

async fn of_kind(bed: &Bed<'_>, kind: &Kind) -> Result<Vec<Figure>, Failure> {
    let Kind { name, label, words, actions, target } = kind;
    let app = bed.app(name, &apps::single(words)).await?;
    let mut system = Samples::default();
    let mut limit = Samples::default();
    for round in 0..bed.sizes.rounds {
        bed.progress(&format!("W1 {label}, round {} of {}", round + 1, bed.sizes.rounds));
        let cpu = processes::own_cpu_time();
        let time = bed.limit(|limit| limit.many(*actions, words))?;
        limit.add(*actions, time, processes::own_cpu_time() - cpu);
        let cpu = bed.cluster.cpu_time(Children::Count);
        let time = run(bed, &app, *actions).await?;
        system.add(*actions, time, bed.cluster.cpu_time(Children::Count).saturating_sub(cpu));
    }
    let rate = Figure::new(
        WORKLOAD,
        format!("{actions} independent actions, {label}"),
        Unit::PerSecond,
        median(&system.rates),
    );
    let cpu = Figure::new(
        WORKLOAD,
        format!("processor time per action, {label}"),
        Unit::Milliseconds,
        median(&system.cpus),
    );
    let mut cpu = cpu.beside(median(&limit.cpus));
    if *name == "no-op" {
        cpu = cpu.target(Target::AtMost(1.4));
    }
    Ok(vec![rate.beside(median(&limit.rates)).target(*target), cpu])
}

async fn run(bed: &Bed<'_>, app: &App, actions: usize) -> Result<Duration, Failure> {
    drive::many(&bed.cluster.client, app, actions, 0).await
}

#[derive(Default)]
struct Samples {
    /// Actions a second.
    rates: Vec<f64>,
    /// Milliseconds of processor time an action, the program's own included.
    cpus: Vec<f64>,
}

impl Samples {
    fn add(&mut self, actions: usize, time: Duration, cpu: Duration) {
        self.rates.push(actions as f64 / time.as_secs_f64());
        self.cpus.push(cpu.as_secs_f64() * 1000.0 / actions as f64);
    }
}
