//! A container engine for one run of the tests: where none answers, `dockerd` with everything it keeps in a directory of its own.
//!
//! It needs root. Its bridge has no way out of this machine: the tests pull nothing, and what they publish is reached on the loopback.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{find, works};

/// 60 s to start, and to end in order; it takes two.
const PATIENCE: Duration = Duration::from_secs(60);

/// The engine that answers here already, as every client of it finds it.
pub(crate) fn found() -> Option<String> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    // asked by its own client where there is one, else at least somebody listens
    let answers = match find("docker") {
        Some(docker) => works(docker, &["--host", &host, "version"]),
        None => host.strip_prefix("unix://").is_some_and(|path| UnixStream::connect(path).is_ok()),
    };
    answers.then_some(host)
}

pub(crate) struct Engine {
    server: Child,
    log: PathBuf,
    /// Short, for the sockets in it: a socket's path has 107 bytes.
    run: tempfile::TempDir,
}

impl Engine {
    /// Starts it; returns when it listens. `target` is where everything that is made goes.
    pub(crate) fn start(target: &Path) -> Result<Self> {
        let directory = target.join("docker");
        fs::create_dir_all(&directory)?;
        let run = tempfile::Builder::new().prefix("lp-docker-").tempdir()?;
        let log_path = directory.join("log");
        let log = File::create(&log_path)?;
        // whatever this machine's own engine would be told
        fs::write(run.path().join("none.json"), "{}")?;
        let mut server = Command::new(find("dockerd").context("cannot find `dockerd`")?);
        server.arg("--data-root").arg(directory.join("data"));
        for (option, name) in [("--exec-root", "run"), ("--pidfile", "pid"), ("--config-file", "none.json")] {
            server.arg(option).arg(run.path().join(name));
        }
        server.arg("--host").arg(format!("unix://{}", socket(run.path()).display()));
        server.args(["--bip=172.30.212.1/24", "--iptables=false", "--ip6tables=false"]);
        server.args(["--ip-forward=false", "--ip-masq=false"]);
        // a Ctrl-C is for us, who then end it
        server.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = server.spawn().context("cannot run `dockerd`")?;
        let mut engine = Self { server, log: log_path, run };
        engine.wait_until_ready()?;
        Ok(engine)
    }

    /// For `LP_TEST_DOCKER`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", socket(self.run.path()).display())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        let socket = socket(self.run.path());
        while UnixStream::connect(&socket).is_err() {
            let has_ended = self.server.try_wait()?.is_some();
            if has_ended || begin.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let end: Vec<&str> = log.lines().rev().take(20).collect();
                bail!("dockerd did not start:\n{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn socket(run: &Path) -> PathBuf {
    run.join("docker.sock")
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.server.id()) {
            // in order, for it takes its containers, its containerd and its mounts along. An error means that it has ended already.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let begin = Instant::now();
        while matches!(self.server.try_wait(), Ok(None)) {
            if begin.elapsed() > PATIENCE {
                let _ = self.server.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
