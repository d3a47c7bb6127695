//! What the state machine wants done. It decides; [`super::Runner`] does, after the journal has it.

use std::sync::Arc;

use lp_protocol::AttemptKey;
use serde_json::value::RawValue;

use super::given::Given;
use super::health::Watch;
use super::launch::{Launch, Prepared};
use super::order::Order;
use crate::docker::files::End;
use crate::supervisor::wire::{Ended, Request};

#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) jobs: Vec<Job>,
    /// For the supervisor, in order.
    pub(crate) requests: Vec<Request>,
    /// Packages to fetch.
    pub(crate) prepare: Vec<Arc<Order>>,
    /// Programs whose health is to be watched from now on.
    pub(crate) watch: Vec<Watch>,
    /// Programs that were started or adopted.
    pub(crate) started: Vec<Arc<Order>>,
    /// Workspaces to move to the trash.
    pub(crate) trash: Vec<AttemptKey>,
    /// Containers whose end is written down.
    pub(crate) ended_containers: Vec<AttemptKey>,
    /// Somebody's container may have been left behind.
    pub(crate) sweep_containers: bool,
    /// Logs to send to the manager.
    pub(crate) ship: bool,
    /// Something for the link to send.
    pub(crate) link: bool,
    /// The next deadline has changed.
    pub(crate) timer: bool,
}

/// Work with files, done outside of the lock.
#[derive(Debug)]
pub(crate) enum Job {
    Launch(Launch),
    /// The system refused the spawn.
    Explain {
        order: Arc<Order>,
        prepared: Arc<Prepared>,
        given: Given,
        errno: i32,
    },
    /// No program runs in its workspace any more and nothing of it is read: its user may be given to another task.
    Close {
        order: Arc<Order>,
    },
    Conclude {
        order: Arc<Order>,
        given: Given,
        ended: Ended,
        reading: Reading,
    },
}

/// Whether the end says that `output.data` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Output,
    LogOnly,
}

/// What a concluded attempt left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) output: Result<Option<Box<RawValue>>, String>,
    pub(crate) log: super::conclude::Log,
    /// What the shim of a container says.
    pub(crate) container: Option<End>,
}

impl Effects {
    pub(crate) fn append(&mut self, mut other: Effects) {
        self.jobs.append(&mut other.jobs);
        self.requests.append(&mut other.requests);
        self.prepare.append(&mut other.prepare);
        self.watch.append(&mut other.watch);
        self.started.append(&mut other.started);
        self.trash.append(&mut other.trash);
        self.ended_containers.append(&mut other.ended_containers);
        self.sweep_containers |= other.sweep_containers;
        self.ship |= other.ship;
        self.link |= other.link;
        self.timer |= other.timer;
    }

    /// An attempt goes without a look at how its program ended.
    pub(crate) fn let_go(&mut self, order: &Order) {
        self.sweep_containers |= order.assignment.docker.is_some();
    }
}
