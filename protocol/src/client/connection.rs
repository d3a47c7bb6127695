//! The connection to one manager: address, token, and how a request becomes an answer or an [`Error`].

use std::fmt;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::{ApiError, ErrorCode};

/// Longest wait for a connection: a machine that is up answers within milliseconds, and one that drops packets never does.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the answer to a request that is not a stream. A commit under a full queue takes far less; more means trouble.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A peer that vanished without a word (power, network) is noticed after this long, also in the middle of a stream.
const SILENT_PEER: Duration = Duration::from_secs(30);

/// Largest JSON answer that is read, 256 MiB: a task with 64 MiB of input and as many results fits, a runaway answer does not.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A client of one manager. Cloning is cheap, and clones share their connections.
#[derive(Clone)]
pub struct ManagerClient {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for ManagerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagerClient({})", self.base)
    }
}

impl ManagerClient {
    /// Prepares a client; nothing is sent yet. `base` is the manager's address, with a path if it is published under one;
    /// an empty `token` sends none.
    ///
    /// # Errors
    /// `Address` where `base` is no http(s) address, `Token` where the token cannot stand in a header, `Setup` without a usable certificate store.
    pub fn new(base: &str, token: &str) -> Result<Self, Error> {
        let base = parse_base(base)?;
        let authorization = match token {
            "" => None,
            token => {
                let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::Token)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let http = http_client(&base)?;
        Ok(Self { http, base, authorization })
    }

    /// The address, as people know it.
    pub fn base_url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Tells whether both send the same token.
    pub fn has_token_of(&self, other: &Self) -> bool {
        self.authorization == other.authorization
    }

    /// A client of the same manager with another token; connections are shared.
    ///
    /// # Errors
    /// `Token` where the token cannot stand in a header.
    pub fn with_token(&self, token: &str) -> Result<Self, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        Ok(Self { http: self.http.clone(), base: self.base.clone(), authorization: Some(value) })
    }

    /// A request to a route under `/api/v1`. Each part is one path segment, escaped.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Error> {
        let mut full = vec!["api", "v1"];
        full.extend_from_slice(path);
        self.root_request(method, &full)
    }

    /// A request to a route outside of `/api/v1`.
    pub(super) fn root_request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Error> {
        let mut url = self.base.clone();
        for part in path {
            // the URL standard drops these, and the request would reach another route
            if matches!(*part, "" | "." | "..") {
                let message = format!("`{part}` is neither a name nor an id");
                return Err(Error::api(ApiError::new(ErrorCode::InvalidRequest, message)));
            }
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.request(method, url);
        Ok(match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        })
    }

    /// Sends it and returns the answer's head if it is a success.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = self.send_any(request).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// Sends it and returns the answer's head whatever its status.
    pub(super) async fn send_any(&self, request: RequestBuilder) -> Result<Response, Error> {
        request.send().await.map_err(|error| Error::from_reqwest(self.base_url(), error))
    }

    /// Sends it and reads a JSON answer.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let response = self.send(request.timeout(ANSWER_TIMEOUT)).await?;
        self.read_json(response).await
    }

    /// Sends it and wants no content back.
    pub(super) async fn empty(&self, request: RequestBuilder) -> Result<(), Error> {
        self.send(request.timeout(ANSWER_TIMEOUT)).await.map(drop)
    }

    pub(super) async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let status = response.status();
        let body = self.read_body(response).await?;
        serde_json::from_slice(&body).map_err(|error| self.protocol(status, error.to_string()))
    }

    pub(super) fn protocol(&self, status: StatusCode, what: String) -> Error {
        Error::Protocol { url: self.base_url().to_owned(), what, status: status.as_u16() }
    }

    pub(super) async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER_BYTES => {
                    let what = format!("the answer is over {} MiB", MAX_ANSWER_BYTES >> 20);
                    return Err(self.protocol(response.status(), what));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err(Error::from_reqwest(self.base_url(), error)),
            }
        }
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let request_id = response
            .headers()
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = match self.read_body(response).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        match read_api_error(status, &body) {
            Some(mut error) => {
                if error.request_id.is_empty() {
                    error.request_id = request_id;
                }
                Error::Api { error, status: status.as_u16() }
            }
            // an answer to HEAD has no body to explain itself with
            None if body.is_empty() && code_for(status).is_some() => {
                let code = code_for(status).unwrap_or(ErrorCode::Internal);
                let mut error = ApiError::new(code, format!("the manager answered {status}"));
                error.request_id = request_id;
                Error::Api { error, status: status.as_u16() }
            }
            None => self.protocol(status, format!("status {status} without an explanation")),
        }
    }
}

fn parse_base(base: &str) -> Result<Url, Error> {
    let wrong = || Error::Address(base.to_owned());
    let text = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
    let mut url = Url::parse(&text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !url.username().is_empty() {
        return Err(wrong());
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn http_client(base: &Url) -> Result<reqwest::Client, Error> {
    install_crypto();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("lp/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .tcp_keepalive(SILENT_PEER / 2)
        .tcp_keepalive_interval(SILENT_PEER / 6)
        .tcp_keepalive_retries(3);
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    if base.scheme() == "http" {
        // reading the system's certificates takes longer than most commands, and nothing would use them
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().map_err(Error::Setup)
}

/// Chooses ring as the process's TLS library, unless the program chose before.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // an error only says that another provider is installed, which then is used
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Reads the body of a refusal; a code this version does not know is replaced by the one that fits the status.
fn read_api_error(status: StatusCode, body: &[u8]) -> Option<ApiError> {
    if let Ok(error) = serde_json::from_slice::<ApiError>(body) {
        return Some(error);
    }
    #[derive(Deserialize)]
    struct Newer {
        #[expect(dead_code, reason = "its presence tells an answer of ours from a stranger's")]
        code: String,
        message: String,
        #[serde(default)]
        hint: Option<String>,
        #[serde(default)]
        request_id: String,
    }
    let newer: Newer = serde_json::from_slice(body).ok()?;
    let code = code_for(status).unwrap_or(ErrorCode::Internal);
    Some(ApiError { code, message: newer.message, hint: newer.hint, request_id: newer.request_id })
}

/// The first code with this status: the most general one.
fn code_for(status: StatusCode) -> Option<ErrorCode> {
    match status.as_u16() {
        409 => Some(ErrorCode::Conflict),
        status => ErrorCode::ALL.iter().copied().find(|code| code.http_status() == status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_host_and_may_leave_out_http() {
        for (text, base) in [
            ("127.0.0.1:8000", Some("http://127.0.0.1:8000")),
            ("https://lp.example/base/", Some("https://lp.example/base")),
            ("http://[::1]:1?x#y", Some("http://[::1]:1")),
            ("ftp://x", None),
            ("http://user@x", None),
            ("http://", None),
            ("", None),
        ] {
            let client = ManagerClient::new(text, "t");
            assert_eq!(client.as_ref().ok().map(|client| client.base_url()), base, "{text}");
        }
    }

    #[test]
    fn a_name_is_one_path_segment_whatever_is_in_it() {
        let client = ManagerClient::new("http://h/base", "t").unwrap();

        for (name, path) in
            [("a/../b", "a%2F..%2Fb"), ("a b?c#d", "a%20b%3Fc%23d"), ("@last", "@last"), ("%2e", "%252e")]
        {
            let request = client.request(Method::GET, &["apps", name]).unwrap().build().unwrap();
            assert_eq!(request.url().path(), format!("/base/api/v1/apps/{path}"), "{name}");
        }
        for name in ["", ".", ".."] {
            assert_eq!(client.request(Method::GET, &["apps", name]).unwrap_err().exit_code(), 5, "{name}");
        }
    }

    #[test]
    fn loopback_is_told_from_other_hosts() {
        for (url, loopback) in [
            ("http://localhost", true),
            ("http://127.9.9.9:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), loopback, "{url}");
        }
    }

    #[test]
    fn the_token_is_in_no_debug_text() {
        let client = ManagerClient::new("http://h", "sesame").unwrap();

        let request = client.request(Method::GET, &["status"]).unwrap().build().unwrap();

        assert!(!format!("{client:?} {request:?}").contains("sesame"));
    }
}
