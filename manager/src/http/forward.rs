//! What a manager does that stands by: it answers what the database alone can answer, and passes everything else to the one that leads.
//!
//! Bodies are passed on as they come, both ways, also those of WebSockets, so a client or a node need not know who leads. A request is
//! passed on once: the mark it then carries makes a second stand-by refuse it instead of sending it in circles.

use std::sync::OnceLock;
use std::time::Duration;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::download::{BodyError, stream_of};
use super::failure::{Failure, chain};
use super::state::State;

/// Says that a manager has passed the request on already.
const FORWARDED: HeaderName = HeaderName::from_static("x-lp-forwarded");

const CONNECT: Duration = Duration::from_secs(5);

/// Pieces of a body between the two connections.
const PIECES: usize = 8;

/// Bytes of a tunnel read at once.
const TUNNEL_BYTES: usize = 64 << 10;

/// Headers that belong to one connection (RFC 9110, 7.6.1), and the name of the host.
const HOP: &[HeaderName] = &[
    header::CONNECTION,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// The client of stand-bys; made when first needed, which on most managers is never.
#[derive(Debug, Default)]
pub(crate) struct Forwarder {
    http: OnceLock<reqwest::Client>,
}

impl Forwarder {
    fn client(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        // managers talk plain HTTP to one another; without certificates to look for, making the client costs nothing
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::internal(&error))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| Failure::internal(&error))?;
        Ok(self.http.get_or_init(|| client))
    }
}

/// The address to pass a request to; None where it is to be answered here.
///
/// # Errors
/// `Unavailable` where nobody leads, or the leader is this manager itself and is only just loading.
pub(crate) async fn leader_for(state: &State, request: &ServiceRequest) -> Result<Option<String>, Failure> {
    if state.engine.epoch().is_ok() || is_answered_here(request.method(), request.path()) {
        return Ok(None);
    }
    if request.headers().contains_key(&FORWARDED) {
        return Err(Failure::unavailable("no manager leads"));
    }
    match state.store.find_leader().await? {
        Some(leader) if leader.holder == state.manager_id => Err(Failure::unavailable("it is loading")),
        Some(leader) => Ok(Some(leader.address)),
        None => Err(Failure::unavailable("no manager leads")),
    }
}

/// What needs nothing but the database, or tells of this very process.
fn is_answered_here(method: &Method, path: &str) -> bool {
    if method != Method::GET {
        return false;
    }
    if matches!(path, "/health" | "/metrics" | "/api/v1/health" | "/api/v1/openapi.json") {
        return true;
    }
    let Some(rest) = path.strip_prefix("/api/v1/") else { return false };
    let mut parts = rest.split('/');
    let (noun, name, more) = (parts.next(), parts.next(), parts.next());
    matches!(noun, Some("apps" | "venvs" | "tasks")) && name != Some("") && more.is_none()
}

/// Passes a request to the leader and its answer back.
pub(crate) async fn forward(
    state: &State,
    leader: &str,
    request_id: &str,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes());
    let method = method.map_err(|error| Failure::invalid(error.to_string()))?;
    let mut outgoing = state.forwarder.client()?.request(method, format!("http://{leader}{path}"));
    for (name, value) in request.headers().iter().filter(|(name, _)| !HOP.contains(name)) {
        outgoing = outgoing.header(name.as_str(), value.as_bytes());
    }
    outgoing = outgoing.header(FORWARDED.as_str(), "1").header("x-request-id", request_id);
    let unreachable = |error: reqwest::Error| {
        tracing::warn!(leader, error = chain(&error), "the leading manager does not answer");
        Failure::unavailable(format!("the leading manager at {leader} does not answer"))
    };
    if is_websocket(request.headers()) {
        outgoing = outgoing.header("connection", "upgrade").header("upgrade", "websocket");
        let response = outgoing.send().await.map_err(unreachable)?;
        return match response.status() {
            reqwest::StatusCode::SWITCHING_PROTOCOLS => tunnel(state, response, payload).await,
            _ => Ok(answer(response)),
        };
    }
    let body = Passing::begin(payload);
    let has_body = request.headers().contains_key(header::CONTENT_LENGTH)
        || request.headers().contains_key(header::TRANSFER_ENCODING);
    if has_body {
        outgoing = outgoing.body(reqwest::Body::wrap_stream(body));
    }
    Ok(answer(outgoing.send().await.map_err(unreachable)?))
}

fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// A body on its way out. The incoming one cannot leave its thread, so a task there hands its pieces over.
struct Passing;

impl Passing {
    fn begin(mut payload: Payload) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
        let (pieces, passed) = mpsc::channel(PIECES);
        let pump = AbortOnDropHandle::new(actix_web::rt::spawn(async move {
            while let Some(piece) = payload.next().await {
                let broken = piece.is_err();
                if pieces.send(piece.map_err(std::io::Error::other)).await.is_err() || broken {
                    return;
                }
            }
        }));
        futures_util::stream::unfold((passed, pump), |(mut passed, pump)| async move {
            let piece = passed.recv().await?;
            Some((piece, (passed, pump)))
        })
    }
}

fn answer(response: reqwest::Response) -> HttpResponse {
    let mut answer = head(&response);
    match response.content_length() {
        Some(length) => answer.no_chunking(length),
        None => &mut answer,
    };
    answer.streaming(Box::pin(response.bytes_stream()))
}

fn head(response: &reqwest::Response) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = HttpResponse::build(status);
    for (name, value) in response.headers() {
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        else {
            continue;
        };
        if !HOP.contains(&name) && name != header::CONTENT_LENGTH {
            answer.append_header((name, value));
        }
    }
    answer
}

/// Joins two connections that speak something else than HTTP from here on.
async fn tunnel(
    state: &State,
    response: reqwest::Response,
    mut payload: Payload,
) -> Result<HttpResponse, Failure> {
    let mut answer = head(&response);
    answer.upgrade("websocket");
    let upgraded = response.upgrade().await.map_err(|error| Failure::internal(&error))?;
    let (reader, mut writer) = tokio::io::split(upgraded);
    let up = AbortOnDropHandle::new(actix_web::rt::spawn(async move {
        while let Some(Ok(bytes)) = payload.next().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _gone_anyway = writer.shutdown().await;
    }));
    let shutdown = state.shutdown.clone();
    let down = stream_of((reader, up, shutdown), |(mut reader, up, shutdown)| async move {
        let mut bytes = bytes::BytesMut::with_capacity(TUNNEL_BYTES);
        let read = tokio::select! {
            read = reader.read_buf(&mut bytes) => read?,
            () = shutdown.cancelled() => 0,
        };
        Ok::<_, BodyError>((read > 0).then(|| (bytes.freeze(), (reader, up, shutdown))))
    });
    Ok(answer.streaming(Box::pin(down)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_by_answers_what_the_database_alone_can_answer() {
        for path in [
            "/health",
            "/metrics",
            "/api/v1/apps",
            "/api/v1/apps/x",
            "/api/v1/tasks",
            "/api/v1/tasks/@last",
            "/api/v1/venvs/x",
        ] {
            assert!(is_answered_here(&Method::GET, path), "{path}");
            assert!(!is_answered_here(&Method::POST, path), "{path}");
        }
        for path in [
            "/api/v1/status",
            "/api/v1/nodes",
            "/api/v1/events",
            "/api/v1/tasks/x/wait",
            "/api/v1/tasks/x/why",
            "/api/v1/apps/x/package",
            "/node/v1/link",
            "/nothing",
        ] {
            assert!(!is_answered_here(&Method::GET, path), "{path}");
        }
    }
}
