//! The viewer: HTML pages over the manager's API.
//!
//! A client of the manager like any other: it keeps no state but who is signed in, and decides nothing. Pages are rendered here and work
//! without scripts; a small script of ours keeps what is shown up to date. See [`run`].

#![warn(clippy::unwrap_used)]

mod access;
mod assets;
mod auth;
pub mod config;
mod failure;
mod frame;
mod graph;
mod guard;
mod live;
mod nav;
mod pages;
mod parts;
mod places;
mod routes;
mod server;
mod state;

pub use auth::LoginLinks;
pub use config::Config;
pub use server::{Error, Ready, run};
