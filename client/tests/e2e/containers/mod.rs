//! Actions in containers, on a real engine.

mod engine;
mod ends;
mod rights;
mod runs;
