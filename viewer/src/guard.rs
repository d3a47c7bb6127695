//! What every request goes through before its page and every answer after it.
//!
//! In this order: the `Host` header (a web page must not reach a loopback viewer under a name of its own), the `Content-Encoding` (never
//! accepted), where the request comes from (another site's page gets nothing, whatever it asks for), who is asking. Every path that is not
//! listed as open needs a session, so a page added later cannot be open by accident. Refusals become pages here, and every answer gets its headers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, web};
use futures_util::FutureExt as _;

use crate::auth::{Origin, origin_of};
use crate::failure::Failure;
use crate::frame::{Signed, cookie, here};
use crate::pages;
use crate::state::State;

/// Our own files and nothing else; no plugin, no frame, no other site may embed or be called.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Err(Failure::starting().into());
    };
    let mut response = match admit(&state, &request) {
        Admission::Refused(failure) => {
            let answer = pages::error(&state, request.request(), &failure);
            request.into_response(answer)
        }
        Admission::Bounced => {
            let answer = pages::bounce(&here(request.request()));
            request.into_response(answer)
        }
        // the request must not be kept here meanwhile: the router needs it for itself
        Admission::Granted => match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(Ok(response)) => explain(&state, response.map_into_boxed_body()),
            Ok(Err(error)) => return Err(failure_of(&error).into()),
            Err(_) => {
                tracing::error!("a page has panicked");
                return Err(mistake().into());
            }
        },
    };
    harden(response.headers_mut());
    Ok(response)
}

enum Admission {
    Granted,
    Refused(Failure),
    /// Another site's link has led here, so the browser has kept its cookies back: the same page asked for by ourselves gets them.
    Bounced,
}

fn admit(state: &State, request: &ServiceRequest) -> Admission {
    if let Err(failure) = check(state, request) {
        return Admission::Refused(failure);
    }
    let signed = cookie(request.headers(), &state.cookies.session).and_then(|id| {
        let session = state.sessions.enter(id, Instant::now())?;
        Some(Signed { id: id.to_owned(), session })
    });
    if let Some(signed) = signed {
        request.extensions_mut().insert(signed);
        return Admission::Granted;
    }
    if is_open(request.path()) {
        return Admission::Granted;
    }
    let origin = origin_of(request.headers(), state.public_host.as_deref());
    if request.method() == Method::GET && origin == Origin::Link {
        return Admission::Bounced;
    }
    Admission::Refused(signed_out())
}

fn check(state: &State, request: &ServiceRequest) -> Result<(), Failure> {
    let headers = request.headers();
    check_host(state, headers)?;
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        if !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") {
            let message = "The body has a Content-Encoding, which is never accepted.";
            return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not accepted", message));
        }
    }
    let is_reading = request.method() == Method::GET;
    match origin_of(headers, state.public_host.as_deref()) {
        Origin::Own => Ok(()),
        Origin::Link if is_reading => Ok(()),
        Origin::Link | Origin::Foreign => {
            let message = "Another site's page has asked for this in your name.";
            Err(Failure::new(StatusCode::FORBIDDEN, "Not allowed", message).hint("Nothing was done."))
        }
    }
}

fn check_host(state: &State, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(hosts) = &state.hosts else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if hosts.allow(host) {
        return Ok(());
    }
    let message = format!("This viewer is not called {}.", crate::parts::clip(host, 100));
    Err(Failure::new(StatusCode::FORBIDDEN, "Not allowed", message)
        .hint("Use localhost, or add the name to `allowed_hosts` in the viewer's configuration."))
}

fn is_open(path: &str) -> bool {
    matches!(path, "/login" | "/health") || crate::assets::find(path).is_some()
}

fn signed_out() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "Sign in", "Sign in to see this page.")
}

/// Gives a refusal its page, whoever has refused.
fn explain(state: &State, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let Some(failure) = failed(&response) else { return response };
    if failure.is_signed_out() {
        let signed = response.request().extensions_mut().remove::<Signed>();
        if let Some(signed) = signed {
            state.sessions.close(&signed.id);
        }
    }
    let page = pages::error(state, response.request(), &failure);
    response.into_response(page)
}

fn mistake() -> Failure {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Failure::new(status, "The viewer made a mistake", "This page cannot be shown.")
        .hint("The viewer's log tells more. `lp` on the command line shows the same things.")
}

fn failed(response: &ServiceResponse<BoxBody>) -> Option<Failure> {
    match response.response().error() {
        Some(error) => Some(failure_of(error)),
        // the router's own answer
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Some(Failure::no_method()),
        None => None,
    }
}

fn failure_of(error: &actix_web::Error) -> Failure {
    if let Some(failure) = error.as_error::<Failure>() {
        return failure.clone();
    }
    // from inside of the HTTP library: a path or a query it cannot read
    match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => Failure::no_page(),
        StatusCode::METHOD_NOT_ALLOWED => Failure::no_method(),
        status if status.is_client_error() => {
            Failure::new(status, "Not accepted", "The address or the form is not one of this viewer's.")
        }
        _ => {
            tracing::error!(%error, "a page has failed");
            mistake()
        }
    }
}

/// What every answer carries.
pub(crate) fn harden(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // not `no-referrer`: forms would then come with `Origin: null`, which we refuse
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_login_the_health_and_our_own_files_are_open() {
        assert!(is_open("/login") && is_open("/health") && is_open(&crate::assets::STYLES[0].url));
        for path in [
            "/",
            "/login/",
            "/login;x",
            "//login",
            "/LOGIN",
            "/static/",
            "/static/../tasks",
            "/live",
            "/tasks",
        ] {
            assert!(!is_open(path), "{path}");
        }
    }
}
