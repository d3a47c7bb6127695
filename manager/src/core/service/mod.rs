//! Services: applications that are kept running.
//!
//! `machine` keeps one task of each and starts the next after its end, `edit` is what people do with services.

mod edit;
mod machine;
pub mod record;

#[cfg(test)]
mod sanity;

pub use edit::{ServiceEdit, ServiceRefusal};
pub use machine::KEPT;
pub(super) use machine::Services;
