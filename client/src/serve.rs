//! The parts themselves: `lp up`, `lp manager`, `lp node`, `lp viewer`, and what a node starts: the supervisor, the shims of containers.

mod args;
mod demo;
mod notify;
mod parts;
mod running;
mod settings;
mod units;
mod up;

pub(crate) use self::args::{Contain, ManagerPart, NodePart, Supervise, Up, ViewerPart};
pub(crate) use self::parts::{contain, manager, node, supervise, viewer};
pub(crate) use self::up::up;
