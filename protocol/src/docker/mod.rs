//! Containers: which image an action runs in, and what LitePipeline's users say about the container.
//!
//! `docker.args` has docker-py's names and value forms. A plan keeps them as they were written: they are read here once at upload, so that a
//! slip is refused, and once more by the node that runs the action, which takes nobody's word for it and can also be given a plan that an
//! older version has stored.
//!
//! [`spec`] is what a plan holds · [`mod@reference`] the name of an image · [`args`] what is understood of the arguments, by what they are about:
//! [`limits`], [`process`], [`net`], [`mounts`], [`rights`] · `names` what there is and what is refused with which words · `reader` their forms

pub mod args;
pub mod limits;
pub mod mounts;
mod names;
pub mod net;
pub mod process;
mod reader;
pub mod reference;
pub mod rights;
pub mod spec;
#[cfg(test)]
mod tests;

pub use args::Args;
pub use reader::ArgError;
pub use reference::Reference;
pub use spec::{DockerSpec, Pull};

/// Where the unpacked app is in a container; read-only.
pub const APP: &str = "/opt/app";
/// Where the workspace is in a container; what `input.data` and the program's last argument name.
pub const WORKSPACE: &str = "/opt/workspace";
/// Where the venv is in a container.
pub const VENV: &str = "/opt/venv";
