//! Packages that come in pieces, over several connections and several lives of this process.
//!
//! It promises: a piece that was acknowledged is on the disk, whatever happens to the process afterwards; pieces join without gap or overlap, for each says
//! where it begins and a wrong place is refused; one piece at a time is written, the latest to come, so that a connection that hangs does not keep its own
//! client out; number and size of what is open are bounded, and what is abandoned goes.
//!
//! There are no rows. An upload is two files: `ID.part`, whose length says how far it is, and `ID.json`, what was announced. What is kept in memory, an open
//! file with the sums of what was written to it, is only there to save reading it again: after a restart the first piece sums what is there
//! anew. At the end the file goes the way of every other package.

mod append;
mod disk;
mod room;
mod uploads;

#[cfg(test)]
mod tests;

pub use append::Append;
pub use uploads::Standing;

pub(super) use disk::Disk;
pub(super) use uploads::Table;
