//! Rows as they lie in the tables, one file per table, each with its conversion from and to what the rest of the manager uses.

pub(super) mod attempt;
pub(super) mod build;
pub(super) mod columns;
pub(super) mod node;
pub(super) mod package;
pub(super) mod schedule;
pub(super) mod service;
pub(super) mod task;
pub(super) mod token;
pub(super) mod version;
pub(super) mod work;
