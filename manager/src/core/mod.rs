//! The core: a deterministic, synchronous state machine without I/O, clock or randomness. See DESIGN in ARCHITECTURE.md.

pub mod record;
