//! Pages kept up to date: one stream of server-sent events for each page that is open.
//!
//! The manager's events say only that something has changed. What the page then shows is rendered here, by the templates that made the
//! page, and only the parts that came out differently are sent. A page that follows an attempt's output gets that over the same stream,
//! because browsers allow few connections to one server.

mod diff;
mod log;
mod sse;
mod stream;
mod view;

pub(crate) use stream::follow;
