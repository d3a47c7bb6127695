//! The real `lp` against a manager that answers as each test wants: requests, output, exit codes.

mod errors;
#[path = "../../../protocol/src/client/fake.rs"]
mod fake;
mod fixture;
mod formats;
mod logs;
mod packages;
mod tasks;
mod versions;
