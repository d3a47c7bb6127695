//! What `lp bench` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Measure this machine and the platform on it, in a private cluster that is removed afterwards.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  lp bench                      everything, in some minutes\n  \
    lp bench --only w1,w2         throughput and latency\n  lp bench --json > bench.json  for comparison over time\n\n\
    Every value stands beside the limit of the same run: what a program without any platform reaches that makes the\n\
    same files and starts the same processes. Absolute values of shared machines drift; ratios do not.")]
pub(crate) struct Bench {
    /// Print JSON (the same as `-o json`)
    #[arg(long)]
    pub(super) json: bool,
    /// Small numbers: shows that it works, measures nothing
    #[arg(long)]
    pub(super) quick: bool,
    /// Only these workloads
    #[arg(long, value_enum, value_delimiter = ',', value_name = "W1,W2,...")]
    pub(super) only: Vec<Workload>,
    /// How often system and limit take turns; medians are printed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) rounds: Option<u16>,
    /// Directory for the temporary cluster, on the disk that is to be measured
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// Actions that run at the same time; default: what a node takes by itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) slots: Option<u16>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[value(rename_all = "lower")]
pub(super) enum Workload {
    /// Throughput of independent actions
    W1,
    /// Latency of one action
    W2,
    /// A chain of 20 actions
    W3,
    /// One action, 200 at the same time, one
    W4,
    /// Memory
    W5,
    /// With 100, 10,000 and 100,000 queued
    W6,
    /// Processor time while idle
    W7,
    /// Lists and views with 100,000 finished tasks
    W8,
    /// One task with 10,000 actions made at run time
    W9,
}

impl Bench {
    pub(super) fn wants(&self, workload: Workload) -> bool {
        self.only.is_empty() || self.only.contains(&workload)
    }

    pub(super) fn sizes(&self) -> Sizes {
        let mut sizes = if self.quick { QUICK } else { FULL };
        if let Some(rounds) = self.rounds {
            sizes.rounds = rounds.into();
        }
        sizes
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) rounds: usize,
    /// Actions of W1, and of each measurement of W6.
    pub(super) actions: usize,
    /// Actions of W1 in Python: they take ten times as long.
    pub(super) slow_actions: usize,
    /// Repetitions of W2, all rounds together.
    pub(super) singles: usize,
    pub(super) hops: usize,
    pub(super) width: usize,
    /// Queued actions of W6, growing.
    pub(super) backlogs: &'static [usize],
    /// Finished tasks of W8.
    pub(super) history: usize,
    /// Actions of W9.
    pub(super) generated: usize,
    /// Seconds W7 watches.
    pub(super) idle_seconds: u64,
    /// Seconds without work before anything is measured.
    pub(super) rest_seconds: u64,
}

const FULL: Sizes = Sizes {
    rounds: 5,
    actions: 1000,
    slow_actions: 300,
    singles: 30,
    hops: 20,
    width: 200,
    backlogs: &[100, 1000, 10_000, 100_000],
    history: 100_000,
    generated: 10_000,
    idle_seconds: 60,
    // longer than ext4 avoids what an earlier run has deleted
    rest_seconds: 6,
};

const QUICK: Sizes = Sizes {
    rounds: 1,
    actions: 20,
    slow_actions: 4,
    singles: 3,
    hops: 4,
    width: 8,
    backlogs: &[10, 100],
    history: 50,
    generated: 20,
    idle_seconds: 1,
    rest_seconds: 0,
};

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        bench: Bench,
    }

    #[test]
    fn workloads_are_chosen_by_name_and_all_by_default() {
        let parse =
            |arguments: &[&str]| Cli::try_parse_from([&["bench"], arguments].concat()).map(|cli| cli.bench);

        let some = parse(&["--only", "w1,w6"]).unwrap();

        assert!(some.wants(Workload::W1) && some.wants(Workload::W6) && !some.wants(Workload::W2));
        assert!(parse(&[]).unwrap().wants(Workload::W7));
        assert!(parse(&["--only", "w99"]).is_err());
    }
}
