//! One build: the tools' steps in a directory of its own, under a time limit, stoppable at any moment.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Instant;

use lp_package::venv::recipe::{Making, Recipe, Sources, Step, Tool, check_python, steps};
use lp_protocol::env::{EnvRecipe, EnvSource, WHEELS};
use lp_protocol::frames::PackageRef;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::log::{Log, build_log, last_words};
use super::pack::pack;
use super::site::{BuildSite, end_all_of};
use crate::cache::Pin;

/// How the names of directories of builds begin.
pub(crate) const BUILD_PREFIX: &str = ".build-";

/// Signs in a log that the index could not be reached.
const NO_NETWORK: [&str; 8] = [
    "dns error",
    "Name or service not known",
    "Temporary failure in name resolution",
    "Could not resolve",
    "Network is unreachable",
    "Connection refused",
    "Failed to establish a new connection",
    "tcp connect error",
];

/// What recipes call their first step: it fails where the Python is not to be had.
const MAKE_THE_VENV: &str = "make the venv";

/// What is to be built.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) key: String,
    pub(super) recipe: EnvRecipe,
    /// `3.12`.
    pub(super) python: String,
    /// The application's root.
    pub(super) app: PathBuf,
    /// Keeps the application there.
    pub(super) _pin: Arc<Pin>,
}

/// The directory of a build; it goes with the value.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    pub(super) fn create(site: &BuildSite) -> io::Result<Self> {
        let place = Self { dir: site.cache.join(format!("{BUILD_PREFIX}{}", Uuid::new_v4())) };
        std::fs::create_dir(&place.dir)?;
        for part in ["home", "tmp", "scratch"] {
            std::fs::create_dir(place.dir.join(part))?;
        }
        Ok(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.dir.join("pack")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // those that left their group
        end_all_of(&self.dir);
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            // what a killed process still writes; swept at the next start
            tracing::warn!(path = %self.dir.display(), %error, "cannot remove the directory of a build");
        }
    }
}

/// Builds, and packs what was built into the place's archive.
///
/// # Errors
/// A sentence with the last words of the tools.
pub(super) async fn build(site: &BuildSite, plan: &Plan, place: &Place) -> Result<PackageRef, String> {
    let mut log =
        Log::create(&place.log()).await.map_err(|error| format!("its log cannot be written: {error}"))?;
    let begin = Instant::now();
    let made = tokio::time::timeout(site.limit, make(site, plan, place, &mut log)).await;
    let failed = match made {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => {
            Some(format!("it took longer than {} s (`env_build_timeout` of the node)", site.limit.as_secs()))
        }
    };
    if let Some(error) = failed {
        // people look for the reason where the tools have spoken
        let _ = log.note(&format!("lp: failed: {error}")).await;
        return Err(sentence(plan, &error, log.path()));
    }
    let (env, archive) = (place.dir.join("env"), place.archive());
    let packed = tokio::task::spawn_blocking(move || pack(&env, &archive)).await;
    let package = packed
        .map_err(|error| error.to_string())
        .and_then(|packed| packed)
        .map_err(|error| sentence(plan, &error, log.path()))?;
    let seconds = begin.elapsed().as_secs_f64();
    let _ = log.note(&format!("lp: built in {seconds:.1} s, a pack of {} bytes", package.size_bytes)).await;
    Ok(package)
}

async fn make(site: &BuildSite, plan: &Plan, place: &Place, log: &mut Log) -> Result<(), String> {
    let tool = Tool::find(&site.path(), Some(&plan.python)).map_err(|error| advised(&error))?;
    let recipe = match &plan.recipe.source {
        EnvSource::Uv(path) => Recipe::UvLock { lock: plan.app.join(path) },
        EnvSource::Requirements(path) => Recipe::Requirements { file: plan.app.join(path) },
        EnvSource::Packages(packages) => Recipe::Packages { packages: packages.clone() },
    };
    let wheels = plan.app.join(WHEELS);
    let (dest, scratch) = (place.dir.join("env"), place.dir.join("scratch"));
    let making = Making {
        recipe: &recipe,
        tool: &tool,
        python: Some(&plan.python),
        dest: &dest,
        scratch: &scratch,
        sources: if wheels.is_dir() { Sources::Wheels(&wheels) } else { Sources::Index },
    };
    let all = steps(&making).map_err(|error| advised(&error))?;
    let said = |error: io::Error| format!("its log cannot be written: {error}");
    let from = if wheels.is_dir() { ", from the wheels of the app" } else { "" };
    let what = plan.recipe.source.shown();
    log.note(&format!("lp: building {what} with Python {} by {}{from}", plan.python, tool.as_str()))
        .await
        .map_err(said)?;
    for step in &all {
        log.note(&format!("lp: {}", step.what)).await.map_err(said)?;
        let status = run(site, step, &place.dir, log).await.map_err(|error| {
            format!("`{}` cannot be started to {}: {error}", step.program.display(), step.what)
        })?;
        if !status.success() {
            return Err(format!("{} could not {}: it {}", tool.as_str(), step.what, ended(status)));
        }
    }
    check_python(&dest, Some(&plan.python)).map_err(|error| advised(&error))
}

/// Runs one program to its end. Dropping the future kills it with all of its group.
async fn run(site: &BuildSite, step: &Step, dir: &Path, log: &mut Log) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let mut pipe = Receiver::from_owned_fd(reader.into())?;
    let mut command = Command::new(&step.program);
    command
        .args(&step.arguments)
        .env_clear()
        .envs(site.environ(dir))
        .envs(step.environ.iter().map(|(name, value)| (name, value)))
        .current_dir(&step.directory)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    let mut group = Group::new(command.spawn()?);
    // it holds the pipe's ends for writing
    drop(command);
    let status = {
        let talking = log.take(&mut pipe);
        tokio::pin!(talking);
        let mut silent = false;
        loop {
            tokio::select! {
                talked = &mut talking, if !silent => {
                    talked?;
                    silent = true;
                }
                status = group.child.wait() => break status?,
            }
        }
    };
    // those that it has left behind end with it; what they have said so far is read
    group.kill();
    log.take_rest(&mut pipe).await?;
    Ok(status)
}

/// A process and its group, which end with the value.
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    fn new(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { child, id }
    }

    fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            // fails where nobody is left in the group
            let _ = killpg(id, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

fn advised(error: &lp_package::venv::RecipeError) -> String {
    match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    }
}

/// What people read of a failed build.
fn sentence(plan: &Plan, error: &str, log: &Path) -> String {
    let log = build_log(log).unwrap_or_default();
    let words = last_words(&log);
    let hint = if error.contains(MAKE_THE_VENV) && !log.contains("Creating virtual environment") {
        format!(
            "; this node has no Python {0}, and uv could not fetch one: install python{0} on it",
            plan.python
        )
    } else if NO_NETWORK.iter().any(|sign| log.contains(sign)) {
        format!(
            "; the package index cannot be reached from this node: give it a network or an index, or put the wheels into `{WHEELS}/` of the app"
        )
    } else {
        String::new()
    };
    let words = if words.is_empty() { words } else { format!("; its last words: {words}") };
    format!("building {} failed: {error}{hint}{words}", plan.recipe.source.shown())
}
