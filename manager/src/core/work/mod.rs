//! Works: runs of workflows. Each application of the work becomes a task once those it waits for have succeeded.
//!
//! A work's state is a function of its row, its copy of the workflow and the tasks it has made (`Work::restore`); the live
//! machine (`progress`) comes to the same states step by step, as it is with tasks and attempts. There are therefore no rows for the
//! applications of a work, and a crash cannot leave one that contradicts its task. The core holds which task stands for which
//! application and how it ended; inputs and results stay in the store, and the engine puts them together ([`DerivedInput`]).

mod control;
mod input;
mod machine;
mod progress;
mod record;
mod restore;
mod why;

pub use control::{FinishedWork, NewWorkRequest, WorkRefusal};
pub use input::{DerivedInput, Entry, InputFrom, ResultOf};
#[cfg(test)]
pub(super) use machine::Node;
pub(super) use machine::Work;
pub use machine::task_id;
pub use record::{NewWork, OpenWork, WorkApp, WorkPlan, WorkRecord, WorkSource, WorkTask};
pub use restore::{ApplicationState, states};
