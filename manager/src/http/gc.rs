//! Retention by request.

use actix_web::{HttpResponse, web};
use lp_protocol::views::{CollectGarbage, Garbage};

use super::failure::Failure;
use super::input::JsonOrNothing;
use super::state::State;
use crate::retention::{Error, Mode};

/// Removes what need not be kept, by the rules of the manager's configuration, or only tells what that is. What is in use is kept in any case.
#[utoipa::path(post, path = "/api/v1/gc", tag = "cluster", request_body = CollectGarbage, responses((status = 200, body = Garbage)))]
pub(crate) async fn collect(
    state: web::Data<State>,
    body: JsonOrNothing<CollectGarbage>,
) -> Result<HttpResponse, Failure> {
    let mode = if body.0.dry_run { Mode::Preview } else { Mode::Remove };
    if mode == Mode::Remove {
        state.engine.epoch()?;
    }
    Ok(HttpResponse::Ok().json(state.collector.collect_on_request(mode).await?))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Blobs(error) => error.into(),
            Error::Engine(error) => error.into(),
        }
    }
}
