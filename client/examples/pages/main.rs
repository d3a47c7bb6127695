//! Times every page of the viewer, every live fragment and the lists behind them over a data directory of `lp up`, best over one that
//! `cargo xtask fill` has filled, and prints a table: median, worst and bytes of each.
//!
//! `cargo xtask pages DIR [--times N] [--limit MS] [--only WORD]`. It starts the given `lp` on free ports and stops it at the end; nothing is
//! changed but what a start changes. Only with `--limit` does a slow page make it fail: times are of a machine and not of the code,
//! so no test asserts them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program whose output is its purpose")]

mod addresses;
mod server;
mod timing;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::server::Server;
use crate::timing::{Timed, time};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const HELP: &str = "pages DIR --lp PROGRAM [--times N] [--limit MS] [--only WORD]\n\n\
    DIR is a data directory of `lp up`; --only keeps the pages whose name or address has the word in it.";

struct Wanted {
    data: PathBuf,
    program: PathBuf,
    /// How often each is asked for, after once to warm up.
    times: usize,
    limit_ms: Option<f64>,
    only: String,
}

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    let wanted = parse(std::env::args().skip(1))?;
    let server = Server::start(&wanted.program, &wanted.data).await?;
    let addresses = addresses::all(&server).await?;
    let is_wanted =
        |ask: &&addresses::Ask| ask.name.contains(&wanted.only) || ask.path.contains(&wanted.only);
    let mut all = Vec::new();
    println!("{:<9} {:<52} {:>9} {:>9} {:>11}", "door", "page", "median ms", "worst ms", "bytes");
    for ask in addresses.iter().filter(is_wanted) {
        let timed =
            time(&server, ask, wanted.times).await.map_err(|error| format!("{}: {error}", ask.path))?;
        println!("{timed}");
        all.push(timed);
    }
    server.stop()?;
    Ok(verdict(&all, wanted.limit_ms))
}

/// Names what took longer, the slowest first.
fn verdict(all: &[Timed], limit_ms: Option<f64>) -> ExitCode {
    let mut slowest: Vec<&Timed> = all.iter().collect();
    slowest.sort_by(|a, b| b.median_ms.total_cmp(&a.median_ms));
    println!("\nthe slowest of {}:", all.len());
    slowest.iter().take(5).for_each(|timed| println!("{timed}"));
    let Some(limit_ms) = limit_ms else { return ExitCode::SUCCESS };
    let above: Vec<&&Timed> = slowest.iter().filter(|timed| timed.median_ms > limit_ms).collect();
    for timed in &above {
        eprintln!("above {limit_ms} ms: {} ({}): {:.0} ms", timed.name, timed.path, timed.median_ms);
    }
    if above.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Wanted> {
    let (mut data, mut program) = (None, None);
    let (mut times, mut limit_ms, mut only) = (7, None, String::new());
    while let Some(word) = arguments.next() {
        if !word.starts_with('-') && data.is_none() {
            data = Some(PathBuf::from(word));
            continue;
        }
        let value = arguments.next().ok_or(HELP)?;
        match word.as_str() {
            "--lp" => program = Some(PathBuf::from(value)),
            "--times" => times = value.parse::<usize>()?.clamp(1, 1000),
            "--limit" => limit_ms = Some(value.parse::<f64>()?),
            "--only" => only = value,
            _ => return Err(HELP.into()),
        }
    }
    Ok(Wanted { data: data.ok_or(HELP)?, program: program.ok_or(HELP)?, times, limit_ms, only })
}
