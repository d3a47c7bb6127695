//! `lp schedule create`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use lp_protocol::views::{Catchup, CreateSchedule};
use lp_protocol::{Overlap, Source};

use super::{instant, source_of};
use crate::commands::{Session, args, input};
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lp schedule create -n nightly -a etl -H 12 -m 40 -e          every day at 12:40
  lp schedule create -n billing -a bill -H 6 -d 1 -e           on the first of the month
  lp schedule create -n report -a rep -H 8 -D 1 -e             on Mondays
  lp schedule create -n work -a etl --cron '40 12 * * 1-5' --tz Europe/Berlin -e
  lp schedule create -n counts -w counts -H 2 -e               a workflow, every night at 2
  lp schedule create -n poll -a poll --cron '*/15 * * * *' --overlap skip --catchup last -e

Times that a change of the clock skips happen right after the gap, times that come twice happen at
their first coming; a cron expression whose hours begin with * follows elapsed time.";

/// The times, in LitePipeline's form or as cron.
#[derive(Args, Debug)]
pub(super) struct Times {
    /// Minute, 0-59; -1, the default, is 0
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, conflicts_with = "cron")]
    pub(super) minute: Option<i32>,
    /// Hour, 0-23; -1, the default, is 0
    #[arg(short = 'H', long, value_name = "N", allow_negative_numbers = true, conflicts_with = "cron")]
    pub(super) hour: Option<i32>,
    /// Day of the month, 1-31, or -1 for any; wins over the day of the week
    #[arg(
        short,
        long = "day-of-month",
        value_name = "N",
        allow_negative_numbers = true,
        conflicts_with = "cron"
    )]
    pub(super) day_of_month: Option<i32>,
    /// Day of the week, 1-7 for Monday to Sunday, or -1 for any
    #[arg(
        short = 'D',
        long = "day-of-week",
        value_name = "N",
        allow_negative_numbers = true,
        conflicts_with = "cron"
    )]
    pub(super) day_of_week: Option<i32>,
    /// Cron expression: five fields, six with seconds in front, or @hourly, @daily, ...
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) cron: Option<String>,
    /// Time zone, such as Europe/Berlin; default for a new schedule: the manager's
    #[arg(long, value_name = "ZONE")]
    pub(super) tz: Option<String>,
}

/// What else there is to a schedule.
#[derive(Args, Debug)]
pub(super) struct Rules {
    /// What becomes of instants that were missed while the manager did not run: none, last, all, all:N
    #[arg(long, value_name = "none|last|all[:N]")]
    pub(super) catchup: Option<Catchup>,
    /// What happens when an earlier run is not finished: allow, skip, queue, kill
    #[arg(long, value_name = "allow|skip|queue|kill")]
    pub(super) overlap: Option<Overlap>,
    /// Fire up to this much later, drawn for each instant: 90, "5m"
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    pub(super) jitter: Option<Duration>,
    /// Input data: a JSON object, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-")]
    pub(super) input: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Name, also of the tasks or works it makes
    #[arg(short, long)]
    name: String,
    /// Application to run: name, id, or beginning of an id
    #[arg(short, long, required_unless_present = "workflow", conflicts_with = "workflow")]
    app: Option<String>,
    /// Workflow to run: name, id, or beginning of an id
    #[arg(short, long)]
    workflow: Option<String>,
    #[command(flatten)]
    times: Times,
    /// Nothing fires before this time, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    start: Option<DateTime<Utc>>,
    /// Nothing fires after this time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    end: Option<DateTime<Utc>>,
    #[command(flatten)]
    rules: Rules,
    /// Enable it at once; without it nothing fires until `lp schedule enable`
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enable: Option<bool>,
}

pub(super) async fn run(session: &Session, create: Create) -> Result<(), Failure> {
    let Create { name, app, workflow, times, start, end, rules, enable } = create;
    let Times { minute, hour, day_of_month, day_of_week, cron, tz } = times;
    let Rules { catchup, overlap, jitter, input } = rules;
    if minute.is_none() && hour.is_none() && cron.is_none() {
        return Err(Failure::usage(
            "a schedule needs times",
            "give -H and -m, or --cron '40 12 * * *'; see `lp schedule create --help`",
        ));
    }
    let client = session.client()?;
    let input_data = match &input {
        Some(given) => Some(input::one(given).await?),
        None => None,
    };
    let source = if app.is_some() { Source::Application } else { Source::Workflow };
    let source_id = source_of(&client, app.as_deref(), workflow.as_deref()).await?.unwrap_or_default();
    let body = CreateSchedule {
        schedule_name: name,
        source,
        source_id,
        input_data,
        minute,
        hour,
        day_of_month,
        day_of_week,
        cron,
        tz,
        start_at: start,
        end_at: end,
        catchup,
        overlap,
        jitter: jitter.map(|jitter| jitter.as_secs_f64()),
        enable: enable.unwrap_or(false),
    };
    let schedule = client.create_schedule(&body).await?;
    session.out.item(&schedule)?;
    if !schedule.enable && session.out.is_for_people() {
        session
            .out
            .note(&format!("it is disabled; enable it with `lp schedule enable {}`", schedule.schedule_id));
    }
    Ok(())
}
