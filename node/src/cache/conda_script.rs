//! A `bin/conda-unpack` that is not one of conda-pack's and can only be run.
//!
//! With the pack's own Python, an environment that holds nothing of the node's, for a bounded time; what it says is told when it fails. It must
//! believe that it lies at its final place, where nothing is yet: for as long as it runs a link stands there and leads to where the files are.
//! A node that dies meanwhile leaves the link, which the next start removes.

use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use lp_package::venv::form::CONDA_UNPACK;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Ten minutes: it reads and writes some 10,000 files.
const PATIENCE: Duration = Duration::from_secs(600);

/// What it says, while it runs.
const LOG: &str = ".lp-conda-unpack.log";

/// 2 KiB of what it said last are told.
const TOLD_BYTES: i64 = 2 << 10;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("its bin/conda-unpack cannot be run: {0}")]
    Io(#[from] io::Error),
    #[error("its bin/conda-unpack has not ended after {} minutes and was stopped", PATIENCE.as_secs() / 60)]
    TooLong,
    #[error("its bin/conda-unpack {how}: {said}")]
    Failed { how: String, said: String },
}

/// Runs the script of the environment at `root`, which will lie at `place`.
pub(super) fn run(root: &Path, place: &Path) -> Result<(), Error> {
    symlink(root, place)?;
    let log = root.join(LOG);
    let done = run_at(place, &log);
    // whatever came of it: under this name only what is complete may stand
    fs::remove_file(place)?;
    let _ = fs::remove_file(log);
    done
}

fn run_at(place: &Path, log: &Path) -> Result<(), Error> {
    let mut output = fs::File::options().read(true).write(true).create_new(true).open(log)?;
    let mut child = command(place)
        .env_clear()
        .env("PATH", format!("{}/bin:/usr/local/bin:/usr/bin:/bin", place.display()))
        .env("HOME", place)
        .env("LANG", "C.UTF-8")
        .current_dir(place)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()?;
    let group = Pid::from_raw(child.id().cast_signed());
    let (sender, ended) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let _ = sender.send(child.wait());
    });
    let status = ended.recv_timeout(PATIENCE);
    // also what it may have left behind
    let _ = killpg(group, Signal::SIGKILL);
    let _ = waiter.join();
    match status {
        Err(_) => Err(Error::TooLong),
        Ok(status) => {
            let status = status?;
            if status.success() {
                Ok(())
            } else {
                Err(Error::Failed { how: how(status), said: tail(&mut output)? })
            }
        }
    }
}

/// The pack's Python where the script is one, else the script itself.
fn command(place: &Path) -> Command {
    let script = place.join(CONDA_UNPACK);
    let mut head = [0; 64];
    let count = fs::File::open(&script).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    let first = String::from_utf8_lossy(&head[..count]);
    let is_python = first.lines().next().is_some_and(|line| line.contains("python"));
    let python = place.join("bin/python");
    if is_python && python.exists() {
        let mut command = Command::new(python);
        command.arg(script);
        command
    } else {
        Command::new(script)
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

fn tail(output: &mut fs::File) -> io::Result<String> {
    let length = output.metadata()?.len().cast_signed();
    output.seek(io::SeekFrom::Start((length - TOLD_BYTES).max(0).cast_unsigned()))?;
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes)?;
    let said = String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(if said.is_empty() { "it said nothing".to_owned() } else { said })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn pack(script: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aside").join(CONDA_UNPACK);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        dir
    }

    #[test]
    fn it_runs_as_if_at_its_final_place_and_sees_nothing_of_the_node() {
        let dir = pack("#!/bin/sh\ndirname \"$(dirname \"$0\")\" > place\nenv | sort > env\n");
        let (root, place) = (dir.path().join("aside"), dir.path().join("final"));

        run(&root, &place).unwrap();

        assert!(!place.exists());
        assert_eq!(fs::read_to_string(root.join("place")).unwrap().trim(), place.to_str().unwrap());
        let environ = fs::read_to_string(root.join("env")).unwrap();
        let ours = ["HOME", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"];
        let mut names = environ.lines().filter_map(|line| line.split('=').next());
        assert!(names.all(|name| ours.contains(&name)), "{environ}");
        assert!(!root.join(LOG).exists());
    }

    #[test]
    fn its_failure_is_told_with_what_it_said() {
        let dir = pack("#!/bin/sh\necho the disk is made of cheese >&2\nexit 3\n");

        let error = run(&dir.path().join("aside"), &dir.path().join("final")).unwrap_err();

        assert_eq!(
            error.to_string(),
            "its bin/conda-unpack failed with exit code 3: the disk is made of cheese"
        );
        assert!(dir.path().join("final").symlink_metadata().is_err());
    }
}
