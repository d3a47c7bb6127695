//! Fills an empty database with the past of a large cluster, so that pages and lists can be looked at under the load they are made for:
//! a million finished tasks with an attempt each, tasks of 10,000 actions, 200 nodes, works, schedules with full histories, services.
//!
//! `cargo run --release -p lp-manager --example fill URL [--seed N] [--tasks N] [--actions N] [--nodes N]`. The same seed gives the same
//! ids. Everything lies in the past and is disabled, so a manager that is started on it does nothing by itself. Rows are made by
//! the database itself, which takes seconds where commits would take minutes.

#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]

mod catalogue;
mod rows;

use std::error::Error;
use std::time::Instant;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const HELP: &str = "fill URL [--seed N] [--tasks N] [--actions N] [--nodes N]\n\n\
    URL is postgres://... or the path of a SQLite file, `DATA/manager/manager.db` of `lp up --data DATA`.";

/// How much there is to be.
struct Amount {
    seed: i64,
    tasks: i64,
    /// Of each of the two large tasks.
    actions: i64,
    nodes: i64,
}

#[tokio::main]
async fn main() -> Outcome {
    let mut url = None;
    let mut amount = Amount { seed: 1, tasks: 1_000_000, actions: 10_000, nodes: 200 };
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        let field = match word.as_str() {
            "--seed" => &mut amount.seed,
            "--tasks" => &mut amount.tasks,
            "--actions" => &mut amount.actions,
            "--nodes" => &mut amount.nodes,
            other if !other.starts_with('-') && url.is_none() => {
                url = Some(word);
                continue;
            }
            _ => return Err(HELP.into()),
        };
        let number: i64 = arguments.next().ok_or(HELP)?.parse()?;
        if !(0..=100_000_000).contains(&number) {
            return Err(format!("{number} is not between 0 and 100,000,000").into());
        }
        *field = number;
    }
    let url = url.ok_or(HELP)?;
    let begin = Instant::now();
    let apps = catalogue::fill(&url, &amount).await?;
    rows::fill(&url, &amount, &apps).await?;
    println!("filled {url} in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}
