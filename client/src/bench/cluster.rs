//! The private cluster: this very program as a manager and a node of their own, on free ports of loopback.
//!
//! Manager and node are processes apart, so that what each of them uses can be told apart. They end with this value, however the
//! bench ends: killed by their ids, because nothing of theirs is worth an orderly end.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lp_protocol::client::{ManagerClient, PageQuery};
use lp_protocol::views::{CreateJoinToken, NodeState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::drive::failed;
use super::processes::{self, Children};
use crate::context::{self, Context};
use crate::failure::Failure;

/// Longest wait for a part to be ready: a debug build on a busy machine makes its database in seconds.
const START: Duration = Duration::from_secs(60);

/// Between two looks whether a part is ready.
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct Cluster {
    pub(super) client: ManagerClient,
    program: PathBuf,
    directory: PathBuf,
    context: PathBuf,
    manager: Part,
    node: Part,
}

impl Cluster {
    /// Starts a manager and a node in a new directory and returns when the node has joined.
    pub(super) async fn start(directory: &Path, slots: Option<u16>) -> Result<Self, Failure> {
        fs::create_dir_all(directory)
            .map_err(|error| failed(format!("cannot make a cluster's directory: {error}")))?;
        let program =
            std::env::current_exe().map_err(|error| failed(format!("cannot find this program: {error}")))?;
        let mut manager = Part::start(&program, "manager", directory, &[], &["--port", "0"])?;
        let context =
            Context { manager: manager.wait_for_address().await?, viewer: None, token: token(directory)? };
        let client = ManagerClient::new(&context.manager, &context.token)?;
        let path = directory.join("client.json");
        context::publish(&path, &context, None)?;
        let join_token = client.create_join_token(&CreateJoinToken::default()).await?.token;
        let slots = slots.map(|slots| slots.to_string());
        let mut arguments = vec!["--manager", &context.manager];
        arguments.extend(slots.iter().flat_map(|slots| ["--slots", slots]));
        let node = Part::start(&program, "node", directory, &[("LP_JOIN_TOKEN", &join_token)], &arguments)?;
        let mut cluster =
            Self { client, program, directory: directory.to_owned(), context: path, manager, node };
        cluster.wait_for_node().await?;
        Ok(cluster)
    }

    /// The file that leads a command to this cluster.
    pub(super) fn context(&self) -> &Path {
        &self.context
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn manager_pid(&self) -> u32 {
        self.manager.child.id()
    }

    /// The processes by what they are.
    pub(super) fn parts(&self) -> Vec<(&'static str, u32)> {
        let mut parts = vec![("manager", self.manager.child.id()), ("node", self.node.child.id())];
        parts.extend(self.supervisors().into_iter().map(|pid| ("supervisor", pid)));
        parts
    }

    /// Processor time of all parts, of the actions' programs too if children count: they are the supervisor's.
    pub(super) fn cpu_time(&self, children: Children) -> Duration {
        self.parts().iter().filter_map(|(_, pid)| processes::cpu_time(*pid, children)).sum()
    }

    fn supervisors(&self) -> Vec<u32> {
        processes::find("supervise", &self.directory)
    }

    async fn wait_for_node(&mut self) -> Result<(), Failure> {
        let begin = Instant::now();
        loop {
            let nodes = self.client.list_nodes(&PageQuery::default()).await?;
            if nodes.items.iter().any(|node| node.state == NodeState::Connected) {
                return Ok(());
            }
            self.node.check(begin)?;
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // the node first: without it nothing new is given to the supervisor
        self.node.end();
        for pid in self.supervisors() {
            if let Ok(pid) = i32::try_from(pid) {
                // an error means that it has ended already
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        self.manager.end();
    }
}

/// The administrator's token, which a manager makes at its first start.
fn token(directory: &Path) -> Result<String, Failure> {
    let path = directory.join("manager/admin.token");
    let text = fs::read_to_string(&path).map_err(|source| Failure::File { what: "read", path, source })?;
    Ok(text.trim().to_owned())
}

/// A process of the cluster; what it says is in a file beside its data.
struct Part {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Part {
    fn start(
        program: &Path,
        name: &'static str,
        directory: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Self, Failure> {
        let log = directory.join(format!("{name}.log"));
        let file = fs::File::create(&log).map_err(|source| Failure::File {
            what: "write",
            path: log.clone(),
            source,
        })?;
        let mut command = Command::new(program);
        let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("LP_");
        for (variable, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
            command.env_remove(variable);
        }
        command
            .arg(name)
            .arg("--data")
            .arg(directory.join(name))
            .args(["--log-level", "warn"])
            .args(arguments);
        command.envs(variables.iter().copied());
        // a Ctrl-C is for the bench, which then ends its parts
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).process_group(0);
        let child = command.spawn().map_err(|error| failed(format!("cannot start the {name}: {error}")))?;
        Ok(Self { name, child, log })
    }

    /// The address a manager says it listens on, once it does.
    async fn wait_for_address(&mut self) -> Result<String, Failure> {
        let begin = Instant::now();
        loop {
            let text = self.said();
            let line =
                text.lines().find_map(|line| line.strip_prefix("manager")?.trim().split_once("http://"));
            if let Some((_, address)) = line.filter(|_| text.ends_with('\n')) {
                return Ok(format!("http://{address}"));
            }
            self.check(begin)?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fails where there is nothing to wait for any more.
    fn check(&mut self, begin: Instant) -> Result<(), Failure> {
        let name = self.name;
        match self.child.try_wait() {
            Ok(Some(status)) => {
                Err(failed(format!("the {name} of the bench has ended with {status}: {}", self.said())))
            }
            Err(error) => Err(failed(format!("the {name} of the bench cannot be watched: {error}"))),
            Ok(None) if begin.elapsed() > START => {
                Err(failed(format!("the {name} of the bench was not ready within {} s", START.as_secs())))
            }
            Ok(None) => Ok(()),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn end(&mut self) {
        // both fail only where it has ended and was waited for
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.end();
    }
}
