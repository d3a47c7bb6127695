//! How programs are kept apart from one another, from the node, and from more than they asked for.
//!
//! Decided once, at the node's start, by the settings and by what the machine allows ([`Isolation::find`]); from then on [`Isolation::confinement`] says for each
//! attempt what the supervisor has to do. [`users`] is whom programs run as, [`reach`] what such a user can get at, [`facts`] the sentences the
//! node tells about it. Why it is so: ADR 16 and 17.

mod facts;
mod reach;
mod users;

use std::path::{Path, PathBuf};

use lp_protocol::plan::Resources;

pub(crate) use reach::is_open_to_all;
pub use users::RunAs;
pub(crate) use users::Users;

use crate::cgroups::{Cgroups, Limits};
use crate::config::{Config, Separation};
use crate::data::Layout;
use crate::runner::environ::Base;
use crate::supervisor::confinement::view::{Kind, View, shared};
use crate::supervisor::confinement::{Confinement, has_landlock};
use crate::supervisor::enter;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("run programs as `{run_as}`: there is no such user on this machine")]
    NoUser { run_as: String },
    #[error(
        "run programs as `{run_as}`: only a node that is root can; leave run_as out, or start the node as that user"
    )]
    NotRoot { run_as: String },
    #[error("run programs as `{run_as}`: they could not reach `{}` ({reason}); open that directory to them or choose another data_path", path.display())]
    Unreachable { run_as: String, path: PathBuf, reason: String },
}

/// What is in force on this node.
#[derive(Clone, Debug)]
pub(crate) struct Isolation {
    pub(crate) users: Users,
    /// Of programs that run as another user.
    view: Option<View>,
    /// Each program of the node's own user gets a view of its own.
    own_view: Result<(), String>,
    landlock: bool,
    cgroups: Cgroups,
    max_processes: u64,
    root: PathBuf,
    cache: PathBuf,
}

impl Isolation {
    /// Finds the best this machine allows within the settings.
    ///
    /// # Errors
    /// The settings name a user programs cannot run as.
    pub(crate) fn find(
        config: &Config,
        layout: &Layout,
        node_id: &str,
        supervisor: &Path,
    ) -> Result<Self, Error> {
        let cgroups = Cgroups::find(node_id);
        let mut users = Users::find(config.run_as.as_ref())?;
        let mut view = None;
        if let Some(sample) = users.sample() {
            let wanted = View {
                kind: Kind::Shared,
                cover: reach::first_closed(layout.root(), &sample),
                shown: vec![layout.cache(), layout.workspaces()],
            };
            match shared(&wanted) {
                Ok(_) => view = Some(wanted),
                Err(error) => match (&config.run_as, reach::open_up(layout, &sample)) {
                    (_, Ok(())) => {}
                    (Some(run_as), Err(path)) => {
                        let run_as = run_as.to_string();
                        return Err(Error::Unreachable { run_as, path, reason: error.to_string() });
                    }
                    (None, Err(path)) => {
                        let path = path.display();
                        users = Users::Own {
                            why: format!(
                                "other users cannot reach `{path}`, and no view can be made: {error}"
                            ),
                        };
                    }
                },
            }
        }
        let separate = config.isolation == Separation::Auto;
        let own_view = match (&users, separate) {
            (_, false) => Err("isolation is off".to_owned()),
            (Users::Own { .. }, true) if nix::unistd::geteuid().is_root() => {
                Err("the node is root, and root gets out of any view".to_owned())
            }
            (Users::Own { .. }, true) => try_own_view(layout, supervisor),
            (Users::Named { .. } | Users::Range { .. }, true) => Err(String::new()),
        };
        Ok(Self {
            landlock: separate && users.is_own() && !nix::unistd::geteuid().is_root() && has_landlock(),
            users,
            view,
            own_view,
            cgroups,
            max_processes: config.max_processes,
            root: layout.root().to_owned(),
            cache: layout.cache(),
        })
    }

    /// What the supervisor has to do for a program with this workspace, run by `uid` where the users are a range.
    pub(crate) fn confinement(
        &self,
        name: &str,
        uid: Option<u32>,
        workspace: &Path,
        wants: &Resources,
    ) -> Confinement {
        let user = self.users.identity(uid);
        let limits = Limits {
            cpu_millis: Some(wants.cpu_millis).filter(|millis| *millis > 0),
            memory_bytes: Some(wants.memory_bytes).filter(|bytes| *bytes > 0),
            processes: self.max_processes,
        };
        let unkept = limits.memory_bytes.filter(|_| !self.cgroups.keeps_memory());
        let view = match &user {
            Some(_) => self.view.clone(),
            None => self.own_view.is_ok().then(|| self.own_view_of(workspace)),
        };
        Confinement {
            max_processes: user.as_ref().map(|_| self.max_processes),
            // an administrator who names a user may have given it sudo
            no_new_privileges: matches!(self.users, Users::Range { .. }),
            user,
            view,
            scoped: self.landlock,
            group: self.cgroups.group(name, limits),
            watched_memory_bytes: unkept,
        }
    }

    fn own_view_of(&self, workspace: &Path) -> View {
        View {
            kind: Kind::Own,
            cover: self.root.clone(),
            shown: vec![self.cache.clone(), workspace.to_owned()],
        }
    }

    /// The environment of programs of these users, out of the node's own.
    pub(crate) fn adapt(&self, base: Base) -> Base {
        let Some(user) = self.users.sample() else { return base };
        let path = reach::reachable(base.path(), &user);
        match &self.users {
            Users::Named { name, home, .. } => base.with_user(&path, name.as_deref(), home.as_deref()),
            Users::Own { .. } | Users::Range { .. } => base.with_user(&path, None, None),
        }
    }

    pub(crate) fn cgroups(&self) -> &Cgroups {
        &self.cgroups
    }
}

/// Asks the kernel whether a program of this user can have a view of its own: it may refuse that to those who are not root.
fn try_own_view(layout: &Layout, supervisor: &Path) -> Result<(), String> {
    let shown = vec![layout.cache(), layout.workspaces()];
    let view = View { kind: Kind::Own, cover: layout.root().to_owned(), shown };
    enter::attempt(supervisor, Confinement { view: Some(view), ..Confinement::default() })
        .map_err(|error| format!("this machine does not let its users make namespaces: {error}"))
}
