//! Actions in containers, on a real engine.

mod ends;
mod engine;
mod rights;
mod runs;
