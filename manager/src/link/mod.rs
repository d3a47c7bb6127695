//! The link: what the manager and its connected nodes say to each other.
//!
//! `session` is the life of one connection, from hello to close; `decode` turns messages into frames; `streams` pairs somebody who wants bytes
//! with the node that sends them; `packages` is what nodes tell of their caches. Nothing here knows of sockets: messages come and go through channels, and `http` pumps them.
//!
//! A connection belongs to the engine, which holds the only strong sender of frames; when it drops that, the connection is closed.

mod decode;
mod packages;
mod registry;
mod session;
mod streams;
mod unwanted;

pub use registry::Link;
pub use session::{Socket, ToSocket};
pub use streams::{Incoming, NoStream, Unwanted};
