//! `lp`: the platform's one binary. It is the command line of a manager, and it runs the parts themselves.

#![warn(clippy::unwrap_used)]

mod bench;
mod cli;
mod commands;
mod context;
mod failure;
mod output;
mod progress;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(cli::Cli::parse_or_exit())
}
