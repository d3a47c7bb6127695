//! A real container engine for the tests, and images that need no registry.
//!
//! `cargo xtask test` starts one and names it in `LP_TEST_DOCKER`. Without one these tests are left out, loudly; under `CI=true` they fail.

use std::collections::HashMap;
use std::path::Path;

use bollard::Docker;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::runtime::Runtime;

use crate::common::Cluster;

/// The address of the engine that the tests use.
const VARIABLE: &str = "LP_TEST_DOCKER";

/// A root directory with one static program under many names.
pub const IMAGE: &str = "lp-test/busybox:1";
/// What `make-image.sh` of the example makes.
const EXAMPLE: &str = "lp-example/busybox:1";
/// The same program under its one name: no shell.
pub const BARE: &str = "lp-test/bare:1";

const APPLETS: &[&str] = &[
    "sh", "awk", "cat", "echo", "env", "false", "grep", "head", "httpd", "id", "kill", "ls", "mkdir", "nc",
    "ps", "pwd", "sed", "sleep", "tail", "test", "touch", "true", "wc",
];

pub struct Engine {
    runtime: Runtime,
    docker: Docker,
    pub host: String,
}

/// The engine, with the images; None where these tests are left out.
pub fn engine() -> Option<Engine> {
    let Some(host) = std::env::var(VARIABLE).ok().filter(|host| !host.is_empty()) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{VARIABLE} names no container engine; run `cargo xtask test`"
        );
        eprintln!("LEFT OUT: {VARIABLE} names no container engine; `cargo xtask test` starts one");
        return None;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let docker = runtime
        .block_on(async { Docker::connect_with_host(&host).unwrap().negotiate_version().await })
        .unwrap_or_else(|error| panic!("no container engine answers at {host}: {error}"));
    let engine = Engine { runtime, docker, host };
    engine.make_images();
    Some(engine)
}

impl Engine {
    fn make_images(&self) {
        // several tests, and processes of tests, want them at the same time
        let lock = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images.lock");
        let lock = std::fs::File::create(lock).unwrap();
        lock.lock().unwrap();
        let users = "root:x:0:0::/:/bin/sh\napp:x:4321:4321::/:/bin/sh\n";
        for (image, applets, users) in [(IMAGE, APPLETS, users), (BARE, &[], ""), (EXAMPLE, APPLETS, "")] {
            if self.has_image(image) {
                continue;
            }
            self.import(image, root(applets, users));
        }
    }

    pub fn has_image(&self, image: &str) -> bool {
        self.runtime.block_on(self.docker.inspect_image(image)).is_ok()
    }

    /// What `docker import` does.
    pub fn import(&self, image: &str, root: Vec<u8>) {
        let (repository, tag) = image.rsplit_once(':').unwrap();
        let options = CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).build();
        let body = bollard::body_full(root.into());
        self.runtime.block_on(async {
            let mut steps = std::pin::pin!(self.docker.create_image(Some(options), Some(body), None));
            while let Some(step) = steps.next().await {
                step.unwrap();
            }
        });
    }

    /// All containers of a node, whatever they do.
    pub fn containers(&self, node_id: &str) -> Vec<ContainerSummary> {
        let filters = HashMap::from([("label", vec![format!("lp.node={node_id}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        self.runtime.block_on(self.docker.list_containers(Some(options))).unwrap()
    }

    pub fn remove(&self, container: &str) {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        // one that is gone is what is wanted
        self.runtime.block_on(self.docker.remove_container(container, Some(options))).ok();
    }
}

fn root(applets: &[&str], users: &str) -> Vec<u8> {
    let busybox = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join("busybox"))
        .find(|file| file.is_file())
        .expect("busybox, of which the images are made, is missing: apt-get install busybox-static");
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(busybox, "bin/busybox").unwrap();
    for applet in applets {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(users.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "etc/passwd", users.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}

/// A cluster whose node has the engine; what it leaves there goes with it.
pub struct Contained<'e> {
    pub cluster: Cluster,
    pub engine: &'e Engine,
    node_ids: Vec<String>,
    has_app: std::cell::Cell<bool>,
}

impl<'e> Contained<'e> {
    /// A manager and a node with four slots.
    pub fn new(engine: &'e Engine) -> Self {
        Self::with(engine, &[])
    }

    /// The same with these settings of the node.
    pub fn with(engine: &'e Engine, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Cluster::empty();
        cluster.set("DOCKER_HOST", &engine.host);
        for (name, value) in settings {
            cluster.set(name, value);
        }
        cluster.start_apart(4);
        let mut contained = Self { cluster, engine, node_ids: Vec::new(), has_app: false.into() };
        contained.find_nodes();
        contained
    }

    fn find_nodes(&mut self) {
        let nodes = self.cluster.until(|cluster| {
            let nodes = cluster.lp(&["node", "list", "-r"]).ok().json();
            let linked = nodes.as_array().unwrap().iter().any(|node| node["state"] == "connected");
            linked.then_some(nodes)
        });
        self.node_ids = nodes
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["node_id"].as_str().unwrap().to_owned())
            .collect();
    }

    /// Uploads an application of one action that is a script in the image, with more members of `docker.args` and of the action.
    pub fn app(&self, script: &str, args: &str, more: &str) {
        let main = serde_json::json!(["sh", "-c", script]);
        self.words(&main.to_string(), IMAGE, args, more);
    }

    /// The same with `main` and image as they stand in the manifest.
    pub fn words(&self, main: &str, image: &str, args: &str, more: &str) {
        let manifest = format!(
            r#"{{"actions": [{{"name": "a", "main": {main}, "docker": {{"image": "{image}", "args": {{{args}}}}}{more}}}]}}"#
        );
        let path = self.cluster.path("app");
        let app =
            crate::common::write_app(&path, &[("configuration.json", &manifest), ("here", "the app\n")]);
        let path = app.to_str().unwrap();
        if self.has_app.replace(true) {
            self.cluster.lp(&["app", "update", "app", "-f", path]).ok();
        } else {
            self.cluster.lp(&["app", "create", "-f", path]).ok();
        }
    }

    /// Runs the application to its end, and returns the end of its one action.
    pub fn exit(&self) -> serde_json::Value {
        let id = self.start();
        self.cluster.lp(&["task", "wait", &id]);
        self.exit_of(&id)
    }

    pub fn start(&self) -> String {
        self.cluster.lp(&["task", "create", "-a", "app", "-o", "name"]).ok().text().to_owned()
    }

    pub fn exit_of(&self, task: &str) -> serde_json::Value {
        let task = self.cluster.lp(&["task", "info", task, "-r"]).ok().json();
        let attempts = task["actions"][0]["attempts"].as_array().unwrap();
        attempts.last().unwrap_or_else(|| panic!("{task}"))["exit"].clone()
    }

    /// Waits for a line of the action's log.
    pub fn wait_for_line(&self, task: &str, wanted: &str) {
        let mut log = self.cluster.watch(&["logs", task, "-f"]);
        while let Some(line) = log.line() {
            if line.contains(wanted) {
                return;
            }
        }
        panic!("the log has ended without `{wanted}`: {}", self.cluster.lp(&["logs", task]).stdout);
    }

    pub fn log(&self, task: &str) -> String {
        self.cluster.lp(&["logs", task]).ok().stdout
    }

    pub fn containers(&self) -> Vec<ContainerSummary> {
        self.node_ids.iter().flat_map(|node_id| self.engine.containers(node_id)).collect()
    }
}

impl Drop for Contained<'_> {
    fn drop(&mut self) {
        self.cluster.end();
        for container in self.containers() {
            self.engine.remove(&container.id.unwrap());
        }
    }
}
