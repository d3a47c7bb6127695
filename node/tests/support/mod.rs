//! What the tests of a whole node share: a manager that obeys, a node that can be killed, and assignments with defaults.

// each test file uses its part
#![allow(dead_code, clippy::allow_attributes, unreachable_pub)]

pub mod http;
pub mod manager;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use lp_protocol::frames::{AssignedEnv, Assignment, ManagerFrame, PackageRef};
use lp_protocol::plan::{Command as Line, Resources};
use lp_protocol::{AttemptKey, TaskId};
use serde_json::value::RawValue;

pub use manager::Manager;
use manager::Package;

/// `nobody` on every distribution, and nobody else on a test machine.
const UNPRIVILEGED: u32 = 65534;

/// A manager, and a node process with its data.
pub struct Site {
    pub manager: Manager,
    pub dir: tempfile::TempDir,
    node: Option<Child>,
    settings: String,
    /// The node runs as this user.
    user: Option<u32>,
}

impl Site {
    /// A linked node with 4 slots and what else is given as YAML.
    pub async fn start(settings: &str) -> Self {
        let mut site = Self::unstarted(settings).await;
        site.start_node();
        site.manager.linked().await;
        site
    }

    pub async fn unstarted(settings: &str) -> Self {
        let manager = Manager::start().await;
        let dir = tempfile::tempdir().unwrap();
        Self { manager, dir, node: None, settings: settings.to_owned(), user: None }
    }

    /// As [`Site::start`], with a node that is not root: another user's where the test is root, else the test's own.
    pub async fn start_unprivileged(settings: &str) -> Self {
        let mut site = Self::unstarted(settings).await;
        site.user = nix::unistd::geteuid().is_root().then_some(UNPRIVILEGED);
        site.start_node();
        site.manager.linked().await;
        site
    }

    pub fn start_node(&mut self) {
        let slots = if self.settings.contains("action_slots") { "" } else { "action_slots: 4\n" };
        let yaml = format!(
            "manager_url: {}\njoin_token: join-token\nname: test\ndata_path: {}\nretry_interval: 200ms\n{slots}{}\n",
            self.manager.address,
            self.data().display(),
            self.settings
        );
        let file = self.dir.path().join("node.yml");
        fs::write(&file, yaml).unwrap();
        let mut command = self.node_command();
        command.arg("node").arg(&file).env("LP_SECRET", "geheim").stdin(Stdio::null());
        self.node = Some(command.spawn().unwrap());
    }

    fn node_command(&self) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_lp-node-probe"));
        let Some(user) = self.user else { return Command::new(program) };
        // the build may lie where this user cannot go
        let copy = self.dir.path().join("lp-node-probe");
        if !copy.exists() {
            fs::copy(program, &copy).unwrap();
            make_executable(&copy);
            std::os::unix::fs::chown(self.dir.path(), Some(user), Some(user)).unwrap();
        }
        let mut command = Command::new(copy);
        std::os::unix::process::CommandExt::uid(&mut command, user);
        std::os::unix::process::CommandExt::gid(&mut command, user);
        command
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn node_pid(&self) -> u32 {
        self.node.as_ref().expect("a node runs").id()
    }

    /// SIGKILL for the node; its supervisor and programs live on.
    pub fn kill_node(&mut self) {
        let mut node = self.node.take().expect("a node runs");
        node.kill().unwrap();
        node.wait().unwrap();
    }

    /// Waits for a node that ends by itself.
    pub async fn stopped(&mut self) -> std::process::ExitStatus {
        let mut node = self.node.take().expect("a node runs");
        tokio::task::spawn_blocking(move || node.wait().unwrap()).await.unwrap()
    }

    /// Asks the node to end and waits for it.
    pub async fn stop_node(&mut self) -> std::process::ExitStatus {
        let mut node = self.node.take().expect("a node runs");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(node.id() as i32), nix::sys::signal::SIGTERM)
            .unwrap();
        tokio::task::spawn_blocking(move || node.wait().unwrap()).await.unwrap()
    }

    pub fn supervisor_pid(&self) -> i32 {
        self.find_supervisor().expect("a supervisor runs")
    }

    pub fn find_supervisor(&self) -> Option<i32> {
        let data = self.data().canonicalize().unwrap();
        let is_ours = |pid: &i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
            words.get(1) == Some(&b"supervise".as_slice())
                && words.contains(&data.as_os_str().as_encoded_bytes())
        };
        processes().into_iter().find(is_ours)
    }

    pub fn workspace(&self, key: &AttemptKey) -> PathBuf {
        let task = key.task_id.to_string();
        self.data().join("workspaces").join(&task[..2]).join(format!("{task}.{}.{}", key.action, key.attempt))
    }

    /// Puts an app with these files at the manager.
    pub fn app(&self, files: &[(&str, &str)]) -> PackageRef {
        let files: Vec<_> =
            files.iter().map(|(name, content)| (format!("app/{name}"), content.as_bytes())).collect();
        self.package(pack(&files))
    }

    pub fn package(&self, bytes: Vec<u8>) -> PackageRef {
        let mut hasher = lp_package::Hasher::new();
        hasher.update(&bytes);
        let digest = hasher.finish().digest.to_string();
        let size_bytes = bytes.len() as u64;
        self.manager.facts().packages.insert(digest.clone(), Package { bytes, cut_at: None });
        PackageRef { digest, size_bytes }
    }

    pub fn assign(&self, assignment: &Assignment) -> AttemptKey {
        self.manager.send(ManagerFrame::Assign { assignments: vec![assignment.clone()] });
        assignment.attempt.clone()
    }

    /// As [`Site::assign_line`] over the next link.
    pub async fn wait_link_and_assign(&self, line: &str) -> AttemptKey {
        self.manager.linked().await;
        self.assign_line(line)
    }

    /// Assigns a line of an app without files worth mentioning.
    pub fn assign_line(&self, line: &str) -> AttemptKey {
        let app = self.app(&[("configuration.json", "{}")]);
        self.assign(&assignment(&app, line))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            let _ = node.kill();
            let _ = node.wait();
        }
        // whatever a failed test has left: every process of this node carries its id
        let id = self.manager.node_id().to_string();
        for pid in processes() {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let mark = format!("LP_NODE_ID={id}");
            if environ.split(|byte| *byte == 0).any(|pair| pair == mark.as_bytes()) {
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL);
            }
        }
    }
}

pub fn assignment(app: &PackageRef, line: &str) -> Assignment {
    Assignment {
        attempt: AttemptKey { task_id: TaskId::random(), action: "first action".into(), attempt: 1 },
        task_name: "a task".into(),
        task_create_at: chrono::DateTime::UNIX_EPOCH,
        priority: 0,
        app: app.clone(),
        command: Line::Line(line.into()),
        env: None::<AssignedEnv>,
        docker: None,
        environ: BTreeMap::new(),
        resources: Resources::default(),
        timeout: None,
        grace: Duration::from_secs(30),
        exclusive: false,
        health: None,
        input: RawValue::from_string("{}".into()).unwrap(),
    }
}

/// A tar.gz of files, all executable.
pub fn pack(files: &[(String, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

pub fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

pub fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, fields)| !matches!(fields.trim().chars().next(), None | Some('Z' | 'X')))
}

/// Looks again and again until it is so; for facts that nobody announces, as the death of a process.
pub async fn until(what: &str, mut look: impl FnMut() -> bool) {
    let looking = async {
        while !look() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(manager::PATIENCE, looking).await.is_ok(), "waited in vain until {what}");
}

/// The number a program has written into a file of its workspace.
pub async fn written_pid(file: &Path) -> i32 {
    let mut pid = None;
    until("a process has written its number", || {
        pid = fs::read_to_string(file)
            .ok()
            .filter(|text| text.ends_with('\n'))
            .and_then(|text| text.trim().parse().ok());
        pid.is_some()
    })
    .await;
    pid.unwrap()
}

pub fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
