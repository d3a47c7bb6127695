//! Creating many tasks in one request: lines in, ids out, both streamed.
//!
//! While one chunk of lines is being committed the next is read and checked. Ids wait in a compact form for a client that sends first
//! and reads later; only when many thousand have gathered does the reading of lines wait for it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use lp_protocol::TaskId;
use lp_protocol::views::{CreateTasks, Created};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::super::catalogue::KnownApp;
use super::super::download::stream_of;
use super::super::failure::Failure;
use super::super::guard::RequestId;
use super::super::input::{Body, IDLE, Query};
use super::super::state::State;
use super::create::{check_targets, checked_key, checked_name};
use super::lines::{Chunk, Lines};
use crate::engine::{self, TaskDraft};

/// Chunks whose commits are waited for at once: the engine takes the second while it commits the first.
const IN_FLIGHT: usize = 2;

/// Chunks of ids that wait for the client, at most 1000 ids of 17 bytes each: 17 MiB for a client that does not read at all.
const UNREAD: usize = 1024;

/// Creates a task for each line of the body, in one request that may be as long as it likes. Blank lines are skipped. The ids come back line by
/// line as the tasks are committed; a line that cannot be used ends the answer with an `{"error": ...}` line, and the tasks before it stay.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/batch",
    tag = "tasks",
    params(CreateTasks),
    request_body(content = String, content_type = "application/x-ndjson", description = "One input object a line."),
    responses((status = 200, description = "One `Created` a line.", body = String, content_type = "application/x-ndjson"))
)]
pub(crate) async fn create_batch(
    state: web::Data<State>,
    request_id: web::ReqData<RequestId>,
    query: Query<CreateTasks>,
    body: Body,
) -> Result<HttpResponse, Failure> {
    let CreateTasks { app_id, task_name, priority, key } = query.0;
    let app = state.catalogue.load_app(&state.store, app_id).await?;
    let name = checked_name(task_name, &app.name)?;
    // for its rules only; each line has a key of its own
    key.clone().map(|key| checked_key(key, app_id, &name, priority, None)).transpose()?;
    let batch = Batch { state, app, name, priority, key };
    let (ids, unread) = mpsc::channel(UNREAD);
    let maker = AbortOnDropHandle::new(actix_web::rt::spawn(batch.make(Lines::new(body, IDLE), ids)));
    let reader =
        Reader { unread, gathered: Vec::new(), request_id: request_id.into_inner().0, _maker: maker };
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .streaming(Box::pin(stream_of(reader, Reader::next))))
}

struct Batch {
    state: web::Data<State>,
    app: KnownApp,
    name: String,
    priority: i32,
    key: Option<String>,
}

/// What the client is told next.
enum Told {
    Created(Vec<(TaskId, bool)>),
    Failed(Failure),
}

type Commit = Pin<Box<dyn Future<Output = Result<Vec<Created>, engine::Error>>>>;

impl Batch {
    async fn make(self, mut lines: Lines, told: mpsc::Sender<Told>) {
        if let Err(failure) = self.run(&mut lines, &told).await {
            let _a_client_that_left_is_not_told = told.send(Told::Failed(failure)).await;
        }
        drop(told);
        lines.drain().await;
    }

    async fn run(&self, lines: &mut Lines, told: &mpsc::Sender<Told>) -> Result<(), Failure> {
        let mut commits: VecDeque<(Commit, std::ops::RangeInclusive<u64>)> = VecDeque::new();
        let mut ending: Option<Result<(), Failure>> = None;
        loop {
            let chunk = tokio::select! {
                biased;
                committed = front(&mut commits), if !commits.is_empty() => {
                    let (created, numbers) = committed;
                    if tell(created, numbers, told).await?.is_none() {
                        return Ok(());
                    }
                    continue;
                }
                chunk = lines.next_chunk(), if ending.is_none() && commits.len() < IN_FLIGHT => chunk,
                else => return ending.unwrap_or(Ok(())),
            };
            let Some(Chunk { mut inputs, mut broken }) = chunk else {
                ending = Some(Ok(()));
                continue;
            };
            let wrong = inputs.iter().enumerate().find_map(|(nth, (number, input))| {
                check_targets(&self.app.source, input).err().map(|failure| (nth, *number, failure))
            });
            if let Some((nth, number, mut failure)) = wrong {
                inputs.truncate(nth);
                failure.error.message = format!("line {number} cannot be used: {}", failure.error.message);
                broken = Some(failure);
            }
            if let (Some((first, _)), Some((last, _))) = (inputs.first(), inputs.last()) {
                let numbers = *first..=*last;
                commits.push_back((self.begin(inputs).await?, numbers));
            }
            ending = broken.map(Err);
        }
    }

    /// Hands a chunk to the engine; it is in its inbox when this returns, so that chunks are committed in order.
    async fn begin(&self, inputs: Vec<(u64, Box<serde_json::value::RawValue>)>) -> Result<Commit, Failure> {
        let mut drafts = Vec::with_capacity(inputs.len());
        for (number, input) in inputs {
            let key = self.key.as_ref().map(|key| format!("{key}/{number}"));
            let app_id = self.app.source.app_id;
            let key = key
                .map(|key| checked_key(key, app_id, &self.name, self.priority, Some(&input)))
                .transpose()?;
            drafts.push(TaskDraft {
                name: self.name.clone(),
                input: Some(input),
                priority: self.priority,
                key,
            });
        }
        let (engine, source) = (self.state.engine.clone(), self.app.source.clone());
        let mut commit: Commit = Box::pin(async move { engine.create_tasks(source, drafts).await });
        match futures_util::poll!(&mut commit) {
            std::task::Poll::Ready(done) => Ok(Box::pin(std::future::ready(done))),
            std::task::Poll::Pending => Ok(commit),
        }
    }
}

type Committed = (Result<Vec<Created>, engine::Error>, std::ops::RangeInclusive<u64>);

async fn front(commits: &mut VecDeque<(Commit, std::ops::RangeInclusive<u64>)>) -> Committed {
    let Some((commit, _)) = commits.front_mut() else { return std::future::pending().await };
    let done = commit.await;
    let numbers = commits.pop_front().map_or(0..=0, |(_, numbers)| numbers);
    (done, numbers)
}

/// Passes on what was committed; None where the client has left.
async fn tell(
    created: Result<Vec<Created>, engine::Error>,
    numbers: std::ops::RangeInclusive<u64>,
    told: &mpsc::Sender<Told>,
) -> Result<Option<()>, Failure> {
    let created = created.map_err(|error| {
        let mut failure = Failure::from(error);
        let (first, last) = numbers.into_inner();
        failure.error.message = format!("lines {first} to {last} made no tasks: {}", failure.error.message);
        failure
    })?;
    let compact = created.into_iter().map(|Created { task_id, created }| (task_id, created)).collect();
    Ok(told.send(Told::Created(compact)).await.ok())
}

struct Reader {
    unread: mpsc::Receiver<Told>,
    gathered: Vec<Told>,
    request_id: String,
    /// The work ends with the answer's body: when the client is gone, nobody counts the rest.
    _maker: AbortOnDropHandle<()>,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, super::super::download::BodyError> {
        if self.unread.recv_many(&mut self.gathered, 16).await == 0 {
            return Ok(None);
        }
        let mut text = String::new();
        for told in self.gathered.drain(..) {
            match told {
                Told::Created(ids) => {
                    for (task_id, created) in ids {
                        text.push_str(&format!("{{\"task_id\":\"{task_id}\",\"created\":{created}}}\n"));
                    }
                }
                Told::Failed(failure) => {
                    let mut error = failure.error.clone();
                    error.request_id = self.request_id.clone();
                    text.push_str(&format!("{}\n", serde_json::json!({ "error": error })));
                }
            }
        }
        Ok(Some((text.into(), self)))
    }
}
