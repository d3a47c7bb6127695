//! The node's requests to its manager: one client, one credential, no redirects (the credential goes to the manager alone).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lp_protocol::{ApiError, AttemptKey, ErrorCode};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use crate::sync::lock;

/// 10 s to connect: a manager further away than that is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A minute without a byte: the manager or the way to it is gone. Bounds silence, not the length of a transfer.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(crate) struct Manager {
    client: reqwest::Client,
    base: Url,
    credential: Arc<Mutex<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{0}` is not an http or https address of a manager")]
    Address(String),
    #[error("set up the HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("reach the manager at {base}")]
    Unreachable { base: Url, source: reqwest::Error },
    /// Status 409; the body says what is the case instead.
    #[error("the manager answers that something else is the case")]
    Conflict { body: Vec<u8> },
    /// The manager answers, and says no.
    #[error("{error}")]
    Refused { status: u16, error: ApiError },
}

impl Error {
    /// True where the same request may succeed later without anybody doing anything.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Refused { status, .. } => *status == 408 || *status == 429 || *status >= 500,
            Error::Address(_) | Error::Client(_) | Error::Conflict { .. } => false,
        }
    }
}

impl Manager {
    pub(crate) fn new(address: &str) -> Result<Self, Error> {
        let wrong = || Error::Address(address.to_owned());
        let mut base = Url::parse(address).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // needed once per process for https; whoever came first has set the same
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("lp-node/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(Error::Client)?;
        Ok(Self { client, base, credential: Arc::default() })
    }

    pub(crate) fn set_credential(&self, credential: String) {
        *lock(&self.credential) = credential;
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// A request with the node's credential; `segments` are the parts of the path below the manager's address.
    pub(crate) fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        self.request_as(method, segments, &lock(&self.credential))
    }

    /// A request with another token.
    pub(crate) fn request_as(&self, method: Method, segments: &[&str], token: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        self.client.request(method, url).bearer_auth(token)
    }

    /// As [`Manager::request`], for an answer whose bytes never pause for long.
    pub(crate) fn brief(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        self.request(method, segments).timeout(READ_TIMEOUT)
    }

    /// Sends a request; an answer that is no success is an error with the manager's own words.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let unreachable = |source| Error::Unreachable { base: self.base.clone(), source };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let body = read_body(response).await;
        if status == StatusCode::CONFLICT {
            Err(Error::Conflict { body })
        } else {
            Err(refusal(status, &body))
        }
    }
}

/// 64 KiB of an error's body: more is no error of our manager.
const MAX_ERROR_BYTES: usize = 64 << 10;

async fn read_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    body
}

/// An answer that is no success as an error.
pub(crate) fn refusal(status: StatusCode, body: &[u8]) -> Error {
    let error = serde_json::from_slice(body).unwrap_or_else(|_| {
        ApiError::new(ErrorCode::Internal, format!("the manager answers with status {}", status.as_u16()))
    });
    Error::Refused { status: status.as_u16(), error }
}

/// The path segments of an attempt's log.
pub(crate) fn log_path(key: &AttemptKey) -> [String; 6] {
    let [node, v1, logs] = ["node", "v1", "logs"].map(str::to_owned);
    [node, v1, logs, key.task_id.to_string(), key.action.clone(), key.attempt.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_built_below_the_address_and_escaped() {
        let manager = Manager::new("http://127.0.0.1:8000/prefix").unwrap();

        let request = manager.request(Method::GET, &["node", "v1", "a b/c?"]).build().unwrap();

        assert_eq!(request.url().as_str(), "http://127.0.0.1:8000/prefix/node/v1/a%20b%2Fc%3F");
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for address in ["", "localhost:8000", "ftp://h/", "http://", "unix:/x"] {
            assert!(matches!(Manager::new(address), Err(Error::Address(_))), "{address}");
        }
    }
}
