//! What every request goes through before its handler and every answer after it.
//!
//! In this order: an id, the `Host` header (a web page must not reach a loopback manager under a name of its own), the `Content-Encoding`
//! (refused before a byte of the body is looked at: our HTTP library would inflate without limit), who is calling and
//! whether its role covers it (`access`), then routing. A path we do not have is therefore told apart from one that is forbidden only to
//! callers with an administrator's token. Panics become answers here, and every
//! refusal gets its request id.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, web};
use futures_util::FutureExt as _;
use lp_protocol::{ApiError, ErrorCode};
use uuid::Uuid;

use super::failure::Failure;
use super::state::State;
use super::{access, forward, lasting};
use crate::auth::{Kind, Principal, Refusal};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for handlers that log or pass it on.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// What lies behind a path, as far as letting callers in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Needs(Kind),
}

pub(crate) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let request_id = request_id(request.headers());
    let method = request.method().clone();
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Err(Failure::unavailable("it is starting").into());
    };
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let mut response = match admit(&state, &request).await {
        Err(failure) => {
            log(&failure, &request_id);
            let answer = failure.respond(&request_id);
            request.into_response(answer)
        }
        Ok(Some(leader)) => {
            let (request, payload) = request.into_parts();
            let answer = match forward::forward(&state, &leader, &request_id, &request, payload).await {
                Ok(answer) => answer,
                Err(failure) => {
                    log(&failure, &request_id);
                    failure.respond(&request_id)
                }
            };
            ServiceResponse::new(request, answer)
        }
        Ok(None) => match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(Ok(response)) => lasting::bind(&state, explain(response.map_into_boxed_body(), &request_id)),
            Ok(Err(error)) => return Err(with_id(error, &request_id)),
            Err(panic) => {
                let mut failure = Failure::new(ErrorCode::Internal, "the manager made a mistake");
                failure.cause = Some(format!("panic: {}", panic_text(&*panic)));
                failure.error.request_id = request_id.clone();
                log(&failure, &request_id);
                state.metrics.count_request("panic", &method, 500, started.elapsed());
                return Err(failure.into());
            }
        },
    };

    harden(response.headers_mut(), &request_id);
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    state.metrics.count_request(&route, &method, response.status().as_u16(), started.elapsed());
    Ok(response)
}

/// A caller's id is kept where it is harmless, so that a request can be followed through several managers and proxies.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let given = headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok()).filter(harmless);
    match given {
        Some(id) => id.to_owned(),
        None => Uuid::new_v4().simple().to_string()[..16].to_owned(),
    }
}

/// Lets a request in, and says to which manager it is to be passed if not to this one.
async fn admit(state: &State, request: &ServiceRequest) -> Result<Option<String>, Failure> {
    check_host(state, request)?;
    check_encoding(request.headers())?;
    let Door::Needs(wanted) = door(request.path()) else { return Ok(None) };
    let secret = bearer(request.headers()).ok_or(Refusal::Missing { wanted })?;
    let address = request.peer_addr().map_or(IpAddr::from([0; 4]), |peer| peer.ip());
    let principal = state.authenticator.admit(wanted, secret, address).await?;
    access::check(&principal, request.method(), request.path())?;
    request.extensions_mut().insert::<Principal>(principal);
    forward::leader_for(state, request).await
}

fn check_host(state: &State, request: &ServiceRequest) -> Result<(), Failure> {
    let Some(hosts) = &state.hosts else { return Ok(()) };
    // a whole URL in the first line wins over the header (RFC 9112, 3.2.2)
    let in_line = request.uri().host();
    let in_header = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = in_line.or_else(in_header).unwrap_or_default();
    if hosts.allow(host) {
        return Ok(());
    }
    let shown: String = host.chars().take(100).collect();
    Err(Failure::new(ErrorCode::Forbidden, format!("this manager is not called `{shown}`"))
        .hint("Use localhost, or add the name to `allowed_hosts` in the manager's configuration."))
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        if !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") {
            return Err(Failure::new(
                ErrorCode::UnsupportedMediaType,
                "the body has a Content-Encoding, which is never accepted",
            )
            .hint("Send the body as it is."));
        }
    }
    Ok(())
}

/// Decides by the path alone, and every path that is not listed needs a token: a route added later cannot be open by accident.
fn door(path: &str) -> Door {
    match path {
        "/health" | "/api/v1/health" => Door::Open,
        "/node/v1/join" => Door::Needs(Kind::Join),
        path if path.starts_with("/node/v1/") => Door::Needs(Kind::Node),
        _ => Door::Needs(Kind::Token),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    // 512: ours have 50; hashing a header of some hundred KiB would be work for nothing
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty() && secret.len() <= 512).then_some(secret)
}

/// Gives a refusal its id and its body, whoever has refused.
fn explain(response: ServiceResponse<BoxBody>, request_id: &str) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else { return response };
    let failure = failure_of(error);
    log(&failure, request_id);
    let answer = failure.respond(request_id);
    response.into_response(answer)
}

fn with_id(error: actix_web::Error, request_id: &str) -> actix_web::Error {
    let mut failure = failure_of(&error);
    failure.error.request_id = request_id.to_owned();
    log(&failure, request_id);
    failure.into()
}

fn failure_of(error: &actix_web::Error) -> Failure {
    if let Some(failure) = error.as_error::<Failure>() {
        return failure.clone();
    }
    // from inside of the HTTP library: a broken handshake, a path it cannot decode
    let status = error.as_response_error().status_code();
    let code = match status.as_u16() {
        404 => ErrorCode::NotFound,
        405 => ErrorCode::MethodNotAllowed,
        413 => ErrorCode::TooLarge,
        415 => ErrorCode::UnsupportedMediaType,
        400..=499 => ErrorCode::InvalidRequest,
        _ => ErrorCode::Internal,
    };
    match code {
        ErrorCode::Internal => Failure::internal(&std::io::Error::other(error.to_string())),
        code => ApiError::new(code, error.to_string()).into(),
    }
}

/// Once, here, where it is handled.
fn log(failure: &Failure, request_id: &str) {
    let (code, message) = (failure.error.code.as_str(), failure.error.message.as_str());
    let cause = failure.cause.as_deref().unwrap_or_default();
    match failure.error.code {
        ErrorCode::Internal => tracing::error!(request.id = request_id, code, cause, "{message}"),
        ErrorCode::Unavailable => tracing::warn!(request.id = request_id, code, cause, "{message}"),
        _ => tracing::debug!(request.id = request_id, code, "{message}"),
    }
}

/// Answers are data, some of them from strangers: no browser is to run, guess or keep them.
fn harden(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_health_is_open_and_what_only_looks_like_it_is_not() {
        assert_eq!(door("/health"), Door::Open);
        assert_eq!(door("/api/v1/health"), Door::Open);
        for path in [
            "/health/",
            "//health",
            "/health;x",
            "/HEALTH",
            "/api/v1/health/x",
            "/metrics",
            "/",
            "/api/v1/status",
            "/node/v1",
        ] {
            assert_eq!(door(path), Door::Needs(Kind::Token), "{path}");
        }
        assert_eq!(door("/node/v1/join"), Door::Needs(Kind::Join));
        assert_eq!(door("/node/v1/join/"), Door::Needs(Kind::Node));
        assert_eq!(door("/node/v1/link"), Door::Needs(Kind::Node));
    }

    #[test]
    fn only_a_bearer_token_counts() {
        let bearer_of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(bearer_of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(bearer_of("bearer  abc ").as_deref(), Some("abc"));
        for value in ["abc", "Basic abc", "Bearer", "Bearer ", "Bearerabc"] {
            assert_eq!(bearer_of(value), None, "{value}");
        }
        assert_eq!(bearer_of(&format!("Bearer {}", "x".repeat(513))), None);
    }

    #[test]
    fn a_callers_request_id_is_kept_only_where_it_is_harmless() {
        let id_of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(value));
            request_id(&headers)
        };
        assert_eq!(id_of("abc-1.2_3"), "abc-1.2_3");
        for value in ["", "a b", "<script>", "a\"b"] {
            assert_eq!(id_of(value).len(), 16, "{value}");
        }
    }

    #[actix_web::test]
    async fn a_panic_is_answered_like_any_other_mistake_of_ours() {
        let directory = tempfile::tempdir().unwrap();
        let (state, shutdown) = State::for_test(directory.path()).await;
        async fn mistaken() -> actix_web::HttpResponse {
            panic!("the cause")
        }
        let app = actix_web::App::new()
            .app_data(web::Data::from(state.clone()))
            .wrap(actix_web::middleware::from_fn(guard))
            .route("/health", web::get().to(mistaken));
        let app = actix_web::test::init_service(app).await;

        let request = actix_web::test::TestRequest::get().uri("/health").insert_header(("host", "localhost"));
        let outcome = actix_web::test::try_call_service(&app, request.to_request()).await;

        let answer = outcome.unwrap_err().error_response();
        assert_eq!(answer.status().as_u16(), 500);
        let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
        let error: ApiError = serde_json::from_slice(&body).unwrap();
        assert_eq!((error.code, error.request_id.len()), (ErrorCode::Internal, 16));
        assert!(!error.message.contains("the cause"), "that is for the log");
        shutdown.cancel();
    }
}
