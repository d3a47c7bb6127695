//! Bytes the manager asks for: logs, files, whole workspaces.
//!
//! Each is an HTTP request of its own whose body is made while it is sent, in constant memory, so that none of them delays the link or
//! one another. Closing a stream drops the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use lp_protocol::frames::{NodeFrame, OFFSET_HEADER, StreamRequest};
use lp_protocol::{ApiError, AttemptKey, ErrorCode};
use reqwest::{Body, Method};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::Manager;
use crate::logs::{self, Watcher};
use crate::runner::{Runner, workspace};
use crate::sync::lock;
use crate::workspaces;

/// 256 streams at once: far more readers than one node has, and a bound for what a mistaken manager can start.
const MAX_STREAMS: usize = 256;

pub(crate) struct Streams {
    runner: Arc<Runner>,
    manager: Manager,
    watcher: Arc<Watcher>,
    frames: mpsc::UnboundedSender<NodeFrame>,
    open: Mutex<HashMap<u64, CancellationToken>>,
    tasks: TaskTracker,
}

impl Streams {
    pub(crate) fn new(
        runner: Arc<Runner>,
        manager: Manager,
        watcher: Arc<Watcher>,
        frames: mpsc::UnboundedSender<NodeFrame>,
    ) -> Self {
        let (open, tasks) = (Mutex::default(), TaskTracker::new());
        Self { runner, manager, watcher, frames, open, tasks }
    }

    pub(crate) fn open(self: &Arc<Self>, stream_id: u64, what: StreamRequest) {
        let cancel = CancellationToken::new();
        {
            let mut open = lock(&self.open);
            if open.len() >= MAX_STREAMS {
                let error = ApiError::new(ErrorCode::TooManyRequests, "the node has too many streams open");
                self.fail(stream_id, error);
                return;
            }
            open.insert(stream_id, cancel.clone());
        }
        let own = Arc::clone(self);
        self.tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = own.serve(stream_id, what) => {}
            }
            lock(&own.open).remove(&stream_id);
        });
    }

    pub(crate) fn close(&self, stream_id: u64) {
        if let Some(cancel) = lock(&self.open).get(&stream_id) {
            cancel.cancel();
        }
    }

    /// The manager that asked is gone, and with it whoever reads.
    pub(crate) fn close_all(&self) {
        lock(&self.open).values().for_each(CancellationToken::cancel);
    }

    /// Waits for the streams to end after [`Streams::close_all`].
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn serve(&self, stream_id: u64, what: StreamRequest) {
        let answer = match self.answer(what).await {
            Ok(answer) => answer,
            Err(error) => {
                self.fail(stream_id, error);
                return;
            }
        };
        let request = self.manager.request(Method::POST, &["node", "v1", "streams", &stream_id.to_string()]);
        let request = request.header(OFFSET_HEADER, answer.offset).body(answer.body);
        match self.manager.send(request).await {
            Ok(_) => {}
            // nobody waits for it any more
            Err(crate::http::Error::Conflict { .. } | crate::http::Error::Refused { status: 410, .. }) => {}
            Err(error) => {
                tracing::info!(stream.id = stream_id, error = %crate::link::chain(&error), "a stream ended early")
            }
        }
    }

    fn fail(&self, stream_id: u64, error: ApiError) {
        // fails only when the node ends
        let _ = self.frames.send(NodeFrame::StreamFailed { stream_id, error });
    }

    async fn answer(&self, what: StreamRequest) -> Result<Answer, ApiError> {
        let layout = &self.runner.site.layout;
        let action = attempt_of(&what).map(|attempt| attempt.action.as_str()).unwrap_or_default();
        if attempt_of(&what).is_some() && !workspace::is_safe_name(action) {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("`{}` is not a name of an action", action.escape_debug()),
            ));
        }
        match what {
            StreamRequest::Log { attempt, offset, tail_bytes, follow } => {
                let following = if follow { logs::Following::UntilEnd } else { logs::Following::No };
                let begin = tail_bytes.map_or(logs::Begin::At(offset), logs::Begin::LastBytes);
                let dir = workspace::path(layout, &attempt);
                let follower = logs::Follower::new(Arc::clone(&self.runner), &self.watcher, attempt, dir);
                let (offset, stream) = follower.read(begin, following)?;
                Ok(Answer { body: Body::wrap_stream(stream), offset })
            }
            StreamRequest::LogTimes { attempt } => {
                let times = self.runner.log_times(&attempt);
                Ok(Body::from(times.ok_or_else(|| ApiError::new(ErrorCode::Gone, "it has ended"))?).into())
            }
            StreamRequest::WorkspaceFiles { attempt } => {
                let dir = workspace::path(layout, &attempt);
                let listing = blocking(move || workspaces::list(&dir)).await?;
                let text = serde_json::to_vec(&listing).map_err(|error| broken(&error))?;
                Ok(Body::from(text).into())
            }
            StreamRequest::WorkspaceFile { attempt, path } => {
                let dir = workspace::path(layout, &attempt);
                let file = blocking(move || workspaces::open_file(&dir, &path)).await?;
                Ok(Body::from(tokio::fs::File::from_std(file)).into())
            }
            StreamRequest::BuildLog { key } => {
                let found = self.runner.cache.envs.log_of(&key);
                let path = found.ok_or_else(|| ApiError::not_found("build", &key))?;
                let text = tokio::task::spawn_blocking(move || crate::envs::build_log(&path)).await;
                let text = text.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
                Ok(Body::from(text).into())
            }
            StreamRequest::Workspace { attempt } => {
                let dir = workspace::path(layout, &attempt);
                let root = format!("{}.{}", attempt.task_id, attempt.action);
                Ok(Body::wrap_stream(workspaces::archive(dir, root)?).into())
            }
        }
    }
}

/// The bytes of a stream and where in their file they begin.
struct Answer {
    body: Body,
    offset: u64,
}

impl From<Body> for Answer {
    fn from(body: Body) -> Self {
        Self { body, offset: 0 }
    }
}

fn attempt_of(what: &StreamRequest) -> Option<&AttemptKey> {
    match what {
        StreamRequest::Log { attempt, .. }
        | StreamRequest::LogTimes { attempt }
        | StreamRequest::WorkspaceFiles { attempt }
        | StreamRequest::WorkspaceFile { attempt, .. }
        | StreamRequest::Workspace { attempt } => Some(attempt),
        StreamRequest::BuildLog { .. } => None,
    }
}

/// Work with files on a thread that may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, workspaces::Error> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(ApiError::from),
        Err(error) => Err(broken(&error)),
    }
}

fn broken(error: &dyn std::error::Error) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("the node cannot read it: {error}"))
}
