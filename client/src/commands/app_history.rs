//! `lp app history`, `lp app diff` and `lp app rollback`.

use clap::{Args, Subcommand};
use lp_protocol::client::PackageKind;

use super::app::DownloadTo;
use super::args::{Limit, OneApp};
use super::confirm::Yes;
use super::history::{self, Words, sort_words};
use super::{Session, diff};
use crate::failure::Failure;

const KIND: PackageKind = PackageKind::App;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List the versions, the newest first
    #[command(after_help = "Example:\n  lp app history list hello")]
    List(List),
    /// Show a version
    #[command(override_usage = "lp app history info [OPTIONS] <APP> <VERSION>")]
    #[command(after_help = "Examples:\n  lp app history info hello 2\n  lp app history info hello previous")]
    Info(One),
    /// Make a version the active one
    #[command(override_usage = "lp app history activate [OPTIONS] <APP> <VERSION>")]
    #[command(
        after_help = "Example:\n  lp app history activate hello 2\n\nTasks that were created before go on with the version they began with."
    )]
    Activate(One),
    /// Delete a version that is not active and that nothing uses
    #[command(override_usage = "lp app history delete [OPTIONS] <APP> <VERSION>")]
    #[command(after_help = "Example:\n  lp app history delete hello 1")]
    Delete(Delete),
    /// Download a version as it was uploaded
    #[command(override_usage = "lp app history download [OPTIONS] <APP> <VERSION>")]
    #[command(after_help = "Example:\n  lp app history download hello 1 -f old.tar.gz")]
    Download(Download),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    app: OneApp,
    #[command(flatten)]
    limit: Limit,
}

/// APP and VERSION: bare in this order, or by flags.
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct One {
    /// App (name, id, beginning of an id), and version (number, `active` or `previous`)
    #[arg(value_names = ["APP", "VERSION"], num_args = 0..=2)]
    bare: Vec<String>,
    /// The app
    #[arg(short = 'a', long = "app", value_name = "APP", hide_short_help = true)]
    flag: Option<String>,
    /// The version
    #[arg(
        short = 'H',
        long = "number",
        alias = "history-id",
        value_name = "VERSION",
        hide_short_help = true
    )]
    version: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Args, Debug)]
pub(crate) struct Download {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    to: DownloadTo,
}

/// APP and two versions.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// App, and the versions to compare; default: the one that was active before, and the active one
    #[arg(value_names = ["APP", "FROM", "TO"], num_args = 0..=3)]
    bare: Vec<String>,
    /// The app
    #[arg(short = 'a', long = "app", value_name = "APP", hide_short_help = true)]
    flag: Option<String>,
}

impl One {
    fn words(self) -> Result<Words, Failure> {
        let Self { bare, flag, version } = self;
        sort_words(KIND, bare, flag, version, 1)
    }
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(List { app, limit }) => history::list(session, KIND, &app.get(), &limit).await,
        Verb::Info(one) => history::info(session, KIND, &one.words()?).await,
        Verb::Activate(one) => history::activate(session, KIND, &one.words()?).await,
        Verb::Delete(Delete { one, yes }) => history::delete(session, KIND, &one.words()?, &yes).await,
        Verb::Download(Download { one, to }) => {
            history::save(session, KIND, &one.words()?, |name| to.place(name)).await
        }
    }
}

pub(crate) async fn rollback(session: &Session, one: One) -> Result<(), Failure> {
    history::rollback(session, KIND, &one.words()?).await
}

pub(crate) async fn compare(session: &Session, diff: Diff) -> Result<(), Failure> {
    let Diff { bare, flag } = diff;
    diff::run(session, KIND, &sort_words(KIND, bare, flag, None, 2)?).await
}
