//! What is done to tasks that are there: stop, rerun, recover, delete. Each for tasks that are named, or for all that pass a filter.

use std::time::Duration;

use clap::Args;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{BulkDeed, DeleteTask, RecoverTask, RerunTask, StopTask, TaskView};

use super::bulk::{self, Matching};
use super::wait;
use crate::commands::Session;
use crate::commands::args;
use crate::commands::confirm::Yes;
use crate::failure::Failure;

/// The tasks that are meant.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// Ids, beginnings of ids (4 characters or more), or @last
    #[arg(value_name = "TASK")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 't', long = "task", value_name = "TASK", hide_short_help = true)]
    flag: Vec<String>,
    #[command(flatten)]
    matching: Matching,
}

#[derive(Args, Debug)]
pub(crate) struct Stop {
    #[command(flatten)]
    which: Which,
    /// First signal, 15 or 9 (-15 and -9 as in LitePipeline); 9 leaves no grace
    #[arg(short = 'g', long, value_parser = args::signal, allow_hyphen_values = true, value_name = "SIGNAL")]
    signal: Option<i32>,
    /// SIGKILL at once
    #[arg(long, conflicts_with_all = ["signal", "grace"])]
    force: bool,
    /// Time between SIGTERM and SIGKILL; default: what each action says
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    grace: Option<Duration>,
    /// Wait until they have stopped
    #[arg(long, conflicts_with = "matching")]
    wait: bool,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Args, Debug)]
pub(crate) struct Rerun {
    #[command(flatten)]
    which: Which,
    /// Run the version they had, not the one of their application that is active now
    #[arg(long)]
    same_version: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Args, Debug)]
pub(crate) struct Recover {
    #[command(flatten)]
    which: Which,
    /// Run this action again even if it has succeeded, and all that follows from it; also several times
    #[arg(long, value_name = "ACTION")]
    from: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Args, Debug)]
pub(crate) struct Waiting {
    /// Wait until they are finished; exit codes as of `wait`
    #[arg(long, conflicts_with = "matching")]
    wait: bool,
    /// Wait no longer than this
    #[arg(long, value_parser = args::duration, value_name = "TIME", requires = "wait")]
    timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    which: Which,
    /// Stop them first (SIGKILL) where they are not finished
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn stop(session: &Session, stop: Stop) -> Result<(), Failure> {
    let client = session.client()?;
    let body = if stop.force {
        StopTask { signal: Some(9), grace: Some(0.0) }
    } else {
        StopTask { signal: stop.signal, grace: stop.grace.map(|grace| grace.as_secs_f64()) }
    };
    let Some(tasks) = stop.which.named()? else {
        return bulk::run(session, &client, BulkDeed::Stop(body), stop.which.matching, &stop.yes).await;
    };
    session
        .print_each(&tasks, async |task| {
            let view = client.stop_task(task, &body).await?;
            if !stop.wait {
                return Ok(view);
            }
            Ok(client.wait_until_finished(&view.task_id.to_string(), None).await?)
        })
        .await
}

pub(crate) async fn rerun(session: &Session, rerun: Rerun) -> Result<(), Failure> {
    let client = session.client()?;
    let body = RerunTask { same_version: rerun.same_version };
    let Some(tasks) = rerun.which.named()? else {
        return bulk::run(session, &client, BulkDeed::Rerun(body), rerun.which.matching, &rerun.yes).await;
    };
    let client = &client;
    again(session, client, &tasks, rerun.waiting, async |task| Ok(client.rerun_task(task, &body).await?))
        .await
}

pub(crate) async fn recover(session: &Session, recover: Recover) -> Result<(), Failure> {
    let client = session.client()?;
    let body = RecoverTask { from: recover.from };
    let Some(tasks) = recover.which.named()? else {
        let deed = BulkDeed::Recover(body);
        return bulk::run(session, &client, deed, recover.which.matching, &recover.yes).await;
    };
    let client = &client;
    again(session, client, &tasks, recover.waiting, async |task| Ok(client.recover_task(task, &body).await?))
        .await
}

async fn again(
    session: &Session,
    client: &ManagerClient,
    tasks: &[String],
    waiting: Waiting,
    run: impl AsyncFn(&str) -> Result<TaskView, Failure>,
) -> Result<(), Failure> {
    let mut ids = Vec::new();
    let mut rows = session.out.list::<TaskView>();
    let result = session
        .each(tasks, async |task| {
            let view = run(task).await?;
            ids.push(view.task_id.to_string());
            if waiting.wait { Ok(()) } else { rows.push(&view) }
        })
        .await;
    if waiting.wait && !ids.is_empty() {
        let waited = wait::for_all(session, client, ids, waiting.timeout).await;
        return result.and(waited);
    }
    rows.finish_some(result)
}

pub(crate) async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let body = DeleteTask { force: delete.force };
    let Some(tasks) = delete.which.named()? else {
        return bulk::run(session, &client, BulkDeed::Delete(body), delete.which.matching, &delete.yes).await;
    };
    session
        .each(&tasks, async |task| {
            let view = client.fetch_task(task).await?.task;
            let what =
                format!("delete the task {} `{}` with its logs and workspaces", view.task_id, view.task_name);
            delete.yes.confirm(session, &what).await?;
            client.delete_task(&view.task_id.to_string(), &body).await?;
            session.out.note(&format!("deleted the task {}", view.task_id));
            Ok(())
        })
        .await
}

impl Which {
    /// The tasks that are named; None where a filter says which.
    fn named(&self) -> Result<Option<Vec<String>>, Failure> {
        let named = [self.bare.as_slice(), self.flag.as_slice()].concat();
        match (named.is_empty(), self.matching.is_given()) {
            (false, false) => Ok(Some(named)),
            (true, true) => Ok(None),
            (true, false) => Err(Failure::usage(
                "no task is named".to_owned(),
                "give ids, @last, or a filter such as `-S fail --since 1d`",
            )),
            (false, true) => Err(Failure::usage(
                "tasks are named and a filter is given".to_owned(),
                "give the ids or the filter",
            )),
        }
    }
}
