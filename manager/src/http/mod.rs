//! HTTP: the routes of `/api/v1` and of the node plane. The only module that knows the HTTP library.
//!
//! `routes` is the table of all routes; `guard` is what each request passes first; `input`, `failure` and `download` are how requests are read
//! and answers are written; the rest is one module per noun.

mod access;
mod activity;
mod apps;
mod attempts;
mod blobs;
mod builds;
mod catalogue;
mod cluster;
mod doctor;
mod download;
mod events;
mod failure;
mod forward;
mod gc;
mod guard;
mod hosts;
mod input;
mod join_tokens;
mod lasting;
mod locks;
mod logs;
mod metrics;
mod names;
mod node;
mod node_control;
mod nodes;
mod openapi;
mod packages;
mod routes;
mod schedules;
mod server;
mod services;
mod state;
mod tasks;
mod tokens;
mod uploads;
mod venvs;
mod versions;
mod whoami;
mod workflows;
mod works;
mod workspaces;

pub(crate) use catalogue::Catalogue;
pub(crate) use forward::Forwarder;
pub(crate) use hosts::Hosts;
pub(crate) use metrics::Metrics;
pub(crate) use server::{bind, start};
pub(crate) use state::State;
pub(crate) use workspaces::Kept;
