//! Builds kept apart from the node.
//!
//! A package may run its own code while it is installed, and whoever uploads an application decides which packages are. On a node that is root a
//! build is therefore run by the first of the users of programs, which no task gets; on any other in a view of its own. It can write to its
//! working directory only, and what the node writes beside it (log, pack) is out of its reach.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lp_package::venv::recipe::Step;

use crate::isolation::Isolation;
use crate::supervisor::enter;
use crate::supervisor::wire::Spawn;

/// Runs the tools of builds as users who may do no more than programs of actions.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    isolation: Isolation,
    supervisor: PathBuf,
}

impl Guard {
    pub(crate) fn new(isolation: Isolation, supervisor: PathBuf) -> Self {
        Self { isolation, supervisor }
    }

    /// The directories of a PATH that a build can enter.
    pub(super) fn reachable(&self, path: &str) -> String {
        self.isolation.reachable(path)
    }

    /// Lets a build write to its directory and what is in it.
    pub(super) fn give(&self, work: &Path) -> io::Result<()> {
        let Some(user) = self.isolation.users.identity(None) else { return Ok(()) };
        let inner = std::fs::read_dir(work)?.map(|entry| entry.map(|entry| entry.path()));
        let all = inner.chain([Ok(work.to_owned())]).collect::<io::Result<Vec<_>>>()?;
        all.iter().try_for_each(|path| chown(path, Some(user.uid), Some(user.gid)))
    }

    /// Closes it again, for whoever is left of the build.
    pub(super) fn take_back(&self, work: &Path) -> io::Result<()> {
        if self.isolation.users.identity(None).is_none() {
            return Ok(());
        }
        chown(work, Some(nix::unistd::geteuid().as_raw()), Some(nix::unistd::getegid().as_raw()))?;
        std::fs::set_permissions(work, std::fs::Permissions::from_mode(0o700))
    }

    /// The command that runs a step. Its standard input is taken.
    ///
    /// # Errors
    /// A path that is not UTF-8, or no memory.
    pub(super) fn command(
        &self,
        step: &Step,
        environ: &BTreeMap<OsString, OsString>,
        work: &Path,
        pythons: &Path,
    ) -> io::Result<Command> {
        let confinement = self.isolation.of_build(work, pythons);
        if confinement.is_none() {
            let mut command = Command::new(&step.program);
            command.args(&step.arguments).env_clear().envs(environ).current_dir(&step.directory);
            command.stdin(Stdio::null());
            return Ok(command);
        }
        let mut argv = vec![text(step.program.as_os_str())?];
        for argument in &step.arguments {
            argv.push(text(argument.as_ref())?);
        }
        let env = environ.iter().map(|(name, value)| Ok((text(name)?, text(value)?)));
        let spawn = Spawn {
            program: text(step.program.as_os_str())?,
            argv,
            cwd: text(step.directory.as_os_str())?,
            env: env.collect::<io::Result<_>>()?,
            confinement: confinement.map(Box::new),
            ..Spawn::default()
        };
        enter::command(&self.supervisor, &spawn)
    }
}

fn text(word: &OsStr) -> io::Result<String> {
    let text = word.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is not UTF-8", word.display()))
    })
}
