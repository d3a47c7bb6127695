//! Health commands of containers: run inside, as one execution more.
//!
//! The shim that asks for it ends with the command's exit code and output. Its time limit is kept there, because killing a client of the
//! engine does not end what it has started.

use std::time::Duration;

use lp_protocol::docker::WORKSPACE;
use serde::{Deserialize, Serialize};

use super::files::Main;
use super::launch::shim;
use super::names;
use super::prepare::Containers;
use crate::runner::command::{Words, words};
use crate::runner::order::Order;
use crate::supervisor::wire::Spawn;

pub(super) const EXEC: &str = "exec";

/// 2 s more than the limit for the shim to end by itself.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);

/// What is to be run in a container that runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Exec {
    pub(super) host: String,
    pub(super) name: String,
    pub(super) main: Main,
    pub(super) timeout_ms: u64,
}

/// The spawn that runs the order's command in the attempt's container.
///
/// # Errors
/// It cannot be said in words.
pub(crate) fn spawn(containers: &Containers, order: &Order, timeout: Duration) -> Result<Spawn, String> {
    let main = match words(&order.assignment.command, WORKSPACE) {
        Words::Direct(words) => Main::Words(words),
        Words::Shell(script) => Main::Script(script),
    };
    let exec = Exec {
        host: containers.settings.host.clone(),
        name: names::container(&order.assignment.attempt),
        main,
        timeout_ms: timeout.as_millis() as u64,
    };
    let text = serde_json::to_string(&exec).map_err(|error| error.to_string())?;
    shim(&containers.settings, order, &[EXEC, &text], String::new())
}
