//! Running `lp` with nothing of the tester's own environment, and what a manager would answer.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::fake::{Answer, Asked, Fake, json as answer_json, streamed};

pub(crate) const TASK: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const OTHER_TASK: &str = "22222222-2222-4222-8222-222222222222";
pub(crate) const APP: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
pub(crate) const NODE: &str = "dddddddd-dddd-4ddd-8ddd-dddddddddddd";

/// What a run of `lp` left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A home of its own and, if there is one, a manager.
pub(crate) struct Bench {
    pub(crate) home: TempDir,
    fake: Option<Fake>,
    /// `METHOD /path?query` of each request, in order.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    pub(crate) fn without_manager() -> Self {
        Self { home: TempDir::new().unwrap(), fake: None, seen: Arc::default() }
    }

    pub(crate) async fn new<H, F>(handler: H) -> Self
    where
        H: Fn(String, Asked) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let fake = Fake::start(move |asked| {
            let request = format!("{} {}", asked.method(), asked.uri());
            let request = request.replacen("/api/v1", "", 1);
            kept.lock().unwrap().push(request.clone());
            handler(request, asked)
        })
        .await;
        Self { home: TempDir::new().unwrap(), fake: Some(fake), seen }
    }

    /// A manager that gives fixed answers and 404 to all else.
    pub(crate) async fn fixed(answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Self {
        let answers: HashMap<_, _> =
            answers.into_iter().map(|(request, status, body)| (request, (status, body))).collect();
        let answers = Arc::new(answers);
        Self::new(move |request, _| {
            let answer = match answers.get(request.as_str()) {
                Some((status, body)) => answer_json(*status, body),
                None => answer_json(404, &json!({"code": "not_found", "message": format!("no {request}")})),
            };
            std::future::ready(answer)
        })
        .await
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        self.fake.as_ref().map(Fake::url).unwrap_or_default()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) async fn lp(&self, arguments: &[&str]) -> Ran {
        self.lp_with(arguments, &[], "").await
    }

    pub(crate) async fn lp_with(&self, arguments: &[&str], env: &[(&str, &str)], stdin: &str) -> Ran {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lp"));
        command.env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        if self.fake.is_some() {
            command.env("LP_MANAGER", self.url()).env("LP_TOKEN", "sesame");
        }
        command.args(arguments).envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // a program that does not read its stdin closes it
        let _ = input.write_all(stdin.as_bytes()).await;
        drop(input);
        let output = child.wait_with_output().await.unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A body that breaks off after its first bytes. The pause makes the server send them before it meets the error.
pub(crate) fn breaks_off(content_type: &str, first: &'static [u8]) -> Answer {
    let cut = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut"))
    });
    streamed(content_type, stream::iter([Ok(Bytes::from_static(first))]).chain(cut))
}

pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(crate) fn task(stage: &str, status: Option<&str>) -> Value {
    let end_at = (stage == "finished").then_some("2026-11-22T10:01:00Z");
    let mut task = json!({
        "task_id": TASK, "task_name": "run hello", "app_id": APP, "app_name": "hello", "version_id": 43, "version": 3,
        "stage": stage, "status": status, "priority": 0, "create_at": "2026-11-22T10:00:00Z",
        "start_at": "2026-11-22T10:00:00.250Z", "end_at": end_at,
    });
    if status == Some("fail") {
        task["reason"] = "action `first` failed on attempt 2 of 2: exit code 3".into();
    }
    task
}

pub(crate) fn attempt(number: u32, stage: &str, exit: Value) -> Value {
    let status = (stage == "finished").then_some(if exit["code"] == 0 { "success" } else { "fail" });
    json!({
        "attempt": number, "run": 1, "stage": stage, "status": status, "exit": exit, "node_id": NODE,
        "node_name": "ryzen", "assign_at": "2026-11-22T10:00:00.100Z", "start_at": "2026-11-22T10:00:00.250Z",
        "end_at": (stage == "finished").then_some("2026-11-22T10:00:01.750Z"), "log_bytes": 12,
        "usage": {"cpu_seconds": 0.5, "max_rss_bytes": 1_048_576},
    })
}

pub(crate) fn action(
    name: &str,
    condition: &[&str],
    stage: &str,
    status: Option<&str>,
    attempts: Vec<Value>,
) -> Value {
    json!({"name": name, "condition": condition, "stage": stage, "status": status, "attempts": attempts})
}

pub(crate) fn info(mut task: Value, actions: Vec<Value>) -> Value {
    task["input_data"] = json!({"name": "you", "number": 1.5});
    task["actions"] = actions.into();
    task["result"] = json!({});
    task
}

pub(crate) fn app(name: &str) -> Value {
    json!({
        "app_id": APP, "name": name, "description": "says hello", "create_at": "2026-11-22T10:00:00Z",
        "update_at": "2026-11-22T11:00:00Z",
        "version": {
            "version_id": 3, "number": 3, "active": true, "digest": "0".repeat(64), "sha1": "1".repeat(40), "size_bytes": 1234, "format": "tar.gz",
            "description": "", "create_at": "2026-11-22T11:00:00Z",
        },
    })
}

pub(crate) fn node(name: &str) -> Value {
    json!({
        "node_id": NODE, "name": name, "state": "connected", "create_at": "2026-11-22T09:00:00Z",
        "seen_at": "2026-11-22T10:00:00Z",
        "facts": {
            "name": name, "platform": "x86_64", "hostname": "host", "ip": "127.0.0.1", "version": "0.1.0",
            "data_path": "/data", "docker_support": false, "capacity": {"slots": 4, "cpu_millis": 4000, "memory_bytes": 8_589_934_592_u64},
        },
        "load": {"running": 1, "waiting": 0, "disk_free_bytes": 1024, "disk_total_bytes": 2048, "memory_available_bytes": 4096, "load1": 0.5},
        "in_use": {"slots": 1, "cpu_millis": 500},
    })
}

pub(crate) fn page(items: Vec<Value>, next: Option<&str>) -> Value {
    match next {
        Some(next) => json!({"items": items, "next_cursor": next}),
        None => json!({"items": items}),
    }
}
