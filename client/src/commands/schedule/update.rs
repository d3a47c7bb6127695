//! `lp schedule update`.

use chrono::{DateTime, Utc};
use clap::Args;
use lp_protocol::Source;
use lp_protocol::views::UpdateSchedule;

use super::create::{Rules, Times};
use super::{OneSchedule, instant, source_of};
use crate::commands::{Session, input};
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lp schedule update nightly -H 3 -m 0
  lp schedule update nightly --cron '0 3 * * *' --end none
  lp schedule update nightly -i '{\"full\": true}' --overlap queue";

#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    schedule: OneSchedule,
    /// New name
    #[arg(short, long)]
    name: Option<String>,
    /// Run this application instead
    #[arg(short, long, conflicts_with = "workflow")]
    app: Option<String>,
    /// Run this workflow instead
    #[arg(short, long)]
    workflow: Option<String>,
    #[command(flatten)]
    times: Times,
    /// Nothing fires before this time; `none` takes the limit away
    #[arg(long, value_name = "TIME|none", value_parser = limit)]
    start: Option<Bound>,
    /// Nothing fires after this time; `none` takes the limit away
    #[arg(long, value_name = "TIME|none", value_parser = limit)]
    end: Option<Bound>,
    #[command(flatten)]
    rules: Rules,
    /// Enable it, or with `false` disable it
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enable: Option<bool>,
}

/// A time, or none.
#[derive(Debug, Clone, Copy)]
struct Bound(Option<DateTime<Utc>>);

fn limit(text: &str) -> Result<Bound, String> {
    if text == "none" { Ok(Bound(None)) } else { instant(text).map(|time| Bound(Some(time))) }
}

pub(super) async fn run(session: &Session, update: Update) -> Result<(), Failure> {
    let Update { schedule, name, app, workflow, times, start, end, rules, enable } = update;
    let Times { minute, hour, day_of_month, day_of_week, cron, tz } = times;
    let Rules { catchup, overlap, jitter, input } = rules;
    let client = session.client()?;
    let input_data = match &input {
        Some(given) => Some(input::one(given).await?),
        None => None,
    };
    let source_id = source_of(&client, app.as_deref(), workflow.as_deref()).await?;
    let body = UpdateSchedule {
        schedule_name: name,
        source: source_id.map(|_| if app.is_some() { Source::Application } else { Source::Workflow }),
        source_id,
        input_data,
        minute,
        hour,
        day_of_month,
        day_of_week,
        cron,
        tz,
        start_at: start.map(|Bound(time)| time),
        end_at: end.map(|Bound(time)| time),
        catchup,
        overlap,
        jitter: jitter.map(|jitter| jitter.as_secs_f64()),
        enable,
    };
    session.out.item(&client.update_schedule(&schedule.get(), &body).await?)
}
