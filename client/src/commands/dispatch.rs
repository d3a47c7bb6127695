//! From the parsed command line to an exit code.

use std::process::ExitCode;

use super::{Session, app, gc, logs, node, status, task, venv, version, workspace};
use super::{schedule, service, token};
use super::{work, workflow};
use crate::bench;
use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::serve;

/// As shells write it for a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

/// Carries out the command and tells what went wrong.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let session = Session::new(cli.global.clone());
    match execute(&session, cli) {
        Ok(code) => code,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            session.out.failure(&failure, session.origin());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn execute(session: &Session, cli: Cli) -> Result<ExitCode, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Completions(completions) => completions.run(session).map(|()| ExitCode::SUCCESS),
        Command::Up(up) => serve::up(session, up).map(|()| ExitCode::SUCCESS),
        Command::Manager(part) => serve::manager(session, part).map(|()| ExitCode::SUCCESS),
        Command::Viewer(part) => serve::viewer(session, &global, part).map(|()| ExitCode::SUCCESS),
        Command::Node(node::Node { verb: None, part }) => {
            serve::node(session, &global, part).map(|()| ExitCode::SUCCESS)
        }
        Command::Supervise(part) => serve::supervise(part),
        Command::Contain(part) => serve::contain(part),
        command => ask(session, command),
    }
}

/// Runs a command that asks the manager. One thread is enough for it, and is there sooner than several.
fn ask(session: &Session, command: Command) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::Part { what: format!("cannot start the network loop: {error}"), hint: None }
    })?;
    let code = runtime.block_on(async {
        tokio::select! {
            result = answer(session, command) => result.map(|()| ExitCode::SUCCESS),
            // ends the command in order, so that half-written files go
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
        }
    });
    // a blocking read of stdin cannot be ended and is not waited for
    runtime.shutdown_background();
    code
}

async fn answer(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::App(verb) => app::run(session, verb).await,
        Command::Venv(verb) => venv::run(session, verb).await,
        Command::Task(verb) => task::run(session, verb).await,
        Command::Logs(logs) => logs::run(session, logs).await,
        Command::Why(why) => task::explain(session, why).await,
        Command::Workflow(verb) => workflow::run(session, verb).await,
        Command::Work(verb) => work::run(session, verb).await,
        Command::Workspace(verb) => workspace::run(session, verb).await,
        Command::Node(node::Node { verb: Some(verb), part: _ }) => node::run(session, verb).await,
        Command::Schedule(verb) => schedule::run(session, verb).await,
        Command::Service(verb) => service::run(session, verb).await,
        Command::Token(verb) => token::run(session, verb).await,
        Command::Gc(gc) => gc::run(session, gc).await,
        Command::Status => status::run(session).await,
        Command::Version => version::run(session).await,
        Command::Bench(bench) => bench::run(session, bench).await,
        Command::Node(node::Node { verb: None, part: _ })
        | Command::Completions(_)
        | Command::Up(_)
        | Command::Manager(_)
        | Command::Viewer(_)
        | Command::Supervise(_)
        | Command::Contain(_) => Ok(()),
    }
}
