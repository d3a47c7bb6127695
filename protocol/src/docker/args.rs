//! All arguments together.

use serde_json::{Map, Value};

use super::limits::{self, Limits};
use super::mounts::{self, Mounts};
use super::names;
use super::net::{self, Net};
use super::process::{self, Process};
use super::reader::{ArgError, Reader};
use super::rights::{self, DeviceRequest, Rights};

/// What `docker.args` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    pub limits: Limits,
    pub process: Process,
    pub net: Net,
    pub mounts: Mounts,
    pub rights: Rights,
}

impl Args {
    /// Reads arguments as they were written.
    ///
    /// # Errors
    /// The first one that is unknown, is not an action's to give, or has a value that docker-py would not take.
    pub fn parse(args: &Map<String, Value>) -> Result<Self, ArgError> {
        names::check(args)?;
        let reader = Reader { args };
        Ok(Self {
            limits: limits::read(&reader)?,
            process: process::read(&reader)?,
            net: net::read(&reader)?,
            mounts: mounts::read(&reader)?,
            rights: rights::read(&reader)?,
        })
    }

    /// How many GPUs are asked for by number.
    pub fn counted_gpus(&self) -> u64 {
        self.rights.device_requests.iter().filter_map(DeviceRequest::counted_gpus).sum()
    }
}
