//! From an order to a spawn: workspace, `input.data`, words, environment, program.

use std::path::PathBuf;
use std::sync::Arc;

use lp_protocol::frames::PackageRef;
use serde_json::value::RawValue;

use super::command::{Words, words};
use super::environ::{self, Base};
use super::input::{self, Address};
use super::order::Order;
use super::resolve::{self, Refusal};
use super::workspace::{self, Making};
use crate::data::Layout;
use crate::supervisor::wire::Spawn;

/// What every launch needs of the node.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) layout: Layout,
    pub(crate) base: Base,
    pub(crate) address: Address,
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
            workspace::create(&site.layout, &path, launch.making)
                .map_err(|error| format!("cannot create its workspace: {error}"))?;
            let bytes = input::build(order, given, &text(&path)?, &site.address)
                .map_err(|error| format!("its input cannot be used: {error}"))?;
            workspace::write(&path.join(workspace::INPUT), &bytes)
                .map_err(|error| format!("cannot write input.data: {error}"))?;
        }
        None => match std::fs::remove_file(path.join(workspace::STDOUT)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot use its workspace again: {error}"));
            }
            Ok(()) | Err(_) => {}
        },
    }
    spawn(site, order, &launch.prepared)
}

/// The spawn of an attempt whose workspace stands.
pub(crate) fn spawn(site: &Site, order: &Order, prepared: &Prepared) -> Result<Spawn, String> {
    let path = text(&workspace::path(&site.layout, &order.assignment.attempt))?;
    let env = environ::build(&site.base, order, prepared.venv.as_deref(), &path)?;
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
    })
}

/// What follows when the system refused a spawn: another one by way of a shell, or the reason.
pub(crate) fn after_refusal(
    site: &Site,
    order: &Order,
    prepared: &Prepared,
    errno: i32,
) -> Result<Spawn, String> {
    let mut spawn = spawn(site, order, prepared)?;
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
