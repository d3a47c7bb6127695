//! A manager for one test, and the calls tests make of it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lp_manager::{Config, Ready};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{AppView, BlobView, CreateApp, CreateJoinToken, JoinToken, TaskView};
use lp_protocol::{ApiError, AppId, ErrorCode};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest any single step of a test may take; far above what it does take.
pub const SOON: Duration = Duration::from_secs(20);

pub struct Manager {
    pub address: SocketAddr,
    pub token: String,
    pub http: reqwest::Client,
    pub directory: tempfile::TempDir,
    shutdown: CancellationToken,
    running: Option<JoinHandle<Result<(), lp_manager::Error>>>,
}

impl Manager {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), change).await
    }

    pub async fn start_in(directory: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config_in(directory.path());
        change(&mut config);
        let shutdown = CancellationToken::new();
        let (ready, told) = tokio::sync::oneshot::channel::<Ready>();
        let running =
            tokio::spawn(lp_manager::run(config, shutdown.clone(), move |told| ready.send(told).unwrap()));
        let ready = within(told).await.expect("the manager ended before it was ready");
        // also chooses the process's TLS library, which reqwest wants
        ManagerClient::new("http://127.0.0.1", "").unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let token = ready.admin_token.reveal().to_owned();
        Self { address: ready.address, token, http, directory, shutdown, running: Some(running) }
    }

    /// Stops in order and gives the directory back.
    pub async fn stop(mut self) -> tempfile::TempDir {
        self.shutdown.cancel();
        within(self.running.take().unwrap()).await.unwrap().unwrap();
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).timeout(SOON)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> T {
        read(self.get(path).await, StatusCode::OK).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path).json(&body).send().await.unwrap()
    }

    pub async fn upload(&self, bytes: Vec<u8>) -> BlobView {
        let response = self.request(Method::POST, "/api/v1/blobs").body(bytes).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        response.json().await.unwrap()
    }

    /// Uploads an app and returns what the manager made of it.
    pub async fn create_app(&self, name: &str, manifest: Value) -> AppView {
        let blob = self.upload(app_archive(&manifest.to_string())).await;
        let body =
            CreateApp { name: name.into(), description: String::new(), digest: blob.digest, strict: false };
        let response = self.request(Method::POST, "/api/v1/apps").json(&body).send().await.unwrap();
        read(response, StatusCode::CREATED).await
    }

    /// Makes a task and returns its id.
    pub async fn create_task(&self, app_id: AppId, input: Value) -> String {
        let response = self.post("/api/v1/tasks", json!({"app_id": app_id, "input_data": input})).await;
        let created: Value = read(response, StatusCode::CREATED).await;
        created["task_id"].as_str().unwrap().to_owned()
    }

    pub async fn wait(&self, task_id: &str) -> TaskView {
        self.get_json(&format!("/api/v1/tasks/{task_id}/wait?timeout=20")).await
    }

    pub async fn join_token(&self) -> String {
        let body = CreateJoinToken { lifetime: None };
        let response = self.request(Method::POST, "/api/v1/join-tokens").json(&body).send().await.unwrap();
        read::<JoinToken>(response, StatusCode::CREATED).await.token
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub fn config_in(directory: &Path) -> Config {
    Config { http_port: 0, data_path: directory.join("data"), ..Config::default() }
}

/// Waits for what must come soon.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it took too long")
}

/// The body of an answer with this status.
pub async fn read<T: DeserializeOwned>(response: Response, status: StatusCode) -> T {
    let (found, body) = (response.status(), response.text().await.unwrap());
    assert_eq!(found, status, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// The error of a refusal, whose form is checked.
pub async fn refusal(response: Response, code: ErrorCode) -> ApiError {
    let (status, id) = (response.status(), response.headers().get("x-request-id").cloned());
    let body = response.text().await.unwrap();
    let error: ApiError =
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{status} {error}: {body}"));
    assert_eq!(error.code, code, "{body}");
    assert_eq!(status.as_u16(), code.http_status(), "{body}");
    assert_eq!(Some(error.request_id.as_str()), id.as_ref().map(|id| id.to_str().unwrap()), "{body}");
    assert!(!error.message.is_empty());
    error
}

/// A tar.gz with one directory that holds the manifest and a script.
pub fn app_archive(manifest: &str) -> Vec<u8> {
    archive(&[("app/configuration.json", manifest.as_bytes()), ("app/run.sh", b"true\n")])
}

pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    gzip(
        &files
            .iter()
            .flat_map(|(name, content)| tar_entry(name, b'0', content))
            .chain([0; 1024])
            .collect::<Vec<u8>>(),
    )
}

/// One entry with its header, written by hand so that hostile ones can be made.
pub fn tar_entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = header.to_vec();
    entry.extend_from_slice(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A manifest of one action.
pub fn hello() -> Value {
    manifest(&[("first", &[])])
}

/// A manifest of actions that wait for one another.
pub fn manifest(actions: &[(&str, &[&str])]) -> Value {
    let actions: Vec<Value> = actions
        .iter()
        .map(|(name, condition)| json!({"name": name, "condition": condition, "main": "bash run.sh"}))
        .collect();
    json!({"output_action": actions[0]["name"], "actions": actions})
}
