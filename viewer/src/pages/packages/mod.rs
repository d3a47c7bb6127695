//! Applications and venvs: what they have in common is that they are uploaded and have versions, and both have the same pages.
//!
//! `list` all of them, `one` with its `versions` and what differs between two (`diff`), `upload` what is new, `edit` name and
//! description, `doctor` for what is wrong with a venv, `deeds` that are asked about first, `run` an application with input, `bytes` to be downloaded.

pub(crate) mod bytes;
pub(crate) mod deeds;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod edit;
mod form_data;
mod kind;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod run;
pub(crate) mod upload;
pub(crate) mod versions;

pub(crate) use kind::{Kind, Package};
