//! `lp venv build`.

use clap::{Args, Subcommand, ValueEnum};
use lp_protocol::env::EnvSource;
use lp_protocol::views::{BuildView, ListBuilds};

use super::Session;
use super::args::Limit;
use super::confirm::Yes;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Tint, text};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List environments that were built from locks, the newest first
    #[command(after_help = "Examples:\n  lp venv build list\n  lp venv build list --state failed")]
    List(List),
    /// Show a build: where, how long, and why it failed
    #[command(after_help = "Example:\n  lp venv build info 21fb")]
    Info(One),
    /// Show what the tools of a build have said, also while it goes on
    #[command(after_help = "Example:\n  lp venv build log 21fb")]
    Log(One),
    /// Try builds again that have failed, without the wait
    #[command(after_help = "Example:\n  lp venv build retry 21fb\n\n\
        It begins at once where a node waits for it, else when the next one asks.")]
    Retry(Several),
    /// Forget builds: who needs them next builds them anew
    #[command(after_help = "Example:\n  lp venv build delete 21fb")]
    Delete(Delete),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum State {
    /// A node builds it
    Building,
    /// It has failed and is tried again
    Later,
    /// It was given up for ten minutes
    Failed,
    /// It is there
    Ready,
}

#[derive(Args, Debug)]
pub(crate) struct One {
    /// Key, or the beginning of a key (4 characters or more)
    #[arg(value_name = "KEY")]
    key: String,
}

#[derive(Args, Debug)]
pub(crate) struct Several {
    /// Keys, or beginnings of keys (4 characters or more)
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    builds: Several,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(One { key }) => {
            let build = session.client()?.fetch_build(&key).await?;
            session.out.document_or_name(&build, || report(session, &build))
        }
        Verb::Log(One { key }) => {
            let log = session.client()?.fetch_build_log(&key).await?;
            // tools of others have written it: what would steer a terminal is shown, not obeyed
            session.out.bytes(text::visible_lines(&log).as_bytes())
        }
        Verb::Retry(Several { keys }) => {
            let client = session.client()?;
            session
                .each(&keys, async |key| {
                    let build = client.retry_build(key).await?;
                    let how = match build.state.as_str() {
                        "building" => format!("is being built on node {}", text::visible(&build.node_name)),
                        _ => "is built when the next node asks for it".to_owned(),
                    };
                    session.out.note(&format!("{} {how}", short(&build.key)));
                    Ok(())
                })
                .await
        }
        Verb::Delete(delete) => self::delete(session, delete).await,
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let state =
        list.state.and_then(|state| state.to_possible_value()).map(|state| state.get_name().to_owned());
    let query = ListBuilds { state, ..ListBuilds::default() };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_builds(&ListBuilds { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "build", "\"env\": {\"requirements\": \"requirements.txt\"} in configuration.json");
    Ok(())
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { builds, yes } = delete;
    session
        .each(&builds.keys, async |key| {
            let build = client.fetch_build(key).await?;
            let what = format!("{} of {}", build.recipe.source.shown(), build.app);
            yes.confirm(session, &format!("forget the environment {} ({what})", short(&build.key))).await?;
            client.delete_build(&build.key).await?;
            session.out.note(&format!("forgot the environment {}", short(&build.key)));
            Ok(())
        })
        .await
}

fn report(session: &Session, build: &BuildView) -> String {
    let look = &session.out.look();
    let mut report = Report::on(&session.out);
    let packages = match &build.recipe.source {
        EnvSource::Packages(packages) => Some(packages.join(" ")),
        EnvSource::Uv(_) | EnvSource::Requirements(_) => None,
    };
    report
        .head(&state_cell(build), &build.recipe.source.shown())
        .line("key", &build.key)
        .line("from", build.recipe.source.kind())
        .maybe("packages", packages)
        .line("python", &build.python)
        .line("platform", &build.platform)
        .maybe("app", Some(build.app.clone()).filter(|app| !app.is_empty()))
        .line("node", &build.node_name)
        .line(if build.state == "later" { "again" } else { "since" }, &look.time(build.at))
        .maybe("took", build.seconds.map(text::seconds))
        .maybe("size", build.size_bytes.map(text::size))
        .maybe("pack", build.digest.clone())
        .line("begun", &text::count(build.number as usize, "time"))
        .line("used", &look.time(build.used_at))
        .maybe("error", build.error.clone());
    report.into_text()
}

pub(crate) fn state_cell(build: &BuildView) -> Cell {
    let tint = match build.state.as_str() {
        "building" => Tint::Busy,
        "ready" => Tint::Good,
        "failed" => Tint::Bad,
        _ => Tint::Warn,
    };
    Cell::new(build.state.as_str(), tint)
}

/// As much of a key as tells it from the others.
pub(crate) fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}
