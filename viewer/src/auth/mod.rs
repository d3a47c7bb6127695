//! Who may see pages: sessions, one-time login links, by which names the viewer may be called, and from where forms may come.

mod hosts;
mod limiter;
mod links;
mod origin;
mod secret;
mod sessions;

pub(crate) use hosts::Hosts;
pub(crate) use limiter::Limiter;
pub use links::LoginLinks;
pub(crate) use origin::{Origin, origin_of};
pub(crate) use secret::{random_secret, same};
pub(crate) use sessions::{Holder, MAX_AGE as MAX_SESSION_AGE, Session, Sessions};
