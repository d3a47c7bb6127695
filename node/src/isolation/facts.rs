//! What is in force, in sentences.

use lp_protocol::isolation::Isolation as Sentences;

use super::{Isolation, Users};
use crate::cgroups::Cgroups;

impl Isolation {
    /// For `lp node info`: what is in force and, where it is not the best there is, why.
    pub(crate) fn sentences(&self) -> Sentences {
        Sentences { user: self.user(), files: self.files(), kernel: self.kernel(), limits: self.limits() }
    }

    fn user(&self) -> String {
        match &self.users {
            Users::Own { why } => format!("programs run as the node's own user: {why}"),
            Users::Named { identity, name, .. } => {
                let name = name.as_deref().map(|name| format!("{name}, ")).unwrap_or_default();
                format!("all programs run as one user ({name}uid {})", identity.uid)
            }
            Users::Range { first, count } => {
                format!("each task has a user of its own (uid {} to {})", first + 1, first + count - 1)
            }
        }
    }

    fn files(&self) -> String {
        match (&self.users, &self.own_view, &self.view) {
            (Users::Own { .. }, Ok(()), _) => {
                "a program sees of the node's data its own workspace and the unpacked packages (mount namespace)".to_owned()
            }
            (Users::Own { .. }, Err(why), _) => {
                format!("not kept apart: programs can read what the node can: {why}")
            }
            (Users::Named { .. }, _, _) => {
                "the node's data is closed to programs, but they can read each other's workspaces: they are one user".to_owned()
            }
            (Users::Range { .. }, _, Some(_)) => {
                "the node's data and the workspaces of other tasks are closed to programs (users, mount namespace)".to_owned()
            }
            (Users::Range { .. }, _, None) => {
                "the node's data and the workspaces of other tasks are closed to programs (users)".to_owned()
            }
        }
    }

    fn kernel(&self) -> String {
        match (&self.users, self.landlock) {
            (Users::Range { .. }, _) => {
                "programs cannot become other users, nor signal or trace those of other tasks".to_owned()
            }
            (Users::Named { .. }, _) => {
                "programs cannot signal or trace the node; those of other tasks they can".to_owned()
            }
            (Users::Own { .. }, true) => {
                "programs cannot signal or trace the node or those of other attempts (Landlock)".to_owned()
            }
            (Users::Own { .. }, false) if self.own_view == Err("isolation is off".to_owned()) => {
                "programs can signal the node: isolation is off".to_owned()
            }
            (Users::Own { .. }, false) => {
                "programs can signal the node: this kernel has no Landlock that keeps them from it (Linux 6.12)".to_owned()
            }
        }
    }

    fn limits(&self) -> String {
        let processes = match &self.users {
            Users::Own { .. } => "processes are not limited without a cgroup".to_owned(),
            Users::Named { .. } => format!("{} processes of all programs together", self.max_processes),
            Users::Range { .. } => format!("{} processes for each task", self.max_processes),
        };
        let (version, memory, cpus) = match &self.cgroups {
            Cgroups::V2 { .. } => ("cgroup v2", self.cgroups.keeps_memory(), self.cgroups.keeps_cpus()),
            Cgroups::V1 { .. } => ("cgroup v1", self.cgroups.keeps_memory(), self.cgroups.keeps_cpus()),
            Cgroups::None { why } => {
                return format!(
                    "memory is watched and killed when it is too much, cpus are only counted, {processes}; no cgroups: {why}"
                );
            }
        };
        let memory = if memory { "memory" } else { "memory (watched: no memory controller)" };
        let cpus = if cpus { "cpus" } else { "cpus (only counted: no cpu controller)" };
        format!("{memory} and {cpus} by {version} for actions that ask for them, {processes}")
    }
}
