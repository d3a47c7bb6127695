//! The shim: the process that stands for a container (`lp contain`).
//!
//! It creates the container, copies its output to its own, passes signals on, waits, says in a file what an exit code cannot say, removes the
//! container, and ends with its code. It keeps no state: a shim that is killed leaves a container that the node finds by name and labels.
//!
//! [`run`] is that story · `body` what of the container only the image can tell · `shell`, `owner` looks into it · `wait` its end, also
//! over a restart of the engine · `output`, `signals` what is passed on · `usage` what it used · `exec` one more command in a container that runs

mod body;
mod exec;
mod output;
mod owner;
mod run;
mod shell;
mod signals;
mod usage;
mod wait;

use std::ffi::OsString;
use std::process::ExitCode;

use super::health::EXEC;
use super::launch::RUN;

/// As `docker run` itself ends where the container could not be run.
pub(super) const NOT_RUN: u8 = 125;

/// Runs `lp contain run FILE` or `lp contain exec JSON`.
pub fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let word = args.next().and_then(|word| word.into_string().ok()).unwrap_or_default();
    let (Some(argument), None) = (args.next().and_then(|word| word.into_string().ok()), args.next()) else {
        output::complain("it is started by a node, which tells it what to run");
        return ExitCode::from(2);
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("cannot watch a container: {error}"));
            return ExitCode::from(NOT_RUN);
        }
    };
    let code = match word.as_str() {
        RUN => runtime.block_on(run::run(argument.as_ref())),
        EXEC => runtime.block_on(exec::run(&argument)),
        _ => {
            output::complain(&format!("there is no `lp contain {word}`"));
            2
        }
    };
    ExitCode::from(code)
}
