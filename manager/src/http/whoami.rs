//! Who is calling, as the manager sees it.

use actix_web::{HttpResponse, web};
use lp_protocol::views::WhoAmI;

use super::failure::Failure;
use super::state::State;
use crate::auth::Principal;

/// Tells the caller the name and the role of the token it has.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "cluster", responses((status = 200, body = WhoAmI)))]
pub(crate) async fn show(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
) -> Result<HttpResponse, Failure> {
    let (role, expire_at) = match *caller {
        Principal::Token { role, expire_at, .. } => (role.as_str(), expire_at),
        // the guard lets neither come here
        Principal::Node { .. } | Principal::Joiner => ("", None),
    };
    let token_id = caller.actor();
    let name = state.store.list_token_names().await?.remove(&token_id).unwrap_or_default();
    Ok(HttpResponse::Ok().json(WhoAmI { token_id, name, role: role.to_owned(), expire_at }))
}
