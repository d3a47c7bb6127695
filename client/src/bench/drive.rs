//! Submits tasks and sees them end, as any client would: over HTTP, with the token, on kept connections.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use futures_util::{StreamExt as _, stream};
use lp_protocol::client::{CreatedStream, ManagerClient};
use lp_protocol::views::{CreateTask, CreateTasks, Event};
use lp_protocol::{Stage, Status, TaskId};

use super::apps::App;
use crate::failure::Failure;

/// Longest wait for a task that should take milliseconds: with so many before it as W6 queues, and on a slow machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Lines of input sent at a time, 4096 of three bytes: less than a packet of a local connection holds.
const LINES: usize = 4096;

/// What one task took.
pub(super) struct Single {
    /// From before the request to create it until the answer that it has ended.
    pub(super) seen: Duration,
    /// From before the request to the start of the first program, by the node's clock, which is this machine's.
    pub(super) started: Duration,
}

/// Creates a task and waits for it.
pub(super) async fn one(client: &ManagerClient, app: &App) -> Result<Single, Failure> {
    let body = CreateTask { app_id: app.id, task_name: None, input_data: None, priority: 0, key: None };
    let clock = Utc::now();
    let begin = Instant::now();
    let created = client.create_task(&body).await?;
    let task = client.wait_until_finished(&created.task_id.to_string(), Some(PATIENCE)).await?;
    let seen = begin.elapsed();
    if task.status != Some(Status::Success) {
        return Err(not_succeeded(app, task.reason.as_deref().unwrap_or(task.stage.as_str())));
    }
    let started = task.start_at.map(|start| start - clock).and_then(|time| time.to_std().ok());
    Ok(Single { seen, started: started.unwrap_or_default() })
}

/// Creates a task and does not wait for it. Returns its id.
pub(super) async fn one_unseen(client: &ManagerClient, app: &App) -> Result<String, Failure> {
    let body = CreateTask { app_id: app.id, task_name: None, input_data: None, priority: 0, key: None };
    Ok(client.create_task(&body).await?.task_id.to_string())
}

/// Creates tasks in one request and waits for the answers, not for the tasks: they are queued when this returns.
pub(super) async fn queue(client: &ManagerClient, app: &App, count: usize) -> Result<Duration, Failure> {
    let begin = Instant::now();
    let mut answers = create(client, app, count, 0).await?;
    let mut created = 0;
    while let Some(answer) = answers.next().await {
        answer?;
        created += 1;
    }
    if created != count {
        return Err(failed(format!("{created} of {count} tasks were acknowledged")));
    }
    Ok(begin.elapsed())
}

/// Creates tasks in one request and watches the events until the last of them has ended.
pub(super) async fn many(
    client: &ManagerClient,
    app: &App,
    count: usize,
    priority: i32,
) -> Result<Duration, Failure> {
    let mut events = client.events(None).await?;
    let begin = Instant::now();
    let mut answers = create(client, app, count, priority).await?;
    let mut open = HashSet::with_capacity(count);
    // an end may be seen before the answer that names the task
    let mut early = HashSet::new();
    let mut created = 0;
    let mut has_missed = false;
    while created < count || !open.is_empty() {
        if has_missed && created == count {
            has_missed = false;
            drop_finished(client, &mut open).await?;
            continue;
        }
        tokio::select! {
            answer = answers.next(), if created < count => {
                let answer = answer.ok_or_else(|| failed(format!("{created} of {count} tasks were acknowledged")))??;
                created += 1;
                if !early.remove(&answer.task_id) {
                    open.insert(answer.task_id);
                }
            }
            event = events.next() => match event {
                Some(Ok(Event::Task { task_id, stage: Stage::Finished, status })) => {
                    if status != Some(Status::Success) {
                        return Err(not_succeeded(app, &explain(client, task_id).await));
                    }
                    if !open.remove(&task_id) {
                        early.insert(task_id);
                    }
                }
                Some(Ok(Event::Task { .. } | Event::Attempt { .. } | Event::Node { .. } | Event::Work { .. })) => {}
                Some(Ok(Event::Missed)) | None => {
                    events = client.events(None).await?;
                    has_missed = true;
                }
                Some(Err(error)) => return Err(error.into()),
            },
        }
    }
    Ok(begin.elapsed())
}

/// Asks for each task where events were missed.
async fn drop_finished(client: &ManagerClient, open: &mut HashSet<TaskId>) -> Result<(), Failure> {
    for task_id in open.clone() {
        let task = client.fetch_task(&task_id.to_string()).await?.task;
        if !task.stage.is_open() {
            open.remove(&task_id);
        }
    }
    Ok(())
}

async fn create(
    client: &ManagerClient,
    app: &App,
    count: usize,
    priority: i32,
) -> Result<CreatedStream, Failure> {
    let query = CreateTasks { app_id: app.id, task_name: None, priority, key: None };
    let chunks = (0..count.div_ceil(LINES)).map(move |chunk| {
        let lines = LINES.min(count - chunk * LINES);
        io::Result::Ok(Bytes::from("{}\n".repeat(lines)))
    });
    Ok(client.create_tasks(&query, stream::iter(chunks)).await?)
}

async fn explain(client: &ManagerClient, task_id: TaskId) -> String {
    match client.explain_task(&task_id.to_string()).await {
        Ok(why) => why.summary,
        Err(error) => error.to_string(),
    }
}

fn not_succeeded(app: &App, why: &str) -> Failure {
    failed(format!("a task of the application `{}` has not succeeded: {why}", app.name))
}

pub(super) fn failed(what: impl Into<String>) -> Failure {
    Failure::Part { what: what.into(), hint: None }
}
