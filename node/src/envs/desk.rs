//! Who on this node waits for which environment, what the manager has answered, and the builds under way.
//!
//! One wish goes out for a key, however many attempts wait for it. All wishes are said again on every new connection, since the manager
//! forgets those of a connection with it. A build belongs to its key: a new lease of the same key only gives it another number.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use lp_protocol::env::{EnvAnswer, EnvRecipe, EnvWish, key as env_key};
use lp_protocol::frames::{NodeFrame, PackageRef};
use lp_protocol::{AttemptKey, DigestHex, PreparingKind};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build::Plan;
use super::python::Pythons;
use super::site::BuildSite;
use super::steps::Steps;
use crate::cache::Pin;
use crate::http::Manager;
use crate::sync::lock;

/// Builds at once on one node: they download and compile, and the node has programs to run.
const AT_ONCE: usize = 2;

/// Environments whose packs are remembered; each is some hundred bytes.
const MAX_KNOWN: usize = 1000;

#[derive(Debug)]
pub(crate) struct Envs {
    pub(super) site: BuildSite,
    pub(super) manager: Manager,
    frames: OnceLock<mpsc::UnboundedSender<NodeFrame>>,
    desk: Mutex<Desk>,
    /// By content and wanted Python: what this node has asked for already.
    known: Mutex<HashMap<(DigestHex, Option<String>), PackageRef>>,
    pythons: Pythons,
    tasks: TaskTracker,
    pub(super) builders: Arc<Semaphore>,
    shutdown: CancellationToken,
}

#[derive(Debug, Default)]
struct Desk {
    connected: bool,
    entries: HashMap<DigestHex, Entry>,
}

#[derive(Debug)]
struct Entry {
    plan: Plan,
    platform: String,
    /// Those that wait.
    attempts: Vec<AttemptKey>,
    answer: watch::Sender<Option<EnvAnswer>>,
    building: Option<Building>,
}

#[derive(Debug)]
struct Building {
    number: Arc<std::sync::atomic::AtomicU32>,
    cancel: CancellationToken,
    log: Arc<OnceLock<PathBuf>>,
}

impl Envs {
    pub(crate) fn new(site: BuildSite, manager: Manager) -> Self {
        Self {
            site,
            manager,
            frames: OnceLock::new(),
            desk: Mutex::default(),
            known: Mutex::default(),
            pythons: Pythons::default(),
            tasks: TaskTracker::new(),
            builders: Arc::new(Semaphore::new(AT_ONCE)),
            shutdown: CancellationToken::new(),
        }
    }

    /// Where frames to the manager go from now on.
    pub(crate) fn attach(&self, frames: mpsc::UnboundedSender<NodeFrame>) {
        // once, at the start
        let _ = self.frames.set(frames);
    }

    /// Ends all builds and waits until they have ended.
    pub(crate) async fn finish(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The pack of an environment, where this node has asked for it before.
    pub(crate) fn find(&self, recipe: &EnvRecipe) -> Option<PackageRef> {
        lock(&self.known).get(&name(recipe)?).cloned()
    }

    /// The pack is no longer with the manager: it is asked for anew.
    pub(crate) fn forget(&self, recipe: &EnvRecipe) {
        if let Some(name) = name(recipe) {
            lock(&self.known).remove(&name);
        }
    }

    /// Waits until the environment is there, for as long as it takes; builds it if it falls to this node.
    ///
    /// # Errors
    /// A sentence: it cannot be had.
    pub(crate) async fn obtain(
        self: &Arc<Self>,
        attempt: &AttemptKey,
        recipe: &EnvRecipe,
        (app, pin): (&Path, Pin),
        steps: &Steps,
    ) -> Result<PackageRef, String> {
        let content = recipe
            .content
            .clone()
            .ok_or("what its environment is built from is not known; upload the app again")?;
        let python = self.pythons.version(recipe.python.as_deref()).await?;
        let key = env_key(&content, &self.site.platform, &python);
        let plan = Plan {
            key: key.clone(),
            recipe: recipe.clone(),
            python: python.clone(),
            app: app.to_owned(),
            _pin: Arc::new(pin),
        };
        let what = recipe.source.shown();
        let (_waiting, mut answers) = self.enter(attempt, plan);
        let package = loop {
            let answer = answers.borrow_and_update().clone();
            match answer {
                None => steps.begin(PreparingKind::Wait, &what),
                Some(EnvAnswer::Ready(package)) => break package,
                Some(EnvAnswer::Build { .. }) => steps.begin(PreparingKind::Build, &what),
                Some(EnvAnswer::Wait { node, since }) => {
                    steps.begin(PreparingKind::Wait, &what);
                    let since = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                    steps.detail(&format!("being built on node {node} since {since}"));
                }
                Some(EnvAnswer::Later { retry_at, error }) => {
                    steps.begin(PreparingKind::Wait, &what);
                    let at = retry_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                    let first = error.lines().next().unwrap_or_default();
                    steps.detail(&format!("to be built again at {at}; {first}"));
                }
                Some(EnvAnswer::Failed { error }) => {
                    return Err(format!("its environment cannot be built: {error}"));
                }
            }
            if answers.changed().await.is_err() {
                return Err("the node is stopping".to_owned());
            }
        };
        if recipe.python.is_some() && self.pythons.is_missing(&self.site, &python).await {
            self.bring_python(&python, steps).await;
        }
        let mut known = lock(&self.known);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.extend(name(recipe).map(|name| (name, package.clone())));
        Ok(package)
    }

    /// Has uv fetch a Python that the machine lacks; where it cannot, unpacking the environment says what is missing.
    async fn bring_python(&self, version: &str, steps: &Steps) {
        steps.begin(PreparingKind::Fetch, &format!("python{version}"));
        match super::python::fetch(&self.site, version).await {
            Ok(()) => self.pythons.found(version),
            Err(error) => tracing::info!(version, error, "cannot fetch a Python that an environment needs"),
        }
    }

    fn enter(
        self: &Arc<Self>,
        attempt: &AttemptKey,
        plan: Plan,
    ) -> (Waiting, watch::Receiver<Option<EnvAnswer>>) {
        let key = plan.key.clone();
        let mut desk = lock(&self.desk);
        let connected = desk.connected;
        let platform = self.site.platform.clone();
        let entry = desk.entries.entry(key.clone());
        let is_new = matches!(entry, std::collections::hash_map::Entry::Vacant(_));
        let new = || Entry {
            plan,
            platform,
            attempts: Vec::new(),
            answer: watch::Sender::new(None),
            building: None,
        };
        let entry = entry.or_insert_with(new);
        entry.attempts.push(attempt.clone());
        let answers = entry.answer.subscribe();
        if is_new && connected {
            let wishes = vec![entry.wish()];
            self.send(NodeFrame::Envs { wishes });
        }
        (Waiting { envs: Arc::clone(self), key, attempt: attempt.clone() }, answers)
    }

    fn leave(&self, key: &DigestHex, attempt: &AttemptKey) {
        let mut desk = lock(&self.desk);
        let Some(entry) = desk.entries.get_mut(key) else { return };
        if let Some(index) = entry.attempts.iter().position(|waiting| waiting == attempt) {
            entry.attempts.swap_remove(index);
        }
        if !entry.attempts.is_empty() {
            return;
        }
        let entry = desk.entries.remove(key);
        let is_done = entry.as_ref().is_some_and(|entry| {
            matches!(&*entry.answer.borrow(), Some(EnvAnswer::Ready(_) | EnvAnswer::Failed { .. }))
        });
        if let Some(building) = entry.and_then(|entry| entry.building) {
            building.cancel.cancel();
        }
        if !is_done && desk.connected {
            self.send(NodeFrame::EnvsDropped { keys: vec![key.clone()] });
        }
    }

    /// The builds under way, for the hello of a connection.
    pub(crate) fn building(&self) -> BTreeMap<DigestHex, u32> {
        let desk = lock(&self.desk);
        let building = desk
            .entries
            .iter()
            .filter_map(|(key, entry)| Some((key.clone(), entry.building.as_ref()?.number())));
        building.collect()
    }

    /// A connection stands: all wishes are said on it.
    pub(crate) fn connected(&self) {
        let mut desk = lock(&self.desk);
        desk.connected = true;
        let wishes: Vec<EnvWish> = desk.entries.values().map(Entry::wish).collect();
        if !wishes.is_empty() {
            self.send(NodeFrame::Envs { wishes });
        }
    }

    pub(crate) fn disconnected(&self) {
        lock(&self.desk).connected = false;
    }

    /// Takes what the manager answers.
    pub(crate) fn answered(self: &Arc<Self>, answers: BTreeMap<DigestHex, EnvAnswer>) {
        for (key, answer) in answers {
            let mut desk = lock(&self.desk);
            let Some(entry) = desk.entries.get_mut(&key) else {
                if let EnvAnswer::Build { .. } = answer {
                    self.send(NodeFrame::EnvsDropped { keys: vec![key] });
                }
                continue;
            };
            match (&answer, &entry.building) {
                // its build goes on under the new number, if that is one
                (EnvAnswer::Build { number }, Some(building)) => building.set_number(*number),
                (EnvAnswer::Build { number }, None) => {
                    let building = Building::new(*number);
                    self.spawn(&key, entry.plan.clone(), &building);
                    entry.building = Some(building);
                }
                (EnvAnswer::Wait { .. } | EnvAnswer::Ready(_) | EnvAnswer::Failed { .. }, Some(building)) => {
                    // another one has the lease, or has done it
                    building.cancel.cancel();
                    entry.building = None;
                }
                (EnvAnswer::Later { .. }, Some(_)) => entry.building = None,
                (_, None) => {}
            }
            entry.answer.send_replace(Some(answer));
        }
    }

    fn spawn(self: &Arc<Self>, key: &str, plan: Plan, building: &Building) {
        let (own, key) = (Arc::clone(self), key.to_owned());
        let (number, cancel, log) =
            (Arc::clone(&building.number), building.cancel.clone(), Arc::clone(&building.log));
        self.tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = own.shutdown.cancelled() => {}
                answer = own.run(&key, &plan, (&number, &log)) => own.built(key, answer, &cancel),
            }
        });
    }

    /// A build has ended; without an answer the lease is not ours any more, and we ask how things are.
    fn built(self: &Arc<Self>, key: DigestHex, answer: Option<EnvAnswer>, cancel: &CancellationToken) {
        {
            let mut desk = lock(&self.desk);
            let connected = desk.connected;
            let Some(entry) = desk.entries.get_mut(&key) else { return };
            if cancel.is_cancelled() {
                return;
            }
            entry.building = None;
            if answer.is_none() {
                let wishes = vec![entry.wish()];
                if connected {
                    self.send(NodeFrame::Envs { wishes });
                }
                return;
            }
        }
        self.answered(answer.into_iter().map(|answer| (key.clone(), answer)).collect());
    }

    /// The file that the log of a build under way is written to.
    pub(crate) fn log_of(&self, key: &str) -> Option<PathBuf> {
        lock(&self.desk).entries.get(key)?.building.as_ref()?.log.get().cloned()
    }

    fn send(&self, frame: NodeFrame) {
        if let Some(frames) = self.frames.get() {
            // fails only when the node ends
            let _ = frames.send(frame);
        }
    }
}

/// What an environment is remembered by.
fn name(recipe: &EnvRecipe) -> Option<(DigestHex, Option<String>)> {
    Some((recipe.content.clone()?, recipe.python.clone()))
}

impl Entry {
    fn wish(&self) -> EnvWish {
        EnvWish {
            // an entry without attempts is removed
            attempt: self.attempts.first().cloned().unwrap_or(AttemptKey {
                task_id: lp_protocol::TaskId(uuid::Uuid::nil()),
                action: String::new(),
                attempt: 0,
            }),
            platform: self.platform.clone(),
            python: self.plan.python.clone(),
            building: self.building.as_ref().map(Building::number),
        }
    }
}

impl Building {
    fn new(number: u32) -> Self {
        Self { number: Arc::new(number.into()), cancel: CancellationToken::new(), log: Arc::default() }
    }

    fn number(&self) -> u32 {
        self.number.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn set_number(&self, number: u32) {
        self.number.store(number, std::sync::atomic::Ordering::Relaxed);
    }
}

/// An attempt waits for an environment for as long as this lives.
struct Waiting {
    envs: Arc<Envs>,
    key: DigestHex,
    attempt: AttemptKey,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.envs.leave(&self.key, &self.attempt);
    }
}
