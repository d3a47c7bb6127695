//! Join tokens: what lets a machine become a node.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use lp_protocol::views::{CreateJoinToken, JoinToken};

use super::failure::Failure;
use super::input::JsonOrNothing;
use super::state::State;
use crate::auth::{Kind, Secret};

/// A day: long enough to set up some machines, short enough that a forgotten token is soon worth nothing.
const DEFAULT_LIFETIME_SECONDS: f64 = 86_400.0;

/// A year, and at least long enough to be typed.
const LIFETIME_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=366.0 * 86_400.0;

/// Makes a token with which any number of nodes may join while it is good. It is shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/join-tokens",
    tag = "nodes",
    request_body = CreateJoinToken,
    responses((status = 201, body = JoinToken))
)]
pub(crate) async fn create(
    state: web::Data<State>,
    body: JsonOrNothing<CreateJoinToken>,
) -> Result<HttpResponse, Failure> {
    let seconds = body.0.lifetime.unwrap_or(DEFAULT_LIFETIME_SECONDS);
    if !LIFETIME_SECONDS.contains(&seconds) {
        let (shortest, longest) = LIFETIME_SECONDS.into_inner();
        return Err(Failure::invalid(format!("`lifetime` must be between {shortest} and {longest} seconds")));
    }
    // a stand-by writes nothing
    state.engine.epoch()?;
    let secret = Secret::random(Kind::Join);
    let now = state.clock.now();
    let expire_at = now + TimeDelta::milliseconds((seconds * 1000.0) as i64);
    state.store.delete_join_tokens(now).await?;
    state.store.insert_join_token(&secret.hash(), expire_at).await?;
    Ok(HttpResponse::Created().json(JoinToken { token: secret.reveal().to_owned(), expire_at }))
}
