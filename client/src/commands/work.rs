//! `lp work`.

mod report;
mod wait;

use std::time::Duration;

use clap::{Args, Subcommand};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{CreateWork, DeleteWork, ListWorks, StopTask, WorkView};
use lp_protocol::{Stage, Status, WorkId};

use super::args::{self, Limit, Since};
use super::confirm::Yes;
use super::{Session, input, why, workflow};
use crate::failure::Failure;
use crate::output::stage_cell;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Run a workflow with input data
    #[command(
        after_help = "Examples:\n  lp work create -w nightly\n  lp work create -w nightly -n monday -i '{\"day\": 1}' --wait\n  \
        lp work create -w nightly -i @input.json -o name"
    )]
    Create(Create),
    /// List works, the newest first
    #[command(
        after_help = "Examples:\n  lp work list -s running\n  lp work list -S fail --since 1d -W nightly"
    )]
    List(List),
    /// Show a work: its applications, their tasks and what they left
    Info(Info),
    /// Wait until works are finished; exit code 0 if all succeeded, 1 if not, 6 after the timeout
    Wait(Wait),
    /// Stop works: no application of them starts any more, and their tasks are stopped
    Stop(Stop),
    /// Run finished works again from the beginning, with the same versions and input, under the same id
    Rerun(Again),
    /// Go on with works that did not succeed: what succeeded is kept, the rest runs
    Recover(Again),
    /// Delete finished works with their tasks, logs and workspaces
    Delete(Delete),
    /// Explain what a work waits for, or why it failed
    Why(Info),
}

/// One work.
#[derive(Args, Debug)]
#[group(id = "one-work", required = true, multiple = false)]
pub(crate) struct OneWork {
    /// Id, beginning of an id (4 characters or more), or @last
    #[arg(value_name = "WORK")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 'w', long = "work", value_name = "WORK", hide_short_help = true)]
    flag: Option<String>,
}

impl OneWork {
    fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

/// One work or more.
#[derive(Args, Debug)]
#[group(id = "works", required = true, multiple = true)]
pub(crate) struct Works {
    /// Ids, beginnings of ids (4 characters or more), or @last
    #[arg(value_name = "WORK")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 'w', long = "work", value_name = "WORK", hide_short_help = true)]
    flag: Vec<String>,
}

impl Works {
    fn get(self) -> Vec<String> {
        [self.bare, self.flag].concat()
    }
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Workflow: name, id, or beginning of an id
    #[arg(short, long)]
    workflow: String,
    /// Name of the work; default: `run` and the workflow's name
    #[arg(short, long)]
    name: Option<String>,
    /// Input data for all its applications: a JSON object, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// Higher goes first
    #[arg(short, long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    /// Wait until it is finished; exit code 0 if it succeeded, 1 if not, 6 after the timeout
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this: 90, "1h 30m"
    #[arg(long, value_parser = args::duration, value_name = "TIME", requires = "wait")]
    timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// Only works of this workflow
    #[arg(short = 'W', long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// Only works whose id begins with this
    #[arg(short, long, value_name = "ID")]
    work: Option<String>,
    /// Only works in this stage: pending, running, stopping or finished
    #[arg(short, long)]
    stage: Option<Stage>,
    /// Only works that finished so: success, fail, kill
    #[arg(short = 'S', long)]
    status: Option<Status>,
    /// Only works created since: 1d, "2h 30m" or 2026-11-22T08:00:00Z
    #[arg(long, value_parser = args::since, value_name = "TIME")]
    since: Option<Since>,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    _width: WidthWithoutShort,
}

/// Takes the place of the global flag, so that `-W` is free for LitePipeline's meaning of it.
#[derive(Args, Debug)]
#[group(skip)]
struct WidthWithoutShort {
    /// Cut the values in tables to N characters
    #[arg(id = "width", long = "width", value_name = "N", value_parser = clap::value_parser!(u16).range(1..), hide = true)]
    _width: Option<u16>,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    work: OneWork,
}

#[derive(Args, Debug)]
pub(crate) struct Wait {
    #[command(flatten)]
    works: Works,
    /// Wait no longer than this: 90, "1h 30m"
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct Stop {
    #[command(flatten)]
    works: Works,
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
pub(crate) struct Again {
    #[command(flatten)]
    works: Works,
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
    works: Works,
    /// Stop those first that are not finished
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => self::create(session, create).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(info) => self::info(session, info).await,
        Verb::Wait(Wait { works, timeout }) => {
            let client = session.client()?;
            wait::for_all(session, &client, works.get(), timeout).await
        }
        Verb::Stop(stop) => self::stop(session, stop).await,
        Verb::Rerun(again) => {
            let client = session.client()?;
            self::again(session, again, async |work| Ok(client.rerun_work(work).await?)).await
        }
        Verb::Recover(again) => {
            let client = session.client()?;
            self::again(session, again, async |work| Ok(client.recover_work(work).await?)).await
        }
        Verb::Delete(delete) => self::delete(session, delete).await,
        Verb::Why(why) => explain(session, why).await,
    }
}

async fn create(session: &Session, create: Create) -> Result<(), Failure> {
    let client = session.client()?;
    // read before anything is asked: a broken input is the user's to mend whether there is a manager or not
    let input_data = match &create.input {
        Some(given) => Some(input::one(given).await?),
        None => None,
    };
    let workflow_id = workflow::resolve(&client, &create.workflow).await?;
    let body = CreateWork { workflow_id, name: create.name, input_data, priority: create.priority };
    let work = client.create_work(&body).await?;
    if !create.wait {
        return session.out.item(&work);
    }
    if session.out.format == crate::cli::Format::Name {
        session.out.item(&work)?;
    } else {
        session.out.note(&format!("work {}", work.work_id));
    }
    wait::for_one(session, &client, &work.work_id.to_string(), create.timeout).await
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let query = ListWorks {
        workflow_id: match list.workflow {
            Some(workflow) => Some(workflow::resolve(&client, &workflow).await?),
            None => None,
        },
        name: list.name,
        stage: list.stage,
        status: list.status,
        since: list.since.map(|since| since.time(session.out.look().now)),
        id_prefix: list.work,
        ..ListWorks::default()
    };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_works(&ListWorks { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "work", "lp work create -w WORKFLOW");
    Ok(())
}

async fn info(session: &Session, info: Info) -> Result<(), Failure> {
    let client = session.client()?;
    let work = client.fetch_work(&info.work.get()).await?;
    let mut why = work.work.reason.clone();
    if why.is_none() && work.work.stage.is_open() && session.out.is_for_people() {
        // the report is worth having without it
        why = client.explain_work(&work.work.work_id.to_string()).await.ok().map(|why| why.summary);
    }
    session.out.document_or_name(&work, || report::text(&session.out, &work, why.as_deref()))
}

async fn stop(session: &Session, stop: Stop) -> Result<(), Failure> {
    let client = session.client()?;
    let body = StopTask { signal: stop.signal, grace: stop.grace.map(|grace| grace.as_secs_f64()) };
    session
        .print_each(&stop.works.get(), async |work| {
            let view = client.stop_work(work, &body).await?;
            if !stop.wait {
                return Ok(view);
            }
            Ok(client.wait_until_work_finished(&view.work_id.to_string(), None).await?)
        })
        .await
}

async fn again(
    session: &Session,
    again: Again,
    mut act: impl AsyncFnMut(&str) -> Result<WorkView, Failure>,
) -> Result<(), Failure> {
    let client = session.client()?;
    let mut ids = Vec::new();
    let mut rows = session.out.list::<WorkView>();
    let result = session
        .each(&again.works.get(), async |work| {
            let view = act(work).await?;
            ids.push(view.work_id.to_string());
            if again.wait { Ok(()) } else { rows.push(&view) }
        })
        .await;
    if again.wait && !ids.is_empty() {
        let waited = wait::for_all(session, &client, ids, again.timeout).await;
        return result.and(waited);
    }
    rows.finish_some(result)
}

/// The id of a work that is named somehow; whole ids are not asked for.
pub(crate) async fn resolve(client: &ManagerClient, work: &str) -> Result<WorkId, Failure> {
    match work.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(client.fetch_work(work).await?.work.work_id),
    }
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { works, force, yes } = delete;
    session
        .each(&works.get(), async |work| {
            let view = client.fetch_work(work).await?.work;
            let stop = if force && view.stage.is_open() { "stop and " } else { "" };
            let what = format!(
                "{stop}delete the work {} `{}` with its tasks, their logs and workspaces",
                view.work_id, view.name
            );
            yes.confirm(session, &what).await?;
            client.delete_work(&view.work_id.to_string(), &DeleteWork { force }).await?;
            session.out.note(&format!("deleted the work {}", view.work_id));
            Ok(())
        })
        .await
}

async fn explain(session: &Session, why: Info) -> Result<(), Failure> {
    let why = session.client()?.explain_work(&why.work.get()).await?;
    session.out.document(&why, || {
        let state = stage_cell(&session.out.look(), why.stage, why.status);
        why::report(&session.out, &state, &why.summary, &why.applications).into_text()
    })
}
