//! Waiting for works, and what their ends mean for the exit code: as for tasks.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use lp_protocol::Status;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{WaitTask, WorkView};

use crate::cli::Format;
use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// Works waited for at the same time, 16: each holds a connection.
const AT_ONCE: usize = 16;

/// Waits for one work and prints it as it ended.
pub(super) async fn for_one(
    session: &Session,
    client: &ManagerClient,
    id: &str,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let work = client.wait_until_work_finished(id, timeout).await?;
    if session.out.format != Format::Name {
        session.out.item(&work)?;
    }
    verdict(session, &[work], timeout)
}

/// Waits for each and prints them in the order they were given.
pub(super) async fn for_all(
    session: &Session,
    client: &ManagerClient,
    works: Vec<String>,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let mut ids = Vec::new();
    for work in &works {
        // `@last` and prefixes are settled now: they may mean another work later
        let view = client.wait_work(work, &WaitTask { timeout: Some(0.0) }).await?;
        ids.push(view.work_id.to_string());
    }
    let began = Instant::now();
    let waits = ids.into_iter().map(|id| async move {
        let left = timeout.map(|timeout| timeout.saturating_sub(began.elapsed()));
        client.wait_until_work_finished(&id, left).await
    });
    let mut ended = Vec::new();
    let mut waits = stream::iter(waits).buffered(AT_ONCE);
    while let Some(work) = waits.next().await {
        ended.push(work?);
    }
    let mut rows = session.out.list::<WorkView>();
    for work in &ended {
        rows.push(work)?;
    }
    rows.finish()?;
    verdict(session, &ended, timeout)
}

/// Success where all succeeded; a work that is not finished counts before one that failed.
fn verdict(session: &Session, works: &[WorkView], timeout: Option<Duration>) -> Result<(), Failure> {
    let open: Vec<&WorkView> = works.iter().filter(|work| work.stage.is_open()).collect();
    if let [first, ..] = open[..] {
        let time = text::duration(timeout.unwrap_or_default());
        let what = match works {
            [work] => format!("the work is still {} after {time}", work.stage),
            _ => format!("{} not finished after {time}", text::count(open.len(), "work")),
        };
        let hint = Some(format!("lp work why {} tells what it waits for", first.work_id.short()));
        return Err(Failure::TimedOut { what, hint });
    }
    let failed: Vec<_> = works.iter().filter(|work| work.status != Some(Status::Success)).collect();
    for work in failed.iter().take(3) {
        if let Some(reason) = work.reason.as_deref().filter(|_| session.out.is_for_people()) {
            session.out.note(&format!("{}: {}", work.work_id.short(), text::visible(reason)));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Shown) }
}
