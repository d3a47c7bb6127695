//! Workspaces: they stay on their nodes, and everything about them is asked of those.

mod files;
mod kept;
mod list;

pub(crate) use files::*;
pub(crate) use kept::Kept;
pub(crate) use list::*;
