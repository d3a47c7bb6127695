//! A program started in a confinement by somebody who is not the supervisor: the node's health commands, and its question whether a confinement works here.
//!
//! `lp supervise --enter` reads what it is to become from its standard input, takes the confinement on and becomes it. It is a process between that is
//! still the node's user, so nothing of the program's environment may reach it: it would be read by this process's own loader (`LD_PRELOAD`).

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};

use super::confinement::{Common, Confinement, Steps};
use super::wire::Spawn;
use crate::cgroups::Group;

/// What a shell says where a program is there and cannot be run.
const CANNOT_RUN: u8 = 126;

/// The command that becomes the spawn's program. Its standard input is taken.
///
/// # Errors
/// There is no memory for the message.
pub(crate) fn command(supervisor: &Path, spawn: &Spawn) -> io::Result<Command> {
    let mut message = File::from(memfd_create(c"lp-enter", MemfdFlags::CLOEXEC)?);
    message.write_all(&serde_json::to_vec(spawn)?)?;
    message.rewind()?;
    let mut command = Command::new(supervisor);
    command.args(["supervise", "--enter", "-"]).env_clear().current_dir("/").stdin(Stdio::from(message));
    Ok(command)
}

/// Tries a confinement without a program.
///
/// # Errors
/// What the system says.
pub(crate) fn attempt(supervisor: &Path, confinement: Confinement) -> Result<(), String> {
    let spawn = Spawn { confinement: Some(Box::new(confinement)), ..Spawn::default() };
    let output = command(supervisor, &spawn)
        .and_then(|mut command| command.output())
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().strip_prefix("lp supervise: ").unwrap_or(said.trim()).to_owned())
}

/// Becomes the program; comes back only where there is none to become.
pub(super) fn main() -> Result<ExitCode, (ExitCode, String)> {
    let failed = |text: String| (ExitCode::from(CANNOT_RUN), text);
    let mut message = Vec::new();
    io::stdin().lock().read_to_end(&mut message).map_err(|error| failed(error.to_string()))?;
    let spawn: Spawn = serde_json::from_slice(&message).map_err(|error| failed(error.to_string()))?;
    let steps = steps(&spawn).map_err(|error| failed(error.to_string()))?;
    steps.take().map_err(|error| failed(error.to_string()))?;
    let Some((name, arguments)) = spawn.argv.split_first() else { return Ok(ExitCode::SUCCESS) };
    let become_it = |program: &str, name: &str, script: Option<&str>| {
        Command::new(program)
            .arg0(name)
            .args(script)
            .args(arguments)
            .env_clear()
            .envs(spawn.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&spawn.cwd)
            .stdin(Stdio::null())
            .exec()
    };
    let mut error = become_it(&spawn.program, name, None);
    if error.raw_os_error() == Some(nix::errno::Errno::ENOEXEC as i32) {
        // a text without `#!`: shells run it themselves
        error = become_it("/bin/bash", "bash", Some(&spawn.program));
    }
    Err(failed(format!("`{name}` cannot be run: {error}")))
}

fn steps(spawn: &Spawn) -> io::Result<Steps> {
    let Some(confinement) = &spawn.confinement else { return Ok(Steps::default()) };
    // the group is the attempt's and may have gone with it
    let doors = confinement.group.as_ref().and_then(|group| Group::doors(group).ok());
    Common::default().steps(confinement, doors.unwrap_or_default())
}
