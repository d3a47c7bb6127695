//! The viewer in a real headless Chromium, over a real cluster: what a person does, what a stranger tries, what everybody can use.
//!
//! Each test has a cluster and a browser of its own and ends with both. They fail where the console shows an error or a request leaves the
//! host.

mod accessibility;
mod browser;
#[path = "../common/mod.rs"]
mod common;
mod driver;
mod large;
mod pages;
mod screenshots;
mod seeded;
mod uploads;
mod walk;
mod world;
mod xss;
