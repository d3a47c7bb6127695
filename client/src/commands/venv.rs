//! `lp venv`.

use clap::{ArgAction, Args, Subcommand};
use lp_package::LinkPolicy;
use lp_protocol::client::ListPackages;
use lp_protocol::views::{CreateVenv, UpdateVenv, VenvView, VersionRef};

use super::app::{Changes, DownloadTo, Source, taken};
use super::args::Limit;
use super::confirm::Yes;
use super::{Session, download, history, package, venv_build, venv_doctor, venv_history, venv_pack};
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Tint, text};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Upload an environment: an archive of venv-pack, conda-pack or pixi-pack, or a directory with a `bin`
    #[command(after_help = "Examples:\n  venv-pack -o tools.tar.gz && lp venv create -f tools.tar.gz\n  \
        conda-pack -n science -o science.tar.gz && lp venv create -f science.tar.gz\n  \
        pixi-pack && lp venv create -f environment.tar -n science\n  \
        lp venv pack -r requirements.txt --create tools     make one and upload it\n\n\
        Actions use it by its name or id: \"env\": \"tools\" in configuration.json.")]
    Create(Create),
    /// Make an environment that runs on other machines, of a venv, a requirements file, a lock or packages
    #[command(override_usage = "lp venv pack [OPTIONS] <DIR | -r FILE | --lock FILE | PACKAGE...>")]
    #[command(
        after_help = "Examples:\n  lp venv pack .venv                                 an existing venv; writes a file here\n  \
        lp venv pack -r requirements.txt --create tools    make it and upload it\n  \
        lp venv pack --lock uv.lock --update tools         its next version\n  \
        lp venv pack numpy \"pandas<3\" --python 3.12       of packages\n  \
        lp venv pack -r requirements.txt --wheels wheels   without a network\n\n\
        Made with uv where it is on the PATH, else with `python -m venv` and pip. Nodes need a Python of the same minor version."
    )]
    Pack(Box<venv_pack::Pack>),
    /// Look for what is wrong with an environment
    #[command(
        after_help = "Examples:\n  lp venv doctor tools\n  lp venv doctor tools 2     version 2 of it\n\n\
        Ends with 1 where something was found, and says what to do about each."
    )]
    Doctor(Doctor),
    /// List environments, the newest first
    List(List),
    /// Show an environment and its active version
    Info(Info),
    /// Upload a new version, or change name or description
    Update(Update),
    /// Delete environments
    Delete(Delete),
    /// Download the active version as it was uploaded
    Download(Download),
    /// Every version that was uploaded: list, show, activate, delete or download them
    #[command(subcommand)]
    History(venv_history::Verb),
    /// Environments that nodes build from the locks of apps: list, show, read their logs, try again or forget them
    #[command(subcommand)]
    Build(venv_build::Verb),
    /// Show what differs between two versions
    #[command(override_usage = "lp venv diff [OPTIONS] <VENV> [FROM] [TO]")]
    #[command(
        after_help = "Examples:\n  lp venv diff libs        what the latest change was\n  lp venv diff libs 2 3"
    )]
    Diff(venv_history::Diff),
    /// Go back to the version that was active before, or to the one that is named
    #[command(override_usage = "lp venv rollback [OPTIONS] <VENV> [VERSION]")]
    #[command(
        after_help = "Examples:\n  lp venv rollback libs\n  lp venv rollback libs 2\n\nA second rollback goes forth again."
    )]
    Rollback(venv_history::One),
}

/// One environment. LitePipeline's flag for it is `-v`, which here gives way only among these commands.
#[derive(Args, Debug)]
#[group(id = "one-venv", required = true, multiple = false)]
pub(crate) struct OneVenv {
    /// Name, id, or beginning of an id
    #[arg(value_name = "VENV")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 'v', long = "venv", value_name = "VENV", hide_short_help = true)]
    flag: Option<String>,
}

/// Takes the place of the global flag, so that `-v` is free.
#[derive(Args, Debug)]
#[group(skip)]
pub(crate) struct VerboseWithoutShort {
    /// Say more: which manager is asked, request ids, how long it took
    #[arg(id = "verbose", long = "verbose", action = ArgAction::Count, hide = true)]
    _count: u8,
}

impl OneVenv {
    pub(crate) fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    venv: OneVenv,
    #[command(flatten)]
    verbose: VerboseWithoutShort,
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    source: Source,
    /// Name; default: that of the directory or file
    #[arg(short, long)]
    name: Option<String>,
    /// What it is for
    #[arg(short, long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    description: String,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    venv: OneVenv,
    #[command(flatten)]
    verbose: VerboseWithoutShort,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Args, Debug)]
#[group(id = "venvs", required = true, multiple = true)]
struct Venvs {
    /// Names, ids, or beginnings of ids
    #[arg(value_name = "VENV")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 'v', long = "venv", value_name = "VENV", hide_short_help = true)]
    flag: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    venvs: Venvs,
    #[command(flatten)]
    verbose: VerboseWithoutShort,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Args, Debug)]
pub(crate) struct Download {
    #[command(flatten)]
    venv: OneVenv,
    #[command(flatten)]
    verbose: VerboseWithoutShort,
    #[command(flatten)]
    to: DownloadTo,
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Name, id, or beginning of an id
    #[arg(value_name = "VENV")]
    pub(super) venv: String,
    /// Version; default: the active one
    #[arg(value_name = "VERSION")]
    pub(super) version: Option<VersionRef>,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => self::create(session, create).await,
        Verb::Pack(pack) => venv_pack::run(session, *pack).await,
        Verb::Doctor(doctor) => venv_doctor::run(session, doctor).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(Info { venv, verbose: _ }) => {
            let venv = session.client()?.fetch_venv(&venv.get()).await?;
            session.out.document_or_name(&venv, || report(session, &venv))
        }
        Verb::Update(update) => self::update(session, update).await,
        Verb::Delete(delete) => self::delete(session, delete).await,
        Verb::Download(Download { venv, verbose: _, to }) => {
            let client = session.client()?;
            let venv = client.fetch_venv(&venv.get()).await?;
            let bytes = client.download_venv(&venv.venv_id.to_string()).await?;
            let place = to.place(format!("{}.{}", venv.venv_id, venv.version.format));
            download::save(session, bytes, place, Some(&venv.version.digest)).await
        }
        Verb::History(verb) => venv_history::run(session, verb).await,
        Verb::Build(verb) => venv_build::run(session, verb).await,
        Verb::Diff(diff) => venv_history::compare(session, diff).await,
        Verb::Rollback(one) => venv_history::rollback(session, one).await,
    }
}

async fn create(session: &Session, create: Create) -> Result<(), Failure> {
    let Create { source, name, description } = create;
    let source = source.get();
    let client = session.client()?;
    let package = package::prepare(session, &source, LinkPolicy::AllowAbsoluteTargets).await?;
    let digest = package::send(session, &client, &package).await?;
    let name = name.unwrap_or_else(|| package.default_name.clone());
    let body = CreateVenv { name: name.clone(), description, digest };
    let venv = client.create_venv(&body).await.map_err(|error| taken(error, "venv", &name, &source))?;
    session.out.item(&venv)
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let query = ListPackages { name: list.name, ..ListPackages::default() };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_venvs(&ListPackages { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "venv", "lp venv create -f FILE");
    Ok(())
}

async fn update(session: &Session, update: Update) -> Result<(), Failure> {
    let Update { venv, verbose: _, changes } = update;
    let client = session.client()?;
    let digest = match &changes.file {
        Some(path) => {
            let package = package::prepare(session, path, LinkPolicy::AllowAbsoluteTargets).await?;
            Some(package::send(session, &client, &package).await?)
        }
        None => None,
    };
    let body = UpdateVenv { name: changes.name, description: changes.description, digest };
    session.out.item(&client.update_venv(&venv.get(), &body).await?)
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { venvs, verbose: _, yes } = delete;
    let names = [venvs.bare, venvs.flag].concat();
    session
        .each(&names, async |name| {
            let venv = client.fetch_venv(name).await?;
            yes.confirm(
                session,
                &format!("delete the venv `{}` ({}) and all its versions", venv.name, venv.venv_id),
            )
            .await?;
            client.delete_venv(&venv.venv_id.to_string()).await?;
            session.out.note(&format!("deleted the venv `{}`", text::visible(&venv.name)));
            Ok(())
        })
        .await
}

fn report(session: &Session, venv: &VenvView) -> String {
    let look = &session.out.look();
    let mut report = Report::on(&session.out);
    report
        .head(&Cell::new("venv", Tint::Plain), &venv.name)
        .line("id", &venv.venv_id.to_string())
        .maybe("description", Some(venv.description.clone()).filter(|text| !text.is_empty()))
        .line("created", &look.time(venv.create_at))
        .line("updated", &look.time(venv.update_at));
    history::lines(session, &mut report, &venv.version);
    report
        .line("users", &venv_doctor::users(&venv.users))
        .line("nodes", &venv_doctor::nodes(venv.nodes.as_deref()));
    report.into_text()
}
