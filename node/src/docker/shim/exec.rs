//! One more command in a container that runs; its output is ours, and its exit code.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{NOT_RUN, output, shell};
use crate::docker::engine::{connect, has_status, words};
use crate::docker::files::Main;
use crate::docker::health::Exec;

/// As timeout(1) ends.
const TIMED_OUT: u8 = 124;

pub(super) async fn run(text: &str) -> u8 {
    let exec: Exec = match serde_json::from_str(text) {
        Ok(exec) => exec,
        Err(error) => {
            output::complain(&format!("what is to be executed cannot be read: {error}"));
            return NOT_RUN;
        }
    };
    match execute(&exec).await {
        Ok(code) => code,
        Err(error) => {
            output::complain(&words(&error));
            NOT_RUN
        }
    }
}

async fn execute(exec: &Exec) -> Result<u8, Error> {
    let docker = connect(&exec.host).await?;
    let words = match &exec.main {
        Main::Words(words) => words.clone(),
        Main::Script(script) => {
            let shell = shell::find_shell(&docker, &exec.name).await.unwrap_or("sh");
            vec![shell.to_owned(), "-c".to_owned(), script.clone()]
        }
    };
    let config = CreateExecOptions {
        cmd: Some(words),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let id = match docker.create_exec(&exec.name, config).await {
        Ok(created) => created.id,
        // it does not run yet, or no more: neither is an illness
        Err(error) if has_status(&error, 404) || has_status(&error, 409) => return Ok(0),
        Err(error) => return Err(error),
    };
    let limit = Duration::from_millis(exec.timeout_ms);
    let running = async {
        let started = docker.start_exec(&id, None::<StartExecOptions>).await?;
        if let StartExecResults::Attached { output, .. } = started {
            output::copy(output).await;
        }
        docker.inspect_exec(&id).await
    };
    match tokio::time::timeout(limit, running).await {
        Ok(ended) => Ok(ended?.exit_code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_RUN)),
        Err(_) => {
            kill_it(&docker, &id, exec.host.starts_with("unix://")).await;
            output::complain(&format!("it took longer than {limit:?}"));
            Ok(TIMED_OUT)
        }
    }
}

/// The engine has no word for this. Its number is one of this machine's; where it is not ours to kill, it ends with its container.
async fn kill_it(docker: &Docker, id: &str, is_here: bool) {
    if is_here
        && let Ok(found) = docker.inspect_exec(id).await
        && found.running == Some(true)
        && let Some(pid) = found.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1)
    {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
