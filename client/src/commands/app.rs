//! `lp app`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lp_package::LinkPolicy;
use lp_protocol::ErrorCode;
use lp_protocol::client::{Error, ListPackages};
use lp_protocol::views::{AppView, CreateApp, UpdateApp};

use super::args::{Limit, OneApp};
use super::confirm::Yes;
use super::download::{self, Place, Replace};
use super::{Session, app_history, history, package, venv_doctor};
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Column, Tint, text};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Upload a directory or an archive as a new application
    #[command(
        after_help = "Examples:\n  lp app create -f examples/hello\n  lp app create -f build/etl.zip -n nightly-etl -d 'from CI'\n\n\
        A directory is packed without what its .lpignore and .gitignore files name. Bytes the\n\
        manager has already are not sent again."
    )]
    Create(Create),
    /// List applications, the newest first
    List(List),
    /// Show an application: its active version and its actions
    Info(Info),
    /// Upload a new version, or change name or description
    #[command(
        after_help = "Examples:\n  lp app update hello -f examples/hello\n  lp app update hello -n greeter"
    )]
    Update(Update),
    /// Delete applications
    Delete(Delete),
    /// Download the active version as it was uploaded
    Download(Download),
    /// Every version that was uploaded: list, show, activate, delete or download them
    #[command(subcommand)]
    History(app_history::Verb),
    /// Show what differs between two versions
    #[command(override_usage = "lp app diff [OPTIONS] <APP> [FROM] [TO]")]
    #[command(
        after_help = "Examples:\n  lp app diff hello        what the latest change was\n  lp app diff hello 2 3"
    )]
    Diff(app_history::Diff),
    /// Go back to the version that was active before, or to the one that is named
    #[command(override_usage = "lp app rollback [OPTIONS] <APP> [VERSION]")]
    #[command(
        after_help = "Examples:\n  lp app rollback hello\n  lp app rollback hello 2\n\nA second rollback goes forth again."
    )]
    Rollback(app_history::One),
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    /// Directory or archive (.tar.gz, .tgz, .tar, .tar.zst, .zip)
    #[arg(value_name = "FILE|DIR")]
    bare: Option<PathBuf>,
    /// The same as a flag
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR", hide_short_help = true)]
    flag: Option<PathBuf>,
}

impl Source {
    pub(crate) fn get(self) -> PathBuf {
        self.bare.or(self.flag).unwrap_or_default()
    }
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
    /// Refuse a configuration.json with unknown keys instead of warning
    #[arg(long)]
    strict: bool,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// Only this one
    #[arg(short, long, value_name = "APP", conflicts_with = "name")]
    app: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    app: OneApp,
}

#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    app: OneApp,
    #[command(flatten)]
    changes: Changes,
    /// Refuse a configuration.json with unknown keys instead of warning
    #[arg(long, requires = "file")]
    strict: bool,
}

#[derive(Args, Debug)]
#[group(id = "changes", required = true, multiple = true)]
pub(crate) struct Changes {
    /// New version: a directory or an archive
    #[arg(short, long, value_name = "FILE|DIR")]
    pub(crate) file: Option<PathBuf>,
    /// New name
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    /// New description
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
}

#[derive(Args, Debug)]
#[group(id = "apps", required = true, multiple = true)]
pub(crate) struct Apps {
    /// Names, ids, or beginnings of ids
    #[arg(value_name = "APP")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 'a', long = "app", value_name = "APP", hide_short_help = true)]
    flag: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    apps: Apps,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Args, Debug)]
pub(crate) struct Download {
    #[command(flatten)]
    app: OneApp,
    #[command(flatten)]
    to: DownloadTo,
}

#[derive(Args, Debug)]
pub(crate) struct DownloadTo {
    /// File or directory to save to, or - for stdout; default: a file of the thing's name here
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

impl DownloadTo {
    pub(crate) fn place(&self, fallback_name: String) -> Place<'_> {
        let replace = if self.force { Replace::Allow } else { Replace::Refuse };
        Place { output: self.output.as_deref(), fallback_name, replace }
    }
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => self::create(session, create).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(info) => {
            let app = session.client()?.fetch_app(&info.app.get()).await?;
            session.out.document_or_name(&app, || report(session, &app))
        }
        Verb::Update(update) => self::update(session, update).await,
        Verb::Delete(delete) => self::delete(session, delete).await,
        Verb::Download(Download { app, to }) => {
            let client = session.client()?;
            let app = client.fetch_app(&app.get()).await?;
            let bytes = client.download_app(&app.app_id.to_string()).await?;
            let place = to.place(format!("{}.{}", app.app_id, app.version.format));
            download::save(session, bytes, place, Some(&app.version.digest)).await
        }
        Verb::History(verb) => app_history::run(session, verb).await,
        Verb::Diff(diff) => app_history::compare(session, diff).await,
        Verb::Rollback(one) => app_history::rollback(session, one).await,
    }
}

/// Uploads a package and makes an application of it.
pub(crate) async fn create(session: &Session, create: Create) -> Result<(), Failure> {
    let Create { source, name, description, strict } = create;
    let source = source.get();
    let client = session.client()?;
    check_manifest(&source)?;
    let package = package::prepare(session, &source, LinkPolicy::InsideOnly).await?;
    let digest = package::send(session, &client, &package).await?;
    let name = name.unwrap_or_else(|| package.default_name.clone());
    let body = CreateApp { name: name.clone(), description, digest, strict };
    let app = client.create_app(&body).await.map_err(|error| taken(error, "app", &name, &source))?;
    warn(session, &app.version.warnings);
    session.out.item(&app)
}

/// A directory that is no application is told before it is packed and sent.
fn check_manifest(path: &Path) -> Result<(), Failure> {
    if !path.is_dir() || path.join("configuration.json").exists() {
        return Ok(());
    }
    let what = format!("{} has no configuration.json", path.display());
    Err(Failure::Invalid { what, hint: Some("name the directory that holds it".to_owned()) })
}

/// A taken name is most often a new version.
pub(crate) fn taken(error: Error, noun: &str, name: &str, source: &Path) -> Failure {
    if error.code() != Some(ErrorCode::Conflict) {
        return error.into();
    }
    let hint =
        format!("lp {noun} update {} -f {} makes it a new version", text::visible(name), source.display());
    Failure::Hinted { source: error, hint }
}

fn warn(session: &Session, warnings: &[String]) {
    for warning in warnings {
        session.out.warn(&text::visible(warning));
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    if let Some(app) = list.app {
        let mut rows = session.out.list();
        rows.push(&client.fetch_app(&app).await?)?;
        return rows.finish();
    }
    let query = ListPackages { name: list.name, ..ListPackages::default() };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_apps(&ListPackages { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "application", "lp app create -f DIR");
    Ok(())
}

async fn update(session: &Session, update: Update) -> Result<(), Failure> {
    let Update { app, changes, strict } = update;
    let client = session.client()?;
    let digest = match &changes.file {
        Some(path) => {
            check_manifest(path)?;
            let package = package::prepare(session, path, LinkPolicy::InsideOnly).await?;
            Some(package::send(session, &client, &package).await?)
        }
        None => None,
    };
    let has_new_version = digest.is_some();
    let body = UpdateApp { name: changes.name, description: changes.description, digest, strict };
    let app = client.update_app(&app.get(), &body).await?;
    if has_new_version {
        warn(session, &app.version.warnings);
    }
    session.out.item(&app)
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { apps, yes } = delete;
    let names = [apps.bare, apps.flag].concat();
    session
        .each(&names, async |name| {
            let app = client.fetch_app(name).await?;
            yes.confirm(
                session,
                &format!("delete the application `{}` ({}) and all its versions", app.name, app.app_id),
            )
            .await?;
            client.delete_app(&app.app_id.to_string()).await?;
            session.out.note(&format!("deleted the application `{}`", text::visible(&app.name)));
            Ok(())
        })
        .await
}

const ACTIONS: &[Column] = &[
    Column { title: "action", is_wide: false },
    Column { title: "after", is_wide: false },
    Column { title: "main", is_wide: false },
];

fn report(session: &Session, app: &AppView) -> String {
    let look = &session.out.look();
    let mut report = Report::on(&session.out);
    report
        .head(&Cell::new("application", Tint::Plain), &app.name)
        .line("id", &app.app_id.to_string())
        .maybe("description", Some(app.description.clone()).filter(|text| !text.is_empty()))
        .line("created", &look.time(app.create_at))
        .line("updated", &look.time(app.update_at));
    history::lines(session, &mut report, &app.version);
    report.maybe("nodes", app.nodes.as_deref().map(|nodes| venv_doctor::nodes(Some(nodes))));
    if let Some(plan) = &app.plan {
        let names: Vec<_> = plan.actions.iter().map(|action| action.name.as_str()).collect();
        let events = [("on success", &plan.on_success), ("on fail", &plan.on_fail)];
        let events = events.into_iter().filter_map(|(when, action)| Some((when, action.as_ref()?)));
        let row = |after: String, action: &lp_protocol::plan::ActionPlan| {
            let main = match &action.command {
                lp_protocol::plan::Command::Line(line) => line.clone(),
                lp_protocol::plan::Command::Words(words) => format!("{words:?}"),
            };
            vec![
                Cell::new(&action.name, Tint::Plain),
                Cell::new(after, Tint::Dim),
                Cell::new(main, Tint::Plain),
            ]
        };
        let after = |ordinals: &[u32]| {
            let names = ordinals.iter().filter_map(|ordinal| names.get(*ordinal as usize).copied());
            names.collect::<Vec<_>>().join(", ")
        };
        let mut rows: Vec<_> =
            plan.actions.iter().map(|action| row(after(&action.condition), action)).collect();
        rows.extend(events.map(|(when, action)| row(when.to_owned(), action)));
        report.table(ACTIONS, rows);
    }
    report.into_text()
}
