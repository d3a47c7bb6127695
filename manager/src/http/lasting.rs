//! Bodies that go on for as long as somebody reads them (events, followed logs, archives made on the way) end with the token they were asked
//! for with: a revoked token sees nothing more, also of what it was reading. They break off, so that no half file is taken for a whole one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use bytes::Bytes;

use super::state::State;
use crate::auth::Principal;

struct Lasting {
    body: BoxBody,
    end: Pin<Box<dyn Future<Output = ()>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the token was revoked or has expired")]
struct Ended;

/// Makes the answer's body end with the caller's token, where nobody knows how long it is.
pub(super) fn bind(state: &State, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let caller = response.request().extensions().get::<Principal>().copied();
    let Some(caller @ Principal::Token { .. }) = caller else { return response };
    if response.response().body().size() != BodySize::Stream {
        return response;
    }
    let end = state.authenticator.end_of(caller);
    response.map_body(|_, body| BoxBody::new(Lasting { body, end: Box::pin(end) }))
}

impl MessageBody for Lasting {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Ended.into())));
        }
        Pin::new(&mut self.body).poll_next(context)
    }
}
