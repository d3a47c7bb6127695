//! The pieces pages are made of, one template each, used everywhere: a badge looks the same wherever it stands.

mod attention;
mod badge;
mod bytes;
mod empty;
mod json;
mod log_text;
mod node_cards;
mod prose;
mod task_table;
mod text;
mod time;

pub(crate) use attention::Attention;
pub(crate) use badge::{Badge, Look};
pub(crate) use bytes::bytes;
pub(crate) use empty::Empty;
pub(crate) use json::{Json, json};
pub(crate) use log_text::LogText;
pub(crate) use node_cards::NodeCards;
pub(crate) use prose::Prose;
pub(crate) use task_table::{TaskTable, title_of};
pub(crate) use text::{clip, plural, shell_word, url_part, visible};
pub(crate) use time::{Lasting, Moment, clock_attribute, fingerprint};
