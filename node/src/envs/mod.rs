//! Environments built from locks: asked for by key, built here when the manager says so, fetched like any package when they are there.
//!
//! A build is a part of preparing an attempt. It works in a directory of its own beside the cache (`.build-*`), in a process group of its
//! own, and what it makes becomes an environment only by way of the pack that is uploaded and then unpacked like everybody else's; killed at
//! any moment it leaves nothing that is used. It ends when nobody on this node waits for it any more. What packages have run while they are
//! installed is confined as programs of actions are ([`guard`]).

mod build;
mod desk;
mod guard;
mod log;
mod pack;
mod python;
mod site;
mod steps;
mod tell;
mod work;

pub(crate) use build::BUILD_PREFIX;
pub(crate) use desk::Envs;
pub(crate) use guard::Guard;
pub(crate) use log::build_log;
pub(crate) use site::{BuildSite, end_orphans};
pub(crate) use steps::Steps;
