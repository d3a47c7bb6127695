//! `lp service create` and `lp service update`.

use std::time::Duration;

use clap::Args;
use lp_protocol::views::{CreateService, UpdateService};

use super::OneService;
use super::health::HealthArgs;
use crate::commands::task::resolve_app;
use crate::commands::{Session, args, input};
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lp service create -n web -a webserver -i '{\"port\": 8080}' -e
  lp service create -n worker -a worker --follow-active --grace 1m -e
  lp service create -n fragile -a x --delay 5s --max-delay 1m --max-restarts 20 -e
  lp service create -n web -a webserver --health './check.sh' --health-interval 30s -e
  lp service create -n web -a webserver --health '[\"curl\", \"-f\", \"http://localhost:8080/\"]' -e

A task that ends, however it ends, is followed by another after a wait that doubles with each end;
a task that ran for --reset-after makes the earlier ends forgotten. The latest 10 tasks are kept.

The health command runs on the node of the task, as the program does. A line gets the arguments that
`main` gets, the path of the workspace first; end it with ` #` where it must not. When it has failed
--health-failures times in a row, the program is stopped and started anew.";

/// How a service is stopped and started again.
#[derive(Args, Debug)]
struct Rules {
    /// What it is for
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// Input data: a JSON object, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-")]
    input: Option<String>,
    /// Signal its task is stopped with, 15 or 9 (-15 and -9 as in LitePipeline); default 15
    #[arg(short = 'g', long, value_parser = args::signal, allow_hyphen_values = true, value_name = "SIGNAL")]
    signal: Option<i32>,
    /// Wait before the first restart, doubled with each further one; default 1s
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    delay: Option<Duration>,
    /// Longest wait before a restart; default 5m
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    max_delay: Option<Duration>,
    /// A task that ran so long makes the earlier ends forgotten; default 10m
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    reset_after: Option<Duration>,
    #[command(flatten)]
    health: HealthArgs,
    /// Enable it, or with `false` disable it
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enable: Option<bool>,
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Name, also of its tasks
    #[arg(short, long)]
    name: String,
    /// Application: name, id, or beginning of an id
    #[arg(short, long)]
    app: String,
    #[command(flatten)]
    rules: Rules,
    /// Time between the signal and SIGKILL; default: what each action says
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    grace: Option<Duration>,
    /// Restarts in a row after which it is given up; default never
    #[arg(long, value_name = "N")]
    max_restarts: Option<u32>,
    /// Take each new version of the application as soon as it is active
    #[arg(long)]
    follow_active: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    service: OneService,
    /// New name
    #[arg(short, long)]
    name: Option<String>,
    /// Run this application instead
    #[arg(short, long)]
    app: Option<String>,
    #[command(flatten)]
    rules: Rules,
    /// Time between the signal and SIGKILL; `none`: what each action says
    #[arg(long, value_parser = or_none_duration, value_name = "TIME|none")]
    grace: Option<OrNone<Duration>>,
    /// Restarts in a row after which it is given up; `none`: never
    #[arg(long, value_parser = or_none_number, value_name = "N|none")]
    max_restarts: Option<OrNone<u32>>,
    /// Take each new version of the application as soon as it is active, or with `false` only with updates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    follow_active: Option<bool>,
}

#[derive(Debug, Clone, Copy)]
struct OrNone<T>(Option<T>);

fn or_none_duration(text: &str) -> Result<OrNone<Duration>, String> {
    if text == "none" { Ok(OrNone(None)) } else { args::duration(text).map(|time| OrNone(Some(time))) }
}

fn or_none_number(text: &str) -> Result<OrNone<u32>, String> {
    if text == "none" {
        return Ok(OrNone(None));
    }
    text.parse().map(|number| OrNone(Some(number))).map_err(|_| format!("`{text}` is not a number or `none`"))
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

pub(super) async fn create(session: &Session, create: Create) -> Result<(), Failure> {
    let Create { name, app, rules, grace, max_restarts, follow_active } = create;
    let Rules { description, input, signal, delay, max_delay, reset_after, health, enable } = rules;
    let health = health.given()?;
    let client = session.client()?;
    let input_data = match &input {
        Some(given) => Some(input::one(given).await?),
        None => None,
    };
    let body = CreateService {
        name,
        app_id: resolve_app(&client, &app).await?,
        description,
        input_data,
        signal,
        grace: seconds(grace),
        follow_active,
        delay: seconds(delay),
        max_delay: seconds(max_delay),
        reset_after: seconds(reset_after),
        max_restarts,
        health: health.flatten(),
        enable: enable.unwrap_or(false),
    };
    let service = client.create_service(&body).await?;
    session.out.item(&service)?;
    if !service.enable && session.out.is_for_people() {
        session
            .out
            .note(&format!("it is disabled; start it with `lp service enable {}`", service.service_id));
    }
    Ok(())
}

pub(super) async fn update(session: &Session, update: Update) -> Result<(), Failure> {
    let Update { service, name, app, rules, grace, max_restarts, follow_active } = update;
    let Rules { description, input, signal, delay, max_delay, reset_after, health, enable } = rules;
    let health = health.given()?;
    let client = session.client()?;
    let input_data = match &input {
        Some(given) => Some(input::one(given).await?),
        None => None,
    };
    let body = UpdateService {
        name,
        app_id: match &app {
            Some(app) => Some(resolve_app(&client, app).await?),
            None => None,
        },
        description,
        input_data,
        signal,
        grace: grace.map(|OrNone(grace)| seconds(grace)),
        follow_active,
        delay: seconds(delay),
        max_delay: seconds(max_delay),
        reset_after: seconds(reset_after),
        max_restarts: max_restarts.map(|OrNone(most)| most),
        health,
        enable,
    };
    session.out.item(&client.update_service(&service.get(), &body).await?)
}
