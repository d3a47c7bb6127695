//! The viewer as a browser sees it: a real server on a free port, over a manager that answers what the test says.

mod browser;
mod deeds;
mod fake;
mod live;
mod login;
mod many;
mod pieces;
mod places;
mod rows;
mod safety;
mod task;
mod task_views;
mod tokens;
mod world;
mod xss;
