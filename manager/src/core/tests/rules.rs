//! Rules of the core, one by one.
