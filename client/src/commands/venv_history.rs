//! `lp venv history`, `lp venv diff` and `lp venv rollback`.

use clap::{Args, Subcommand};
use lp_protocol::client::PackageKind;

use super::app::DownloadTo;
use super::args::Limit;
use super::confirm::Yes;
use super::history::{self, Words, sort_words};
use super::venv::{OneVenv, VerboseWithoutShort};
use super::{Session, diff};
use crate::failure::Failure;

const KIND: PackageKind = PackageKind::Venv;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List the versions, the newest first
    #[command(after_help = "Example:\n  lp venv history list libs")]
    List(List),
    /// Show a version
    #[command(override_usage = "lp venv history info [OPTIONS] <VENV> <VERSION>")]
    #[command(after_help = "Examples:\n  lp venv history info libs 2\n  lp venv history info libs previous")]
    Info(One),
    /// Make a version the active one
    #[command(override_usage = "lp venv history activate [OPTIONS] <VENV> <VERSION>")]
    #[command(
        after_help = "Example:\n  lp venv history activate libs 2\n\nTasks that were created before go on with the version they began with."
    )]
    Activate(One),
    /// Delete a version that is not active and that nothing uses
    #[command(override_usage = "lp venv history delete [OPTIONS] <VENV> <VERSION>")]
    #[command(after_help = "Example:\n  lp venv history delete libs 1")]
    Delete(Delete),
    /// Download a version as it was uploaded
    #[command(override_usage = "lp venv history download [OPTIONS] <VENV> <VERSION>")]
    #[command(after_help = "Example:\n  lp venv history download libs 1 -f old.tar.gz")]
    Download(Download),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    venv: OneVenv,
    #[command(flatten)]
    verbose: VerboseWithoutShort,
    #[command(flatten)]
    limit: Limit,
}

/// VENV and VERSION: bare in this order, or by flags.
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct One {
    /// Venv (name, id, beginning of an id), and version (number, `active` or `previous`)
    #[arg(value_names = ["VENV", "VERSION"], num_args = 0..=2)]
    bare: Vec<String>,
    /// The venv
    #[arg(short = 'v', long = "venv", value_name = "VENV", hide_short_help = true)]
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
    #[command(flatten)]
    verbose: VerboseWithoutShort,
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

/// VENV and two versions.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// Venv, and the versions to compare; default: the one that was active before, and the active one
    #[arg(value_names = ["VENV", "FROM", "TO"], num_args = 0..=3)]
    bare: Vec<String>,
    /// The venv
    #[arg(short = 'v', long = "venv", value_name = "VENV", hide_short_help = true)]
    flag: Option<String>,
    #[command(flatten)]
    verbose: VerboseWithoutShort,
}

impl One {
    fn words(self) -> Result<Words, Failure> {
        let Self { bare, flag, version, verbose: _ } = self;
        sort_words(KIND, bare, flag, version, 1)
    }
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(List { venv, verbose: _, limit }) => {
            history::list(session, KIND, &venv.get(), &limit).await
        }
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
    let Diff { bare, flag, verbose: _ } = diff;
    diff::run(session, KIND, &sort_words(KIND, bare, flag, None, 2)?).await
}
