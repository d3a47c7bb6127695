//! W8: how quick the views of a large database are. W9: actions made at run time.
//!
//! The tasks of W8 are created and stopped: rows of finished tasks like any others, made in seconds. Each view is asked for as a client
//! does, over HTTP.

use std::time::Instant;

use lp_protocol::Status;
use lp_protocol::views::{BulkDeed, BulkTasks, ListTasks, StopTask};

use super::apps;
use super::bed::Bed;
use super::drive;
use super::figure::{Figure, Target, Unit};
use super::stats::median;
use crate::failure::Failure;

/// What a person does not notice as a wait.
const VIEW_MS: f64 = 100.0;

/// Times each view is asked for.
const REPETITIONS: usize = 11;

pub(super) async fn views(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let count = bed.sizes.history;
    bed.progress(&format!("W8 with {count} finished tasks"));
    let client = &bed.cluster.client;
    let app = bed.app("no-op", &apps::single(&apps::no_op())).await?;
    drive::queue(client, &app, count).await?;
    let begin = Instant::now();
    let filter = ListTasks { app_id: Some(app.id), ..ListTasks::default() };
    let mut bulk =
        BulkTasks { deed: BulkDeed::Stop(StopTask::default()), filter, all: false, dry_run: false };
    while let Some(cursor) = client.bulk_tasks(&bulk).await?.next_cursor {
        bulk.filter.cursor = Some(cursor);
    }
    let stopped = begin.elapsed().as_secs_f64();
    let newest = client.list_tasks(&ListTasks { limit: Some(1), ..ListTasks::default() }).await?;
    let task = newest.items.first().map(|task| task.task_id.to_string()).unwrap_or_default();
    client.wait_until_finished(&task, None).await?;

    let list = |filter: ListTasks| async move { client.list_tasks(&filter).await.map(drop) };
    let views = [
        ("newest", median_ms(|| list(ListTasks::default())).await?),
        (
            "of one status",
            median_ms(|| list(ListTasks { status: Some(Status::Kill), ..ListTasks::default() })).await?,
        ),
        (
            "of a name that few have",
            median_ms(|| list(ListTasks { name: Some("*x*".into()), ..ListTasks::default() })).await?,
        ),
        (
            "of a status that none has",
            median_ms(|| list(ListTasks { status: Some(Status::Fail), ..ListTasks::default() })).await?,
        ),
    ];
    let mut figures =
        vec![Figure::new("W8", format!("{count} tasks stopped by a filter"), Unit::Seconds, stopped)];
    for (kind, ms) in views {
        let name = format!("page of a list, {kind}, {count} finished");
        figures.push(Figure::new("W8", name, Unit::Milliseconds, ms).target(Target::AtMost(VIEW_MS)));
    }
    let info = median_ms(|| async { client.fetch_task(&task).await.map(drop) }).await?;
    let why = median_ms(|| async { client.explain_task(&task).await.map(drop) }).await?;
    for (what, ms) in [("info", info), ("why", why)] {
        let name = format!("{what} of a task, {count} finished");
        figures.push(Figure::new("W8", name, Unit::Milliseconds, ms).target(Target::AtMost(VIEW_MS)));
    }
    Ok(figures)
}

pub(super) async fn generated(bed: &Bed<'_>) -> Result<Vec<Figure>, Failure> {
    let count = bed.sizes.generated;
    bed.progress(&format!("W9 with {count} actions made at run time"));
    let client = &bed.cluster.client;
    let app = bed.app("generate", &apps::generate(count)).await?;
    let limit = bed.limit(|limit| limit.many(count, &apps::no_op()))?.as_secs_f64();
    let begin = Instant::now();
    let task = drive::one_unseen(client, &app).await?;
    let task = client.wait_until_finished(&task, None).await?.task_id.to_string();
    let took = begin.elapsed().as_secs_f64();
    let info = median_ms(|| async { client.fetch_task(&task).await.map(drop) }).await?;
    let name = format!("one task with {count} actions made at run time");
    Ok(vec![
        Figure::new("W9", name, Unit::Seconds, took).beside(limit),
        Figure::new("W9", format!("info of a task with {count} actions"), Unit::Milliseconds, info),
    ])
}

async fn median_ms<F>(mut ask: impl FnMut() -> F) -> Result<f64, Failure>
where
    F: Future<Output = Result<(), lp_protocol::client::Error>>,
{
    let mut times = Vec::with_capacity(REPETITIONS);
    for _ in 0..REPETITIONS {
        let begin = Instant::now();
        ask().await?;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&times))
}
