//! Environments as files: what they are, how they stop naming the place they were made at, and which commands make one.
//!
//! Only files are touched here and no program is started: the client packs with this, the manager judges archives with it and nodes make
//! fetched environments usable with it.
//!
//! * [`form`]: what kind of environment a directory is, and where in an unpacked archive it begins.
//! * [`relocate`](mod@relocate): scripts, `activate` and `pyvenv.cfg` no longer name the place where the environment was made.
//! * [`conda`]: what `conda-unpack` does, without running it.
//! * [`pixi`]: what `pixi-unpack` does, without running it.
//! * [`prune`](mod@prune): what a pack need not carry.
//! * [`recipe`]: from `uv.lock`, `requirements.txt` or a list of packages to the command lines of uv, or of venv and pip.
//! * [`inspect`](mod@inspect): what is wrong with an environment before it is run anywhere.

mod activate;
pub mod conda;
pub mod config;
pub mod elf;
mod findings;
pub mod form;
pub mod inspect;
pub mod pixi;
mod prefix;
pub mod prune;
pub mod recipe;
pub mod relocate;
pub mod script;

pub use config::Config;
pub use form::Form;
pub use inspect::{Finding, Inspection, Inspector, inspect_archive};
pub use prune::prune;
pub use recipe::{Recipe, RecipeError, Step, Tool};
pub use relocate::{Relocated, relocate};
