//! `cargo xtask`: the tasks of everyone who works on this repository, in the language they know anyway.
//!
//! What a task needs and the machine lacks is installed where that is possible (root on Debian or Ubuntu); otherwise the task says what is
//! missing. In CI (`CI=true`) something missing is a failure, never a test left out.

#![warn(clippy::unwrap_used)]

mod browser;
mod check;
mod command;
mod docker;
mod needs;
mod postgres;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::command::cargo;

const HELP: &str = "\
cargo xtask TASK

  up [ARGS]     build lp for real use and run the whole platform here; ARGS go to `lp up`
  check         formatting, lints, documentation; cargo deny and typos where they are installed
  test [ARGS]   run all tests, on a PostgreSQL server and a container engine of their own too; ARGS go to the test runner
  bench [ARGS]  build lp for real use and measure it; ARGS go to `lp bench`
  screenshots [PAGES]  pictures of every page of the viewer into target/screenshots
  fill DIR      fill an empty data directory of `lp up` with a million finished tasks, 200 nodes, ...
  pages DIR     time every page and live part of the viewer over such a directory [--times N] [--limit MS] [--only WORD]
  help          this text
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let task = arguments.next().unwrap_or_else(|| "help".into());
    match run(&task.to_string_lossy(), arguments.collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, arguments: Vec<OsString>) -> Result<ExitCode> {
    match task {
        "up" => release("up", [OsString::from("--demo")].into_iter().chain(arguments)),
        "bench" => release("bench", arguments),
        "check" => check::run().map(|()| ExitCode::SUCCESS),
        "test" => test::run(&arguments).map(|()| ExitCode::SUCCESS),
        "screenshots" => browser::screenshots(&arguments).map(|()| ExitCode::SUCCESS),
        "fill" => browser::fill(&arguments).map(|()| ExitCode::SUCCESS),
        "pages" => browser::pages(&arguments).map(|()| ExitCode::SUCCESS),
        "help" | "-h" | "--help" => {
            eprint!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => {
            eprint!("there is no task `{unknown}`\n\n{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}

/// Builds the optimised `lp` and becomes it.
fn release(command: &str, arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    let mut run = cargo(&["run", "--release", "--package", "lp", "--", command]);
    run.args(arguments);
    needs::compiler()?;
    Err(command::replace_by(run))
}
