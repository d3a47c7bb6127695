//! From an order to a spawn: workspace, `input.data`, words, environment, program.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use lp_protocol::frames::PackageRef;
use serde_json::value::RawValue;

use super::command::{Words, words};
use super::environ::{self, Base};
use super::given::Given;
use super::input::{self, Address};
use super::order::Order;
use super::resolve::{self, Refusal};
use super::workspace::{self, Making};
use crate::data::Layout;
use crate::docker::prepare::Containers;
use crate::gpus::{self, Gpu};
use crate::isolation::Isolation;
use crate::supervisor::confinement::Confinement;
use crate::supervisor::wire::Spawn;

/// What every launch needs of the node.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) layout: Layout,
    pub(crate) base: Base,
    pub(crate) address: Address,
    pub(crate) isolation: Isolation,
    /// The GPUs of the node.
    pub(crate) gpus: Vec<Gpu>,
    /// The program that is the supervisor.
    pub(crate) supervisor: PathBuf,
    pub(crate) containers: Containers,
}

/// The unpacked packages of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// The app's root, the program's working directory.
    pub(crate) app: PathBuf,
    pub(crate) venv: Option<PathBuf>,
    /// The pack of an environment that was built from a lock.
    pub(crate) built: Option<PackageRef>,
}

/// One launch to make.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) order: Arc<Order>,
    pub(crate) prepared: Arc<Prepared>,
    /// None: it was written by an earlier launch of this attempt.
    pub(crate) input: Option<Arc<RawValue>>,
    pub(crate) making: Making,
    pub(crate) given: Given,
}

/// Makes the workspace and everything the supervisor has to know.
///
/// # Errors
/// The reason nothing can be started, for people.
pub(crate) fn prepare(site: &Site, launch: &Launch) -> Result<Spawn, String> {
    let order = &launch.order;
    let path = workspace::path(&site.layout, &order.assignment.attempt);
    match &launch.input {
        Some(given) => {
            let owner = site.isolation.users.identity(launch.given.uid);
            workspace::create(&site.layout, &path, launch.making, owner.as_ref())
                .map_err(|error| format!("cannot create its workspace: {error}"))?;
            let seen = match order.assignment.docker {
                Some(_) => lp_protocol::docker::WORKSPACE.to_owned(),
                None => text(&path)?,
            };
            let bytes = input::build(order, given, &seen, &site.address)
                .map_err(|error| format!("its input cannot be used: {error}"))?;
            workspace::write(&path.join(workspace::INPUT), &bytes, owner.as_ref())
                .map_err(|error| format!("cannot write input.data: {error}"))?;
        }
        None => match std::fs::remove_file(path.join(workspace::STDOUT)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot use its workspace again: {error}"));
            }
            Ok(()) | Err(_) => {}
        },
    }
    spawn(site, order, &launch.prepared, &launch.given)
}

/// The spawn of an attempt whose workspace stands.
pub(crate) fn spawn(site: &Site, order: &Order, prepared: &Prepared, given: &Given) -> Result<Spawn, String> {
    if order.assignment.docker.is_some() {
        return crate::docker::launch::spawn(site, order, prepared, given);
    }
    let path = text(&workspace::path(&site.layout, &order.assignment.attempt))?;
    let mut env = environ::build(&site.base, order, prepared.venv.as_deref(), &path)?;
    let gpus = gpus::variables(&site.gpus, &given.gpus);
    env.retain(|(name, _)| gpus.iter().all(|(own, _)| own != name));
    env.extend(gpus.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let argv = match words(&order.assignment.command, &path) {
        Words::Direct(words) => words,
        Words::Shell(script) => vec!["/bin/bash".to_owned(), "-c".to_owned(), script],
    };
    let word = argv.first().ok_or("the command is empty")?;
    if argv.iter().any(|word| word.contains('\0')) {
        return Err("the command holds a NUL".to_owned());
    }
    let search = environ::find(&env, "PATH").unwrap_or_default();
    let program = resolve::find(word, &prepared.app, search)?;
    Ok(Spawn {
        key: order.key.clone(),
        program: text(&program)?,
        argv,
        cwd: text(&prepared.app)?,
        env,
        stdout: format!("{path}/{}", workspace::STDOUT),
        lease: None,
        confinement: confinement(site, order, given),
    })
}

/// None where there is nothing to it.
fn confinement(site: &Site, order: &Order, given: &Given) -> Option<Box<Confinement>> {
    let attempt = &order.assignment.attempt;
    let mut hasher = DefaultHasher::new();
    order.key.hash(&mut hasher);
    // an action's name can be longer than a group's, and hold anything
    let name = format!("{}.{:016x}", attempt.task_id, hasher.finish());
    let path = workspace::path(&site.layout, attempt);
    let found = site.isolation.confinement(&name, given.uid, &path, &order.assignment.resources);
    (found != Confinement::default()).then(|| Box::new(found))
}

/// What follows when the system refused a spawn: another one by way of a shell, or the reason.
pub(crate) fn after_refusal(
    site: &Site,
    (order, prepared, given): (&Order, &Prepared, &Given),
    errno: i32,
) -> Result<Spawn, String> {
    let mut spawn = spawn(site, order, prepared, given)?;
    let word = spawn.argv.first().cloned().unwrap_or_default();
    match resolve::explain(errno, &word, spawn.program.as_ref(), &prepared.app) {
        Refusal::Reason(reason) => Err(reason),
        Refusal::NeedsShell => {
            let search = environ::find(&spawn.env, "PATH").unwrap_or_default();
            let shell = resolve::find("bash", &prepared.app, search)?;
            let script = std::mem::replace(&mut spawn.program, text(&shell)?);
            spawn.argv.splice(..1, ["bash".to_owned(), script]);
            Ok(spawn)
        }
    }
}

fn text(path: &std::path::Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("the path `{}` is not UTF-8", path.display()))
}
