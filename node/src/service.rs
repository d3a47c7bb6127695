//! A node from its start to its end: everything is made, joined together, and taken apart in order.
//!
//! An orderly end leaves running programs to their supervisor, as a crash does; the next start adopts them.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lp_protocol::NodeId;
use lp_protocol::frames::NodeFacts;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::Cache;
use crate::config::{Config, hostname};
use crate::credential;
use crate::data::{self, Layout};
use crate::docker;
use crate::docker::prepare::Containers;
use crate::envs::{BuildSite, Envs, Guard, end_orphans};
use crate::http::{self, Manager};
use crate::isolation::{self, Isolation};
use crate::journal::{self, Journal};
use crate::link::{self, Link, OnReady};
use crate::logs::{Marker, Shipper, Watcher};
use crate::packages;
use crate::runner::environ::Base;
use crate::runner::launch::Site;
use crate::runner::state::State;
use crate::runner::{Address, Runner, health};
use crate::streams::Streams;
use crate::supervisor::client::Settings;
use crate::timer;
use crate::workspaces::Deleter;

/// 5 s for streams to end at a shutdown; whoever still reads then has to come again.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

/// Two to four threads for files: below that a slow one stops all, above it they wait for the same disk.
const FEW_WORKERS: usize = 2;
const MANY_WORKERS: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error(transparent)]
    Credential(#[from] credential::Error),
    #[error(transparent)]
    Isolation(#[from] isolation::Error),
    #[error(transparent)]
    Manager(#[from] http::Error),
    #[error("find this program's own file, which is also the supervisor")]
    Program(#[source] io::Error),
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    #[error("start a thread")]
    Thread(#[source] io::Error),
    #[error("the manager at {address} does not take this node")]
    Rejected { address: String, credential: String, source: Box<link::Error> },
}

/// 60 s for programs to end after their node was removed: longer graces are left to the supervisor.
const LET_GO: Duration = Duration::from_secs(60);

impl Error {
    /// The manager knows the node or its token not, or not any more: the same start again fails again.
    pub fn is_refusal(&self) -> bool {
        match self {
            Error::Rejected { .. } => true,
            Error::Credential(credential::Error::Join(error)) => !error.is_transient(),
            Error::Credential(_)
            | Error::Data(_)
            | Error::Journal(_)
            | Error::Isolation(_)
            | Error::Manager(_)
            | Error::Program(_)
            | Error::Config(_)
            | Error::Thread(_) => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<String> {
        match self {
            Error::Rejected { credential, source, .. } => match &**source {
                // another version, and which side to upgrade
                link::Error::Refused(error) if !source.is_removal() => error.hint.clone(),
                refused => {
                    let guess = if refused.is_removal() {
                        ""
                    } else {
                        "if the address is right, it was removed there; "
                    };
                    Some(format!(
                        "{guess}to let it come back: make a token with `lp node token` on the manager's side, delete \
                         {credential}, and start it with LP_JOIN_TOKEN=TOKEN"
                    ))
                }
            },
            Error::Credential(credential::Error::Join(_)) => {
                Some("make a new join token with `lp node token` on the manager's side".to_owned())
            }
            Error::Credential(_)
            | Error::Data(_)
            | Error::Journal(_)
            | Error::Isolation(_)
            | Error::Manager(_)
            | Error::Program(_)
            | Error::Config(_)
            | Error::Thread(_) => None,
        }
    }
}

/// Runs a node until shutdown. `on_ready` is called once, when the manager has welcomed it.
///
/// # Errors
/// It cannot start, or the manager does not want it. Everything that may pass is waited for instead.
pub async fn run(
    config: Config,
    shutdown: CancellationToken,
    on_ready: impl FnOnce(NodeId) + Send + 'static,
) -> Result<(), Error> {
    let layout = Layout::create(&config.data_path)?;
    let _lock = layout.lock()?;
    let manager = Manager::new(&config.manager_address())?;
    let credential_file = layout.credential();
    let credential = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        credential = credential::obtain(&credential_file, &config, &manager) => credential?,
    };
    manager.set_credential(credential.credential);
    let node = Node::build(&config, layout, manager, credential.node_id)?;
    node.run(&config, shutdown, Box::new(on_ready)).await
}

/// The parts, before anything moves.
struct Node {
    runner: Arc<Runner>,
    manager: Manager,
    settings: Settings,
    facts: NodeFacts,
    preparing: mpsc::UnboundedReceiver<Arc<crate::runner::order::Order>>,
    trashing: mpsc::UnboundedReceiver<lp_protocol::AttemptKey>,
    watching: mpsc::UnboundedReceiver<health::Watch>,
    over: mpsc::UnboundedReceiver<docker::keep::Over>,
    marking: mpsc::UnboundedReceiver<Arc<crate::runner::order::Order>>,
}

impl Node {
    fn build(config: &Config, layout: Layout, manager: Manager, node_id: NodeId) -> Result<Self, Error> {
        let (journal, records) = Journal::open(&layout.journal())?;
        // before what they write is removed
        end_orphans(layout.root());
        let supervisor = supervisor_program(config)?;
        let isolation = Isolation::find(config, &layout, &node_id.to_string(), &supervisor)?;
        let guard = Guard::new(isolation.clone(), supervisor.clone());
        let site = BuildSite::new(layout.root(), layout.cache(), config.env_build_timeout, guard);
        let envs = Arc::new(Envs::new(site, manager.clone()));
        let cache = Arc::new(Cache::open(layout.clone(), manager.clone(), config.cache_size, envs));
        let capacity = config.capacity();
        let gpus = config.gpus();
        let mut state = State::new(capacity.clone(), journal);
        state.set_givable(isolation.users.clone(), gpus.iter().map(|gpu| gpu.id.clone()).collect());
        state.restore(records, |assignment| cache.pins(assignment));
        let mut facts = facts(config, &layout, &manager, capacity);
        facts.gpus = gpus.iter().map(|gpu| gpu.id.clone()).collect();
        facts.isolation = Box::new(isolation.sentences());
        tell(&facts.isolation);
        let host = config.http_host.clone().unwrap_or_else(|| facts.ip.clone());
        let settings = Settings {
            data: layout.root().to_owned(),
            program: supervisor.clone(),
            node_id: node_id.to_string(),
            idle: config.supervisor_idle,
            cgroups: isolation.cgroups().clone(),
        };
        let (leave, over) = mpsc::unbounded_channel();
        let site = Site {
            layout: layout.clone(),
            base: isolation.adapt(Base::from_process(node_id.to_string())),
            address: Address { host, port: config.http_port },
            isolation,
            gpus,
            supervisor,
            containers: Containers::new(config.containers(&settings)?, leave),
        };
        let (prepare, preparing) = mpsc::unbounded_channel();
        let (trash, trashing) = mpsc::unbounded_channel();
        let (watch, watching) = mpsc::unbounded_channel();
        let (mark, marking) = mpsc::unbounded_channel();
        let runner = Arc::new(Runner::new(state, site, cache, prepare, trash, watch, mark));
        Ok(Self { runner, manager, settings, facts, preparing, trashing, watching, over, marking })
    }

    async fn run(self, config: &Config, shutdown: CancellationToken, on_ready: OnReady) -> Result<(), Error> {
        let Self { runner, manager, settings, facts, preparing, trashing, watching, over, marking } = self;
        runner.site.containers.presence.look(&runner.site.containers.settings).await;
        let (frame_sender, frames) = mpsc::unbounded_channel();
        let watcher = Arc::<Watcher>::default();
        let streams =
            Streams::new(Arc::clone(&runner), manager.clone(), Arc::clone(&watcher), frame_sender.clone());
        let streams = Arc::new(streams);
        let threads = start_threads(&runner)?;
        // ends the helpers also where the link ends by itself
        let ending = shutdown.child_token();
        let tasks = TaskTracker::new();
        tasks.spawn(keep_supervisor(Arc::clone(&runner), settings, ending.clone()));
        tasks.spawn(timer::keep(Arc::clone(&runner), ending.clone()));
        runner.cache.envs.attach(frame_sender.clone());
        let telling = (config.retry_interval, frame_sender.clone());
        tasks.spawn(packages::keep(Arc::clone(&runner), preparing, telling, ending.clone()));
        tasks.spawn(Arc::clone(&runner.cache).keep(ending.clone()));
        tasks.spawn(health::keep(Arc::clone(&runner), watching, ending.clone()));
        tasks.spawn(docker::keep::keep(Arc::clone(&runner), over, ending.clone()));
        tasks.spawn(
            Deleter { runner: Arc::clone(&runner), keys: trashing, frames: frame_sender }
                .keep(ending.clone()),
        );
        let marker = Marker { runner: Arc::clone(&runner), watcher, started: marking };
        tasks.spawn(marker.keep(ending.clone()));
        let shipper = Shipper::new(Arc::clone(&runner), manager.clone());
        let shipping = ending.clone();
        tasks.spawn(async move { shipper.keep(&shipping).await });
        let link = Link {
            manager,
            runner: Arc::clone(&runner),
            streams: Arc::clone(&streams),
            facts,
            frames: tokio::sync::Mutex::new(frames),
            retry_interval: config.retry_interval,
        };
        // a task of its own: what is blocked on is woken by another thread, a task by its own
        let until = shutdown.clone();
        let linked = tokio::spawn(async move { link.keep(&until, Some(on_ready)).await });
        let ended = linked.await.map_err(|error| Error::Thread(io::Error::other(error)))?;
        if ended.as_ref().is_err_and(link::Error::is_removal) {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = let_go(&runner) => {}
            }
        }
        ending.cancel();
        streams.close_all();
        let _ = tokio::time::timeout(STREAM_PATIENCE, streams.finish()).await;
        tasks.close();
        tasks.wait().await;
        runner.cache.envs.finish().await;
        runner.close();
        // they end on their own once the runner is closed; waiting must not block the runtime
        let _ =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())))
                .await;
        ended.map_err(|source| Error::Rejected {
            address: config.manager_address(),
            credential: runner.site.layout.credential().display().to_string(),
            source: Box::new(source),
        })
    }
}

/// Stops all programs: the manager has given them to others.
async fn let_go(runner: &Runner) {
    runner.act(|state, now, effects| state.abandon(now, effects));
    let all_ended = async {
        while runner.look(|state| !state.has_nothing()) {
            runner.bells.ends.notified().await;
        }
    };
    if tokio::time::timeout(LET_GO, all_ended).await.is_err() {
        tracing::warn!(
            "some programs of this removed node have not ended yet; their supervisor sees to them"
        );
    }
}

fn start_threads(runner: &Arc<Runner>) -> Result<Vec<JoinHandle<()>>, Error> {
    let mut threads = Vec::new();
    let workers =
        std::thread::available_parallelism().map_or(1, usize::from).clamp(FEW_WORKERS, MANY_WORKERS);
    for number in 0..workers {
        let runner = Arc::clone(runner);
        threads.push(start_thread(format!("files-{number}"), move || runner.work())?);
    }
    Ok(threads)
}

async fn keep_supervisor(runner: Arc<Runner>, settings: Settings, shutdown: CancellationToken) {
    runner.supervisor.keep(&settings, &shutdown, |message| runner.on_supervisor(message)).await;
}

fn start_thread(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new().name(name).spawn(work).map_err(Error::Thread)
}

fn supervisor_program(config: &Config) -> Result<std::path::PathBuf, Error> {
    match &config.supervisor_program {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(Error::Program),
    }
}

fn facts(
    config: &Config,
    layout: &Layout,
    manager: &Manager,
    capacity: lp_protocol::plan::Resources,
) -> NodeFacts {
    NodeFacts {
        name: config.node_name(),
        platform: nix::sys::utsname::uname().map_or_else(
            |_| std::env::consts::ARCH.to_owned(),
            |name| name.machine().to_string_lossy().into_owned(),
        ),
        hostname: hostname(),
        ip: own_address(manager).unwrap_or_else(|| "127.0.0.1".to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_path: layout.root().display().to_string(),
        docker_support: false,
        capacity,
        labels: config.labels.clone(),
        gpus: Vec::new(),
        isolation: Default::default(),
    }
}

fn tell(isolation: &lp_protocol::isolation::Isolation) {
    let lp_protocol::isolation::Isolation { user, files, kernel, limits } = isolation;
    tracing::info!(user, files, kernel, limits, "how programs are kept apart");
}

/// The address this machine would speak to the manager from. A UDP socket that is only connected sends nothing.
fn own_address(manager: &Manager) -> Option<String> {
    let host = manager.base().host_str()?.trim_matches(['[', ']']);
    let port = manager.base().port_or_known_default()?;
    let any = if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect((host, port)).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}
