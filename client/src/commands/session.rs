//! What a command works with: its output, and a client of the manager it was pointed to.

use std::sync::OnceLock;

use lp_protocol::client::ManagerClient;
use serde::Serialize;

use crate::cli::Global;
use crate::context::{self, Target};
use crate::failure::Failure;
use crate::output::{Output, Row};

pub(crate) struct Session {
    pub(crate) out: Output,
    global: Global,
    target: OnceLock<Target>,
}

impl Session {
    pub(crate) fn new(global: Global) -> Self {
        Self { out: Output::new(&global), global, target: OnceLock::new() }
    }

    /// A client of the manager the command line, the environment or a context names.
    pub(crate) fn client(&self) -> Result<ManagerClient, Failure> {
        let target = match self.target.get() {
            Some(target) => target,
            None => {
                let found = context::find(&self.global, context::config_dir().as_deref())?;
                self.out.detail(&format!("manager {} (from {})", found.manager, found.origin));
                self.target.get_or_init(|| found)
            }
        };
        Ok(ManagerClient::new(&target.manager, &target.token)?)
    }

    /// Where the manager's address was found.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.target.get().map(|target| target.origin.as_str())
    }

    /// Does it to each of the things and prints what they are then.
    pub(crate) async fn print_each<R: Row + Serialize>(
        &self,
        things: &[String],
        mut act: impl AsyncFnMut(&str) -> Result<R, Failure>,
    ) -> Result<(), Failure> {
        let mut rows = self.out.list();
        let result = self.each(things, async |thing| rows.push(&act(thing).await?)).await;
        rows.finish_some(result)
    }

    /// Runs `act` on each of the things; all are tried, each failure is told as it comes.
    pub(crate) async fn each(
        &self,
        things: &[String],
        mut act: impl AsyncFnMut(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let [only] = things {
            return act(only).await;
        }
        let mut first = None;
        for thing in things {
            if let Err(failure) = act(thing).await {
                self.out.failure(&failure, self.origin());
                first.get_or_insert(failure.exit_code());
            }
        }
        first.map_or(Ok(()), |code| Err(Failure::Told(code)))
    }
}
