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
use crate::supervisor::confinement::view::{Kind, View};
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
    #[error("run programs as `{run_as}`: {reason}")]
    Refused { run_as: String, reason: String },
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
    /// What a view of its own covers: the data directory, or more around it.
    cover: PathBuf,
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
        let users = Users::find(config.run_as.as_ref())?;
        let (users, view) = settle(users, config.run_as.as_ref(), layout, supervisor)?;
        let wider = config.private_path.as_ref().and_then(|path| path.canonicalize().ok());
        let cover = wider.filter(|path| layout.root().starts_with(path)).unwrap_or(layout.root().to_owned());
        let separate = config.isolation == Separation::Auto;
        let own_view = match (&users, separate) {
            (_, false) => Err("isolation is off".to_owned()),
            (Users::Own { .. }, true) if nix::unistd::geteuid().is_root() => {
                Err("the node is root, and root gets out of any view".to_owned())
            }
            (Users::Own { .. }, true) => try_own_view(layout, &cover, supervisor),
            (Users::Named { .. } | Users::Range { .. }, true) => Err(String::new()),
        };
        Ok(Self {
            landlock: separate && users.is_own() && !nix::unistd::geteuid().is_root() && has_landlock(),
            users,
            view,
            own_view,
            cgroups,
            max_processes: config.max_processes,
            cover,
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
            max_data_bytes: unkept.map(most_data),
            watched_memory_bytes: unkept,
        }
    }

    fn own_view_of(&self, workspace: &Path) -> View {
        View {
            kind: Kind::Own,
            cover: self.cover.clone(),
            shown: vec![self.cache.clone(), workspace.to_owned()],
            // the packages are the user's, and all tasks run them
            read_only: 1,
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

/// The users and their view, as far as the machine really lets the node have them: inside of a container root may have few rights and few users.
fn settle(
    users: Users,
    run_as: Option<&RunAs>,
    layout: &Layout,
    supervisor: &Path,
) -> Result<(Users, Option<View>), Error> {
    let Some(sample) = users.sample() else { return Ok((users, None)) };
    let cover = reach::first_closed(layout.root(), &sample);
    let shown = vec![layout.cache(), layout.workspaces()];
    let view = View { kind: Kind::Shared, cover: cover.clone(), shown, read_only: 1 };
    let attempt = |view: Option<View>| {
        let user = Some(sample.clone());
        enter::attempt(supervisor, Confinement { user, view, ..Confinement::default() })
    };
    let Err(refused) = attempt(Some(view.clone())) else { return Ok((users, Some(view))) };
    let reason = if cover != layout.root() {
        format!(
            "`{}` is closed to them, and the machine makes no view without it ({refused})",
            cover.display()
        )
    } else {
        let without = attempt(None).and_then(|()| reach::open_up(layout).map_err(|error| error.to_string()));
        match without {
            Ok(()) => return Ok((users, None)),
            Err(reason) => format!("the machine does not let the node ({reason})"),
        }
    };
    match run_as {
        Some(run_as) => Err(Error::Refused { run_as: run_as.to_string(), reason }),
        None => Ok((Users::Own { why: format!("other users could not be used: {reason}") }, None)),
    }
}

/// Four times the limit, and a gibibyte above it at least: programs reserve what they never use, and only what they use is to count. It bounds what one
/// process can take between two looks at it.
fn most_data(limit_bytes: u64) -> u64 {
    limit_bytes.saturating_mul(4).max(limit_bytes.saturating_add(1 << 30))
}

/// Asks the kernel whether a program of this user can have a view of its own: it may refuse that to those who are not root.
fn try_own_view(layout: &Layout, cover: &Path, supervisor: &Path) -> Result<(), String> {
    let shown = vec![layout.cache(), layout.workspaces()];
    let view = View { kind: Kind::Own, cover: cover.to_owned(), shown, read_only: 1 };
    enter::attempt(supervisor, Confinement { view: Some(view), ..Confinement::default() })
        .map_err(|error| format!("this machine does not let its users make namespaces: {error}"))
}
