//! The node plane: what only nodes call, each with its own credential.

mod builds;
mod join;
mod link;
mod logs;
mod packages;
mod streams;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use lp_protocol::NodeId;

use super::failure::Failure;
use crate::auth::{Kind, Principal, Refusal};

pub(crate) use builds::*;
pub(crate) use join::*;
pub(crate) use link::*;
pub(crate) use logs::*;
pub(crate) use packages::*;
pub(crate) use streams::*;

/// The node that is calling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub(crate) NodeId);

impl FromRequest for Caller {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.extensions().get::<Principal>() {
            Some(Principal::Node { node_id }) => Ok(Self(*node_id)),
            Some(Principal::Token { .. } | Principal::Joiner) | None => {
                Err(Refusal::Missing { wanted: Kind::Node }.into())
            }
        })
    }
}
