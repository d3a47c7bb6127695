//! `lp schedule`.

mod create;
mod report;
mod update;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{ListInstants, ListSchedules, NextInstant, NextInstants, UpdateSchedule};
use uuid::Uuid;

use self::create::Create;
use self::update::Update;
use super::Session;
use super::args::Limit;
use super::confirm::Yes;
use super::task::resolve_app;
use super::workflow;
use crate::failure::Failure;
use crate::output::text;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Create a schedule that runs an application or a workflow by the calendar
    #[command(after_help = create::EXAMPLES)]
    Create(Create),
    /// List schedules, the newest first
    List(List),
    /// Show a schedule, its next and its latest instants
    Info(Info),
    /// Change a schedule; with other times, or enabled, it begins anew now
    #[command(after_help = update::EXAMPLES)]
    Update(Update),
    /// Enable schedules; what came while they were disabled is not caught up on
    Enable(Several),
    /// Disable schedules; what runs goes on
    Disable(Several),
    /// Fire schedules now, by their rule of overlap
    Trigger(Several),
    /// Preview the coming instants
    #[command(
        after_help = "Example:\n  lp schedule next nightly -l 3        on the coming change of the clock, say"
    )]
    Next(Next),
    /// Show the instants that have come: fired, waiting, or skipped and why
    History(History),
    /// Delete schedules with their history; the tasks and works they have made stay
    Delete(Delete),
}

/// One schedule.
#[derive(Args, Debug)]
#[group(id = "one-schedule", required = true, multiple = false)]
pub(crate) struct OneSchedule {
    /// Id, beginning of an id (4 characters or more), or a name that only one has
    #[arg(value_name = "SCHEDULE")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 's', long = "schedule", value_name = "SCHEDULE", hide_short_help = true)]
    flag: Option<String>,
}

impl OneSchedule {
    fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

/// One schedule or more.
#[derive(Args, Debug)]
#[group(id = "schedules", required = true, multiple = true)]
struct Schedules {
    /// Ids, beginnings of ids (4 characters or more), or names that only one has
    #[arg(value_name = "SCHEDULE")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 's', long = "schedule", value_name = "SCHEDULE", hide_short_help = true)]
    flag: Vec<String>,
}

impl Schedules {
    fn get(self) -> Vec<String> {
        [self.bare, self.flag].concat()
    }
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// Only schedules of this application
    #[arg(short, long, value_name = "APP", conflicts_with = "workflow")]
    app: Option<String>,
    /// Only schedules of this workflow
    #[arg(short, long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// Only schedules whose id begins with this
    #[arg(short, long = "schedule", value_name = "ID")]
    schedule: Option<String>,
    /// Only enabled ones; with `false` only disabled ones
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enable: Option<bool>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    schedule: OneSchedule,
}

#[derive(Args, Debug)]
pub(crate) struct Several {
    #[command(flatten)]
    schedules: Schedules,
}

#[derive(Args, Debug)]
pub(crate) struct Next {
    #[command(flatten)]
    schedule: OneSchedule,
    /// How many
    #[arg(short = 'l', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Those after this time, such as 2026-03-28T00:00:00Z; default now
    #[arg(long, value_name = "TIME", value_parser = instant)]
    after: Option<DateTime<Utc>>,
}

#[derive(Args, Debug)]
pub(crate) struct History {
    #[command(flatten)]
    schedule: OneSchedule,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    schedules: Schedules,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => create::run(session, create).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(info) => report::run(session, &info.schedule.get()).await,
        Verb::Update(update) => update::run(session, update).await,
        Verb::Enable(some) => enable(session, some.schedules.get(), true).await,
        Verb::Disable(some) => enable(session, some.schedules.get(), false).await,
        Verb::Trigger(some) => trigger(session, some.schedules.get()).await,
        Verb::Next(next) => self::next(session, next).await,
        Verb::History(history) => self::history(session, history).await,
        Verb::Delete(delete) => self::delete(session, delete).await,
    }
}

/// A time with its zone, as in RFC 3339.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| format!("`{text}` is not a time with a zone, such as 2026-11-22T08:00:00Z"))
}

/// The id of what a schedule is about.
async fn source_of(
    client: &ManagerClient,
    app: Option<&str>,
    workflow: Option<&str>,
) -> Result<Option<Uuid>, Failure> {
    Ok(match (app, workflow) {
        (Some(app), _) => Some(resolve_app(client, app).await?.0),
        (None, Some(workflow)) => Some(workflow::resolve(client, workflow).await?.0),
        (None, None) => None,
    })
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let query = ListSchedules {
        id_prefix: list.schedule,
        source_id: source_of(&client, list.app.as_deref(), list.workflow.as_deref()).await?,
        name: list.name,
        enable: list.enable,
        cursor: None,
        limit: None,
    };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_schedules(&ListSchedules { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "schedule", "lp schedule create -n NAME -a APP --cron '40 12 * * *' -e");
    Ok(())
}

async fn enable(session: &Session, schedules: Vec<String>, enable: bool) -> Result<(), Failure> {
    let client = session.client()?;
    let body = UpdateSchedule { enable: Some(enable), ..UpdateSchedule::default() };
    session.print_each(&schedules, async |schedule| Ok(client.update_schedule(schedule, &body).await?)).await
}

async fn trigger(session: &Session, schedules: Vec<String>) -> Result<(), Failure> {
    let client = session.client()?;
    session.print_each(&schedules, async |schedule| Ok(client.trigger_schedule(schedule).await?)).await
}

async fn next(session: &Session, next: Next) -> Result<(), Failure> {
    let query = NextInstants { count: Some(next.limit), after: next.after };
    let coming = session.client()?.preview_schedule(&next.schedule.get(), &query).await?;
    let mut rows = session.out.list::<NextInstant>();
    for instant in &coming {
        rows.push(instant)?;
    }
    rows.finish()
}

async fn history(session: &Session, history: History) -> Result<(), Failure> {
    let client = session.client()?;
    let schedule = history.schedule.get();
    history
        .limit
        .print(session, async |cursor, limit| {
            client.list_instants(&schedule, &ListInstants { cursor, limit }).await
        })
        .await?;
    Ok(())
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { schedules, yes } = delete;
    session
        .each(&schedules.get(), async |schedule| {
            let view = client.fetch_schedule(schedule).await?.schedule;
            let what =
                format!("delete the schedule {} `{}` with its history", view.schedule_id, view.schedule_name);
            yes.confirm(session, &what).await?;
            client.delete_schedule(&view.schedule_id.to_string()).await?;
            session.out.note(&format!("deleted the schedule `{}`", text::visible(&view.schedule_name)));
            Ok(())
        })
        .await
}
