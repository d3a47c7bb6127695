//! The parts themselves: `lp up`, `lp manager`, `lp node`, `lp viewer`, and the supervisor a node starts.

mod args;
mod demo;
mod notify;
mod parts;
mod running;
mod settings;
mod units;
mod up;

pub(crate) use self::args::{ManagerPart, NodePart, Supervise, Up, ViewerPart};
pub(crate) use self::parts::{manager, node, supervise, viewer};
pub(crate) use self::up::up;
