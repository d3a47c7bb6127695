//! `lp task` and `lp why`.

mod bulk;
mod control;
mod create;
mod wait;

use std::time::Duration;

use clap::{Args, Subcommand};
use lp_protocol::views::ListTasks;
use lp_protocol::{AppId, Stage, Status};

use self::control::{Delete, Recover, Rerun, Stop};
pub(crate) use self::create::Create;
pub(crate) use self::wait::verdict;
use super::args::{self, Limit, OneTask, Since, Tasks};
use super::{Session, task_report, why};
use crate::failure::Failure;
use crate::output::{stage_cell, text};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Run an application with input data
    #[command(after_help = create::EXAMPLES)]
    Create(Create),
    /// List tasks, the newest first
    #[command(
        after_help = "Examples:\n  lp task list -s running\n  lp task list -S fail --since 1d -a hello -o wide\n  \
        lp task list -n 'nightly*' --all -o name | xargs -r lp task delete --yes"
    )]
    List(List),
    /// Show a task: its actions, their attempts, and what it waits for or failed of
    Info(Info),
    /// Wait until tasks are finished; exit code 0 if all succeeded, 1 if not, 6 after the timeout
    Wait(Wait),
    /// Stop tasks: SIGTERM to all their programs, SIGKILL after the grace period; nothing of them starts later
    #[command(
        after_help = "Examples:\n  lp task stop @last\n  lp task stop -a hello --since 1h\n  lp task stop 4f1c --force"
    )]
    Stop(Stop),
    /// Run finished tasks again from the beginning, under the same id and with the same input
    #[command(
        after_help = "Examples:\n  lp task rerun @last --wait\n  lp task rerun -S fail --since 1d --yes"
    )]
    Rerun(Rerun),
    /// Run what is left of finished tasks: what has succeeded is kept
    #[command(
        after_help = "Examples:\n  lp task recover @last\n  lp task recover 4f1c --from train\n  lp task recover -S fail -a nightly --since 1d"
    )]
    Recover(Recover),
    /// Delete finished tasks with their logs and workspaces
    #[command(
        after_help = "Examples:\n  lp task delete @last\n  lp task delete -n 'nightly*' -S success --yes\n  lp task delete 4f1c --force"
    )]
    Delete(Delete),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// Only tasks of this application
    #[arg(short, long, value_name = "APP")]
    app: Option<String>,
    /// Only tasks of this work
    #[arg(short, long, value_name = "WORK")]
    work: Option<String>,
    /// Only tasks whose id begins with this
    #[arg(short, long = "task", value_name = "ID")]
    task: Option<String>,
    /// Only tasks in this stage: pending, running, stopping or finished
    #[arg(short, long)]
    stage: Option<Stage>,
    /// Only tasks that finished so: success, fail, kill, ...
    #[arg(short = 'S', long)]
    status: Option<Status>,
    /// Only tasks created since: 1d, "2h 30m" or 2026-11-22T08:00:00Z
    #[arg(long, value_parser = args::since, value_name = "TIME")]
    since: Option<Since>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    task: OneTask,
}

#[derive(Args, Debug)]
pub(crate) struct Wait {
    #[command(flatten)]
    tasks: Tasks,
    /// Wait no longer than this: 90, "1h 30m"
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

/// `lp why`.
#[derive(Args, Debug)]
#[command(after_help = "The answer is from the code that decides: dependencies, capacity, filters, retries.")]
pub(crate) struct Why {
    #[command(flatten)]
    task: OneTask,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => create::run(session, create).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(info) => self::info(session, info).await,
        Verb::Wait(Wait { tasks, timeout }) => {
            let client = session.client()?;
            wait::for_all(session, &client, tasks.get(), timeout).await
        }
        Verb::Stop(stop) => control::stop(session, stop).await,
        Verb::Rerun(rerun) => control::rerun(session, rerun).await,
        Verb::Recover(recover) => control::recover(session, recover).await,
        Verb::Delete(delete) => control::delete(session, delete).await,
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let query = ListTasks {
        app_id: match list.app {
            Some(app) => Some(resolve_app(&client, &app).await?),
            None => None,
        },
        work_id: match list.work {
            Some(work) => Some(super::work::resolve(&client, &work).await?),
            None => None,
        },
        name: list.name,
        stage: list.stage,
        status: list.status,
        since: list.since.map(|since| since.time(session.out.look().now)),
        id_prefix: list.task,
        ..ListTasks::default()
    };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_tasks(&ListTasks { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "task", "lp task create -a APP");
    Ok(())
}

/// The id of an application that is named somehow; whole ids are not asked for.
pub(crate) async fn resolve_app(
    client: &lp_protocol::client::ManagerClient,
    app: &str,
) -> Result<AppId, Failure> {
    match app.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(client.fetch_app(app).await?.app_id),
    }
}

async fn info(session: &Session, info: Info) -> Result<(), Failure> {
    let client = session.client()?;
    let task = client.fetch_task(&info.task.get()).await?;
    let mut why = task.task.reason.clone();
    if why.is_none() && task.task.stage.is_open() && session.out.is_for_people() {
        // the report is worth having without it
        why = client.explain_task(&task.task.task_id.to_string()).await.ok().map(|why| why.summary);
    }
    session.out.document_or_name(&task, || task_report::text(&session.out, &task, why.as_deref()))
}

pub(crate) async fn explain(session: &Session, why: Why) -> Result<(), Failure> {
    let why = session.client()?.explain_task(&why.task.get()).await?;
    session.out.document(&why, || {
        let state = stage_cell(&session.out.look(), why.stage, why.status);
        let mut report = why::report(&session.out, &state, &why.summary, &why.actions);
        if let Some(last) = &why.last_output {
            report.line("said last", &text::visible(&last.text));
        }
        report.into_text()
    })
}
