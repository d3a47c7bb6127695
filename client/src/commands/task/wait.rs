//! Waiting for tasks, and what their ends mean for the exit code.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use lp_protocol::Status;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{TaskView, WaitTask};

use crate::cli::Format;
use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// Tasks waited for at the same time, 16: each holds a connection.
const AT_ONCE: usize = 16;

/// Waits for one task and prints it as it ended.
pub(crate) async fn for_one(
    session: &Session,
    client: &ManagerClient,
    id: &str,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let task = client.wait_until_finished(id, timeout).await?;
    if session.out.format != Format::Name {
        session.out.item(&task)?;
    }
    verdict(session, &[task], timeout)
}

/// Waits for each and prints them in the order they were given.
pub(crate) async fn for_all(
    session: &Session,
    client: &ManagerClient,
    tasks: Vec<String>,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for task in &tasks {
        // `@last` and prefixes are settled now: they may mean another task later
        let view = client.wait_task(task, &WaitTask { timeout: Some(0.0) }).await?;
        ids.push(view.task_id.to_string());
    }
    let ended = all(client, ids, timeout).await?;
    let mut rows = session.out.list::<TaskView>();
    for task in &ended {
        rows.push(task)?;
    }
    rows.finish()?;
    verdict(session, &ended, timeout)
}

/// Waits for each and says only how many succeeded.
pub(crate) async fn quietly(
    session: &Session,
    client: &ManagerClient,
    ids: Vec<String>,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let ended = all(client, ids, timeout).await?;
    let succeeded = ended.iter().filter(|task| task.status == Some(Status::Success)).count();
    session.out.note(&format!("{succeeded} of {} succeeded", text::count(ended.len(), "task")));
    verdict(session, &ended, timeout)
}

async fn all(
    client: &ManagerClient,
    ids: Vec<String>,
    timeout: Option<Duration>,
) -> Result<Vec<TaskView>, Failure> {
    let began = Instant::now();
    let waits = ids.into_iter().map(|id| async move {
        let left = timeout.map(|timeout| timeout.saturating_sub(began.elapsed()));
        client.wait_until_finished(&id, left).await
    });
    let mut ended = Vec::new();
    let mut waits = stream::iter(waits).buffered(AT_ONCE);
    while let Some(task) = waits.next().await {
        ended.push(task?);
    }
    Ok(ended)
}

/// Success where all succeeded; a task that is not finished counts before one that failed.
pub(crate) fn verdict(
    session: &Session,
    tasks: &[TaskView],
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let open = tasks.iter().filter(|task| task.stage.is_open()).count();
    if open > 0 {
        let time = text::duration(timeout.unwrap_or_default());
        let what = match tasks {
            [task] => format!("the task is still {} after {time}", task.stage),
            _ => format!("{} not finished after {time}", text::count(open, "task")),
        };
        return Err(Failure::TimedOut {
            what,
            hint: Some(format!("lp why {} tells what it waits for", first_open(tasks))),
        });
    }
    let failed: Vec<_> = tasks.iter().filter(|task| task.status != Some(Status::Success)).collect();
    for task in failed.iter().take(3) {
        if let Some(reason) = task.reason.as_deref().filter(|_| session.out.is_for_people()) {
            session.out.note(&format!("{}: {}", task.task_id.short(), text::visible(reason)));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Shown) }
}

fn first_open(tasks: &[TaskView]) -> String {
    tasks.iter().find(|task| task.stage.is_open()).map(|task| task.task_id.short()).unwrap_or_default()
}
