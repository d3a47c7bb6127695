//! A confinement made ready, and taken on.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use landlock::{CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated, Scope};
use nix::sched::{CloneFlags, setns};
use nix::sys::resource::{Resource, setrlimit};
use rustix::fs::Gid;
use rustix::process::Uid;

use super::view::{self, Kind, Plan, View};
use super::{Confinement, Identity};
use crate::sync::lock;

/// 4 namespaces are kept: a node has one view, another one after its settings have changed.
const MAX_SHARED: usize = 4;

/// What confinements have in common, made at the first that needs it.
#[derive(Default)]
pub(crate) struct Common {
    views: Mutex<HashMap<View, Arc<File>>>,
    rules: Mutex<Option<Arc<RulesetCreated>>>,
}

/// What a new process does before it becomes the program.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    doors: Vec<File>,
    /// A namespace that stands, or one to be made.
    shared: Option<Arc<File>>,
    own: Option<Plan>,
    max_processes: Option<u64>,
    max_data_bytes: Option<u64>,
    user: Option<(Uid, Gid, Vec<Gid>)>,
    no_new_privileges: bool,
    rules: Option<Arc<RulesetCreated>>,
}

impl Common {
    /// Makes a confinement ready; `doors` lead into its group.
    ///
    /// # Errors
    /// The system does not have it so.
    pub(crate) fn steps(&self, confinement: &Confinement, doors: Vec<File>) -> io::Result<Steps> {
        let Confinement { user, view, no_new_privileges, scoped, max_processes, max_data_bytes, .. } =
            confinement;
        let (max_processes, max_data_bytes) = (*max_processes, *max_data_bytes);
        let mut steps = Steps { doors, max_processes, max_data_bytes, ..Steps::default() };
        match view {
            Some(view) if view.kind == Kind::Shared => steps.shared = Some(self.view(view)?),
            Some(view) => steps.own = Some(view.plan()?),
            None => {}
        }
        steps.user = user.as_ref().map(|Identity { uid, gid, groups }| {
            let groups = groups.iter().map(|group| Gid::from_raw(*group)).collect();
            (Uid::from_raw(*uid), Gid::from_raw(*gid), groups)
        });
        steps.no_new_privileges = *no_new_privileges || *scoped;
        if *scoped {
            steps.rules = Some(self.rules()?);
        }
        Ok(steps)
    }

    fn view(&self, view: &View) -> io::Result<Arc<File>> {
        let mut views = lock(&self.views);
        if let Some(known) = views.get(view) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(view::shared(view)?);
        if views.len() >= MAX_SHARED {
            views.clear();
        }
        views.insert(view.clone(), Arc::clone(&made));
        Ok(made)
    }

    fn rules(&self) -> io::Result<Arc<RulesetCreated>> {
        let mut rules = lock(&self.rules);
        if let Some(known) = &*rules {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make_rules()?);
        *rules = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// Files are left alone: which of them a program sees is the view's business, and Landlock can only list what is allowed, which beside
/// a data directory would be the whole machine as it was when the program started.
fn make_rules() -> io::Result<RulesetCreated> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .scope(Scope::Signal)
        .and_then(Ruleset::create)
        .map_err(io::Error::other)
}

/// True where the kernel can keep programs from signalling and tracing others (Landlock since Linux 6.12).
pub(crate) fn has_landlock() -> bool {
    make_rules().is_ok()
}

impl Steps {
    /// Takes the confinement on, for good. Called in the new process: makes system calls only and takes no memory.
    ///
    /// # Errors
    /// The system refuses; the program must not be started.
    pub(crate) fn take(&self) -> io::Result<()> {
        for door in &self.doors {
            nix::unistd::write(door.as_fd(), b"0")?;
        }
        if let Some(namespace) = &self.shared {
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNS)?;
        }
        if let Some(plan) = &self.own {
            plan.enter_new()?;
        }
        if let Some(most) = self.max_processes {
            setrlimit(Resource::RLIMIT_NPROC, most, most)?;
        }
        if let Some(most) = self.max_data_bytes {
            setrlimit(Resource::RLIMIT_DATA, most, most)?;
        }
        if let Some((uid, gid, groups)) = &self.user {
            // the kernel's calls for one thread: those of the C library would reach for the other threads of the supervisor, whose memory a new process shares
            rustix::thread::set_thread_groups(groups)?;
            rustix::thread::set_thread_res_gid(*gid, *gid, *gid)?;
            rustix::thread::set_thread_res_uid(*uid, *uid, *uid)?;
        }
        if self.no_new_privileges {
            rustix::thread::set_no_new_privs(true)?;
        }
        if let Some(rules) = &self.rules {
            let rules = rules.try_clone()?;
            rules
                .restrict_self()
                .map_err(|_| io::Error::from_raw_os_error(nix::errno::Errno::EPERM as i32))?;
        }
        Ok(())
    }
}
