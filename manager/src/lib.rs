//! The manager: stores packages, owns all state, decides, dispatches.

pub mod core;
pub mod engine;
pub mod store;
