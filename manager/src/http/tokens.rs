//! Tokens: made, shown without their secrets, and revoked. Only administrators come here (see `access`).

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::views::{CreateToken, CreatedToken, Page, TokenView};
use lp_protocol::{ErrorCode, TokenId};

use super::failure::Failure;
use super::input::{Json, Query};
use super::names;
use super::nodes::PageQuery;
use super::state::State;
use crate::auth::{self, Kind, Principal, Role, Secret, TokenRefusal, UnknownRole};
use crate::store::{NewToken, StoredToken};

/// Ten years, and at least long enough to be used once.
const EXPIRE_AFTER_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=10.0 * 366.0 * 86_400.0;

/// Lists the tokens that are not revoked, newest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", params(PageQuery), responses((status = 200, body = Page<TokenView>)))]
pub(crate) async fn list(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Failure> {
    let page = query.0.cut(state.store.list_tokens().await?, |token| token.token_id.to_string())?;
    let names = state.store.list_token_names().await?;
    let mut items = Vec::new();
    for token in page.items {
        items.push(view(&state, token, &names, &caller)?);
    }
    Ok(HttpResponse::Ok().json(Page { items, next_cursor: page.next_cursor }))
}

/// Shows a token, without its secret.
#[utoipa::path(
    get,
    path = "/api/v1/tokens/{token}",
    tag = "tokens",
    params(("token" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, body = TokenView))
)]
pub(crate) async fn show(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    token: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let token = find(&state, &token).await?;
    let names = state.store.list_token_names().await?;
    Ok(HttpResponse::Ok().json(view(&state, token, &names, &caller)?))
}

/// Makes a token. Its secret is shown this once.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "tokens",
    request_body = CreateToken,
    responses((status = 201, body = CreatedToken))
)]
pub(crate) async fn create(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    body: Json<CreateToken>,
) -> Result<HttpResponse, Failure> {
    let CreateToken { name, role, expire_after } = body.0;
    names::check_package_name(&name)?;
    let now = state.clock.now();
    let expire_at = expire_after.map(|seconds| expiry(now, seconds)).transpose()?;
    let secret = Secret::random(Kind::Token);
    let created_by = match *caller {
        Principal::Token { token_id, .. } => Some(token_id),
        // the guard lets neither come here
        Principal::Node { .. } | Principal::Joiner => return Err(Failure::internal(&NotAToken)),
    };
    let new = NewToken {
        token_id: TokenId::random(),
        name,
        role: role.as_str().to_owned(),
        hash: secret.hash(),
        create_at: now,
        expire_at,
        created_by,
    };
    let token_id = new.token_id;
    let epoch = Some(state.engine.epoch()?);
    let decide = |tokens: &[StoredToken]| auth::create(tokens, new, now);
    state.store.change_tokens(epoch, now, decide).await?.map_err(refused)?;
    tracing::info!(token.id = %token_id, role = role.as_str(), by = caller.actor(), "a token was made");
    let stored = find(&state, &token_id.to_string()).await?;
    let names = state.store.list_token_names().await?;
    let token = view(&state, stored, &names, &caller)?;
    Ok(HttpResponse::Created().json(CreatedToken { secret: secret.reveal().to_owned(), token }))
}

/// Revokes a token: it is worth nothing from now on, and what is still read with it ends.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{token}",
    tag = "tokens",
    params(("token" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 204, description = "Revoked."))
)]
pub(crate) async fn revoke(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    token: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let token_id = find(&state, &token).await?.token_id;
    let (epoch, now) = (Some(state.engine.epoch()?), state.clock.now());
    let decide = |tokens: &[StoredToken]| auth::revoke(tokens, token_id, now);
    let changed = state.store.change_tokens(epoch, now, decide).await;
    // also where nobody knows whether it was committed
    state.authenticator.forget_token(token_id);
    changed?.map_err(refused)?;
    tracing::info!(token.id = %token_id, by = caller.actor(), "a token was revoked");
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Debug, thiserror::Error)]
#[error("a request that needs a token came without one")]
struct NotAToken;

fn expiry(now: DateTime<Utc>, seconds: f64) -> Result<DateTime<Utc>, Failure> {
    if !EXPIRE_AFTER_SECONDS.contains(&seconds) {
        let (shortest, longest) = EXPIRE_AFTER_SECONDS.into_inner();
        let message = format!("`expire_after` must be between {shortest} and {longest} seconds");
        return Err(Failure::invalid(message).hint("Leave it out for a token that does not expire."));
    }
    Ok(now + TimeDelta::milliseconds((seconds * 1000.0) as i64))
}

fn refused(refusal: TokenRefusal) -> Failure {
    let failure = |code| Failure::new(code, refusal.to_string());
    match &refusal {
        TokenRefusal::NameTaken(_) => failure(ErrorCode::Conflict)
            .hint("Choose another, or revoke that one first: its secret cannot be shown again."),
        TokenRefusal::Full => failure(ErrorCode::Conflict)
            .hint("Revoke those that are not used: `lp token list` says when each last was."),
        TokenRefusal::LastAdministrator(_) => failure(ErrorCode::Conflict)
            .hint("Make another first: `lp token create NAME --role administrator`."),
        TokenRefusal::Gone(_) => failure(ErrorCode::NotFound),
    }
}

/// By id, exact name (which goes before), or unique beginning of its id.
async fn find(state: &State, text: &str) -> Result<StoredToken, Failure> {
    let now = state.clock.now();
    let tokens = state.store.list_tokens().await?;
    if let Ok(token_id) = text.parse::<TokenId>() {
        let found = tokens.into_iter().find(|token| token.token_id == token_id);
        return found.ok_or_else(|| Failure::not_found("token", text));
    }
    // one that has expired may have the name of another
    let mut named = tokens.iter().filter(|token| token.name == text);
    if let Some(token) = named.clone().find(|token| !auth::is_expired(token, now)).or_else(|| named.next()) {
        return Ok(token.clone());
    }
    let begin = text.to_ascii_lowercase();
    let begins = |token: &&StoredToken| text.len() >= 4 && token.token_id.to_string().starts_with(&begin);
    let fitting: Vec<&StoredToken> = tokens.iter().filter(begins).collect();
    match fitting[..] {
        [] => Err(Failure::not_found("token", text)),
        [token] => Ok(token.clone()),
        _ => {
            let candidates: Vec<String> =
                fitting.iter().take(10).map(|token| format!("{} ({})", token.token_id, token.name)).collect();
            Err(Failure::new(ErrorCode::Ambiguous, format!("more than one token fits `{text}`"))
                .hint(format!("Candidates: {}.", candidates.join(", "))))
        }
    }
}

fn view(
    state: &State,
    token: StoredToken,
    names: &BTreeMap<String, String>,
    caller: &Principal,
) -> Result<TokenView, Failure> {
    let expired = auth::is_expired(&token, state.clock.now());
    let StoredToken { token_id, name, role, create_at, expire_at, used_at, created_by } = token;
    let maker = |token_id: TokenId| {
        let text = token_id.to_string();
        names.get(&text).cloned().unwrap_or(text)
    };
    Ok(TokenView {
        token_id,
        name,
        role: role.parse::<Role>().map_err(|error: UnknownRole| Failure::internal(&error))?,
        create_at,
        expire_at,
        expired,
        // the minute of its making began before it
        used_at: used_at.max(state.authenticator.last_use_of(token_id)).map(|at| at.max(create_at)),
        created_by: created_by.map(maker),
        current: matches!(caller, Principal::Token { token_id: own, .. } if *own == token_id),
    })
}
