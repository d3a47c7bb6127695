//! `lp task` and `lp why`.

mod create;
mod wait;

use std::time::Duration;

use clap::{Args, Subcommand};
use lp_protocol::views::{ListTasks, StopTask, TaskView, WhyAction};
use lp_protocol::{AppId, Stage, Status};

pub(crate) use self::create::Create;
pub(crate) use self::wait::verdict;
use super::args::{self, Limit, OneTask, Since, Tasks};
use super::confirm::Yes;
use super::{Session, task_report};
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::text;

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
    Stop(Stop),
    /// Run finished tasks again, under the same id and with the same input
    Rerun(Rerun),
    /// Delete finished tasks with their logs and workspaces
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

#[derive(Args, Debug)]
pub(crate) struct Stop {
    #[command(flatten)]
    tasks: Tasks,
    /// First signal, 15 or 9 (-15 and -9 as in LitePipeline); 9 leaves no grace
    #[arg(short = 'g', long, value_parser = args::signal, allow_hyphen_values = true, value_name = "SIGNAL")]
    signal: Option<i32>,
    /// Time between SIGTERM and SIGKILL; default: what each action says
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    grace: Option<Duration>,
    /// Wait until they have stopped
    #[arg(long)]
    wait: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Rerun {
    #[command(flatten)]
    tasks: Tasks,
    /// Wait until they are finished; exit codes as of `wait`
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this
    #[arg(long, value_parser = args::duration, value_name = "TIME", requires = "wait")]
    timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    tasks: Tasks,
    #[command(flatten)]
    yes: Yes,
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
        Verb::Stop(stop) => self::stop(session, stop).await,
        Verb::Rerun(rerun) => self::rerun(session, rerun).await,
        Verb::Delete(delete) => self::delete(session, delete).await,
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let mut query = ListTasks {
        app_id: match list.app {
            Some(app) => Some(resolve_app(&client, &app).await?),
            None => None,
        },
        name: list.name,
        stage: list.stage,
        status: list.status,
        since: list.since.map(|since| since.time(session.out.look().now)),
        id_prefix: list.task,
        ..ListTasks::default()
    };
    let mut rows = session.out.list::<TaskView>();
    let mut pages = list.limit.pages();
    while let Some(size) = pages.next_size() {
        query.limit = Some(size);
        let page = client.list_tasks(&query).await?;
        for task in pages.take(&page.items) {
            rows.push(task)?;
        }
        query.cursor = pages.after(page.next_cursor);
    }
    rows.finish()?;
    pages.tell(session, "task", "lp task create -a APP");
    Ok(())
}

/// The id of an application that is named somehow; whole ids are not asked for.
pub(crate) async fn resolve_app(client: &lp_protocol::client::ManagerClient, app: &str) -> Result<AppId, Failure> {
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

async fn stop(session: &Session, stop: Stop) -> Result<(), Failure> {
    let client = session.client()?;
    let body = StopTask { signal: stop.signal, grace: stop.grace.map(|grace| grace.as_secs_f64()) };
    let tasks = stop.tasks.get();
    let mut rows = session.out.list::<TaskView>();
    let result = session
        .each(&tasks, async |task| {
            let mut view = client.stop_task(task, &body).await?;
            if stop.wait {
                view = client.wait_until_finished(&view.task_id.to_string(), None).await?;
            }
            rows.push(&view)
        })
        .await;
    finish_some(rows, result)
}

async fn rerun(session: &Session, rerun: Rerun) -> Result<(), Failure> {
    let client = session.client()?;
    let tasks = rerun.tasks.get();
    let mut ids = Vec::new();
    let mut rows = session.out.list::<TaskView>();
    let result = session
        .each(&tasks, async |task| {
            let view = client.rerun_task(task).await?;
            ids.push(view.task_id.to_string());
            if rerun.wait { Ok(()) } else { rows.push(&view) }
        })
        .await;
    if rerun.wait && !ids.is_empty() {
        let waited = wait::for_all(session, &client, ids, rerun.timeout).await;
        return result.and(waited);
    }
    finish_some(rows, result)
}

/// Prints what there is; where everything failed there is not even a header.
fn finish_some(rows: crate::output::List<'_, TaskView>, result: Result<(), Failure>) -> Result<(), Failure> {
    if result.is_err() && rows.is_empty() {
        return result;
    }
    rows.finish().and(result)
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { tasks, yes } = delete;
    session
        .each(&tasks.get(), async |task| {
            let view = client.fetch_task(task).await?.task;
            let what =
                format!("delete the task {} `{}` with its logs and workspaces", view.task_id, view.task_name);
            yes.confirm(session, &what).await?;
            client.delete_task(&view.task_id.to_string()).await?;
            session.out.note(&format!("deleted the task {}", view.task_id));
            Ok(())
        })
        .await
}

pub(crate) async fn explain(session: &Session, why: Why) -> Result<(), Failure> {
    let why = session.client()?.explain_task(&why.task.get()).await?;
    session.out.document(&why, || {
        let look = &session.out.look();
        let mut report = Report::on(&session.out);
        report.head(&crate::output::stage_cell(look, why.stage, why.status), &why.summary);
        for WhyAction { name, reason, hint } in &why.actions {
            let hint = hint.as_ref().map(|hint| format!("\n{hint}")).unwrap_or_default();
            report.line(&text::visible(name), &format!("{reason}{hint}"));
        }
        report.into_text()
    })
}
