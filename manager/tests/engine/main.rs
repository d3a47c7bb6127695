//! The engine over a real store, with nodes that speak through its door: what is acknowledged is durable, what fails changes nothing, and
//! everything recovers by itself.

#[path = "../common/db.rs"]
mod db;

mod fixture;
mod leadership;
mod tasks;
mod trouble;
