//! A cluster: `lp up`, or a manager and a node apart.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lp_protocol::client::ManagerClient;
use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::{Part, Ran, Watched, leftovers, run};

pub struct Cluster {
    home: TempDir,
    up: Option<Part>,
    manager: Option<Part>,
    node: Option<Part>,
    /// Port of the manager once it is known: a node looks for it there after a restart.
    port: u16,
    join_token: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Cluster {
    /// `lp up` with two slots.
    pub fn up() -> Self {
        Self::up_with(&["--slots", "2"])
    }

    /// `lp up` with these arguments, ready.
    pub fn up_with(arguments: &[&str]) -> Self {
        let mut cluster = Self::empty();
        cluster.arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        cluster.start_up();
        cluster
    }

    /// `lp up` as it comes, with two slots: programs of a node that is root run as users of their tasks'. Elsewhere they run as the tester, because many
    /// tests have them write beside the cluster.
    pub fn as_installed() -> Self {
        let mut cluster = Self::empty();
        cluster.variables.clear();
        cluster.start_up_with(&["--slots", "2"]);
        cluster
    }

    /// Starts `lp up` with these arguments and what was [`Cluster::set`].
    pub fn start_up_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        self.start_up();
    }

    /// A manager and a node that has been told to join it.
    pub fn apart(slots: u32) -> Self {
        let mut cluster = Self::empty();
        cluster.start_apart(slots);
        cluster
    }

    /// Starts a manager and a node that has been told to join it.
    pub fn start_apart(&mut self, slots: u32) {
        self.arguments = vec!["--slots".to_owned(), slots.to_string()];
        self.start_manager();
        self.join_token = self.lp(&["node", "token", "-q"]).ok().text().to_owned();
        self.start_node();
    }

    /// The PATH that everything here is started with.
    pub fn search_path() -> OsString {
        path()
    }

    /// Nothing runs yet.
    pub fn empty() -> Self {
        let home = tempfile::Builder::new().prefix("lp-test-").tempdir().unwrap();
        let join_token = String::new();
        Self {
            home,
            up: None,
            manager: None,
            node: None,
            port: 0,
            join_token,
            arguments: vec![],
            variables: vec![("LP_RUN_AS".to_owned(), "node".to_owned())],
        }
    }

    /// Sets a variable for all that is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Starts `lp up` again where it was, and returns when it is ready.
    pub fn start_up(&mut self) {
        let mut up = Part::start(self.up_command().args(&self.arguments));
        let data = self.data();
        if up.find_line(|line| line.starts_with("data").then_some(())).is_none() {
            panic!("`lp up` has ended in {}:\n{}", data.display(), up.said());
        }
        self.up = Some(up);
    }

    /// The command `lp up` of this cluster, on free ports.
    pub fn up_command(&self) -> Command {
        let mut command = self.command(&["up", "--port", "0", "--viewer-port", "0", "--data"]);
        command.arg(self.data());
        command
    }

    /// Starts the manager, at the same address as the time before.
    pub fn start_manager(&mut self) {
        let data = self.path("manager");
        let (mut manager, address) = loop {
            let port = self.port.to_string();
            let mut command = self.command(&["manager", "--log-level", "warn", "--port", &port, "--data"]);
            let mut manager = Part::start(command.arg(&data));
            let address = manager.find_line(|line| Some(line.strip_prefix("manager")?.trim().to_owned()));
            match address {
                Some(address) => break (manager, address),
                // the ports of connections that were cut are free again in a moment
                None if manager.said().contains("cannot listen") && self.port != 0 => {}
                None => panic!("the manager has ended:\n{}", manager.said()),
            }
        };
        manager.find_line(|line| line.starts_with("token").then_some(()));
        self.port = address.rsplit(':').next().unwrap().parse().unwrap();
        let token = std::fs::read_to_string(data.join("admin.token")).unwrap();
        let context = json!({"manager": address, "token": token.trim()});
        std::fs::write(self.context(), context.to_string()).unwrap();
        self.manager = Some(manager);
    }

    /// Starts the node and does not wait for it.
    pub fn start_node(&mut self) {
        let address = format!("http://127.0.0.1:{}", self.port);
        let mut command = self.command(&["node", "--log-level", "warn", "--manager", &address, "--data"]);
        command.arg(self.path("node")).args(&self.arguments).env("LP_JOIN_TOKEN", &self.join_token);
        self.node = Some(Part::start(&mut command));
    }

    /// Starts one more node, with its data in `name`; it ends with the returned part.
    pub fn another_node(&self, name: &str) -> Part {
        let token = self.lp(&["node", "token", "-q"]).ok().text().to_owned();
        let address = format!("http://127.0.0.1:{}", self.port);
        let mut command = self.command(&["node", "--log-level", "warn", "--manager", &address, "--data"]);
        command.arg(self.path(name)).args(&self.arguments).env("LP_JOIN_TOKEN", token);
        Part::start(&mut command)
    }

    /// The process of the node.
    pub fn node_pid(&self) -> i32 {
        self.node.as_ref().unwrap().pid()
    }

    pub fn kill_up(&mut self) {
        self.up.take().unwrap().kill();
    }

    pub fn kill_manager(&mut self) {
        self.manager.take().unwrap().kill();
    }

    pub fn kill_node(&mut self) {
        self.node.take().unwrap().kill();
    }

    /// Stops `lp up` in order; its exit code.
    pub fn stop_up(&mut self, signal: Signal) -> Option<i32> {
        self.up.take().unwrap().stop(signal)
    }

    /// Runs `lp` to its end.
    pub fn lp(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments), "")
    }

    pub fn lp_with_input(&self, arguments: &[&str], stdin: &str) -> Ran {
        run(&mut self.command(arguments), stdin)
    }

    /// Starts `lp` and returns its lines as they come.
    pub fn watch(&self, arguments: &[&str]) -> Watched {
        Watched::start(&mut self.command(arguments))
    }

    /// `lp` in this cluster's home, with nothing of the tester's own environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lp"));
        command.env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.env("PATH", path()).args(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if self.context().exists() {
            command.env("LP_CONTEXT", self.context());
        }
        command
    }

    /// Looks again and again until there is something to see.
    ///
    /// # Panics
    /// Where there is nothing within the patience of the tests.
    pub fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let begin = std::time::Instant::now();
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            assert!(begin.elapsed() < super::PATIENCE, "what is waited for has not come");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The processes of this cluster whose command lines hold all these words.
    pub fn processes_with(&self, words: &[&str]) -> Vec<nix::unistd::Pid> {
        let mut found = leftovers::find(self.home.path());
        found.retain(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let has = |word: &&str| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes());
            words.iter().all(has)
        });
        found
    }

    /// Ends everything now.
    pub fn end(&mut self) {
        drop((self.up.take(), self.node.take(), self.manager.take()));
        leftovers::end(self.home.path());
    }

    pub fn client(&self) -> ManagerClient {
        let text = std::fs::read_to_string(self.context()).unwrap();
        let context: serde_json::Value = serde_json::from_str(&text).unwrap();
        ManagerClient::new(context["manager"].as_str().unwrap(), context["token"].as_str().unwrap()).unwrap()
    }

    /// A path in the cluster's home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The data directory of `lp up`.
    pub fn data(&self) -> PathBuf {
        self.path("up")
    }

    /// What leads any `lp` here.
    pub fn context(&self) -> PathBuf {
        if self.port == 0 { self.data().join("client.json") } else { self.path("client.json") }
    }

    /// Uploads an application and returns its id.
    pub fn create_app(&self, path: &Path) -> String {
        let path = path.to_str().unwrap();
        self.lp(&["app", "create", "-f", path, "--strict", "-r"]).ok().json()["app_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Creates a task, waits for its success and returns all that is known of it.
    pub fn succeed(&self, app: &str, input: &str) -> serde_json::Value {
        let id = self.lp(&["task", "create", "-a", app, "-i", input, "--wait", "-o", "name"]).ok();
        let id = id.text().lines().next().unwrap().to_owned();
        self.lp(&["task", "info", &id, "-r"]).ok().json()
    }
}

/// The tester's PATH, with the real Python first: a script in its place that looks for it takes longer than most actions.
fn path() -> OsString {
    static PATH: OnceLock<OsString> = OnceLock::new();
    let find = || {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        let python =
            asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        let first = Path::new(&python).parent().map(Path::to_owned);
        std::env::join_paths(first.into_iter().chain(std::env::split_paths(&inherited))).unwrap_or(inherited)
    };
    PATH.get_or_init(find).clone()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}
