//! `lp workflow`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lp_protocol::client::{ListPackages, ManagerClient};
use lp_protocol::views::{CreateWorkflow, UpdateWorkflow, WorkflowView};
use lp_protocol::workflow::{self, AppRef, Application, Definition};
use lp_protocol::{ApiError, ErrorCode};
use serde_json::value::RawValue;
use tokio::io::AsyncReadExt;

use super::Session;
use super::args::Limit;
use super::confirm::Yes;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Column, Tint, text};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Make a workflow of a definition: applications, and which of them wait for which
    #[command(after_help = "Example of a definition, JSON or YAML:\n\
        \x20 applications:\n    - {name: fetch, app: fetch}\n    - {name: count, app: count, condition: [fetch], input: {limit: 10}}\n  \
        event_applications: {fail: {app: alarm}}\n\nExamples:\n  lp workflow create -n nightly -c nightly.yaml\n  \
        lp workflow create -c nightly.json -e false -d 'not yet'")]
    Create(Create),
    /// List workflows, the newest first
    List(List),
    /// Show a workflow and its definition
    Info(Info),
    /// Change what is given and nothing else; works that exist keep the copy they were made with
    #[command(after_help = "Example:\n  lp workflow update nightly -c nightly.yaml")]
    Update(Update),
    /// Let works be made of workflows
    Enable(Workflows),
    /// Let no works be made of workflows; those that exist go on
    Disable(Workflows),
    /// Delete workflows; their works stay, their schedules skip what comes
    Delete(Delete),
}

/// One workflow.
#[derive(Args, Debug)]
#[group(id = "one-workflow", required = true, multiple = false)]
pub(crate) struct OneWorkflow {
    /// Name, id, or beginning of an id
    #[arg(value_name = "WORKFLOW")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 'w', long = "workflow", value_name = "WORKFLOW", hide_short_help = true)]
    flag: Option<String>,
}

impl OneWorkflow {
    fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

#[derive(Args, Debug)]
#[group(id = "workflows", required = true, multiple = true)]
pub(crate) struct Workflows {
    /// Names, ids, or beginnings of ids
    #[arg(value_name = "WORKFLOW")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 'w', long = "workflow", value_name = "WORKFLOW", hide_short_help = true)]
    flag: Vec<String>,
}

impl Workflows {
    fn get(self) -> Vec<String> {
        [self.bare, self.flag].concat()
    }
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    /// The definition: a JSON or YAML file, or - for stdin
    #[arg(short = 'c', long = "config", value_name = "FILE|-")]
    config: PathBuf,
    /// Name; default: that of the file
    #[arg(short, long)]
    name: Option<String>,
    /// What it is for
    #[arg(short, long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    description: String,
    /// Whether works can be made of it
    #[arg(short, long, value_name = "true|false", default_value_t = true, action = clap::ArgAction::Set)]
    enable: bool,
    /// Refuse unknown keys instead of warning
    #[arg(long)]
    strict: bool,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// Only this one
    #[arg(short, long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    workflow: OneWorkflow,
}

#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    workflow: OneWorkflow,
    #[command(flatten)]
    changes: Changes,
    /// Refuse unknown keys instead of warning
    #[arg(long, requires = "config")]
    strict: bool,
}

#[derive(Args, Debug)]
#[group(id = "workflow-changes", required = true, multiple = true)]
struct Changes {
    /// A new definition: a JSON or YAML file, or - for stdin
    #[arg(short = 'c', long = "config", value_name = "FILE|-")]
    config: Option<PathBuf>,
    /// New name
    #[arg(short, long)]
    name: Option<String>,
    /// What it is for
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// Whether works can be made of it; left out, it stays as it is
    #[arg(short, long, value_name = "true|false", action = clap::ArgAction::Set)]
    enable: Option<bool>,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    workflows: Workflows,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => self::create(session, create).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(info) => {
            let workflow = session.client()?.fetch_workflow(&info.workflow.get()).await?;
            session.out.document_or_name(&workflow, || report(session, &workflow))
        }
        Verb::Update(update) => self::update(session, update).await,
        Verb::Enable(workflows) => set_enable(session, workflows, true).await,
        Verb::Disable(workflows) => set_enable(session, workflows, false).await,
        Verb::Delete(delete) => self::delete(session, delete).await,
    }
}

async fn create(session: &Session, create: Create) -> Result<(), Failure> {
    let Create { config, name, description, enable, strict } = create;
    // read before anything is asked: a broken definition is the user's to mend whether there is a manager or not
    let configuration = read(&config, strict).await?;
    let name = match name {
        Some(name) => name,
        None => name_of(&config)?,
    };
    let client = session.client()?;
    let body = CreateWorkflow { name: name.clone(), description, configuration, enable, strict };
    let workflow = client.create_workflow(&body).await.map_err(|error| {
        if error.code() != Some(ErrorCode::Conflict) {
            return Failure::from(error);
        }
        let name = text::visible(&name).into_owned();
        let hint = format!("lp workflow update {name} -c {} changes it", config.display());
        Failure::Hinted { source: error, hint }
    })?;
    warn(session, &workflow);
    session.out.item(&workflow)
}

/// Reads a definition and looks whether it holds, so that its errors have lines and columns.
async fn read(path: &Path, strict: bool) -> Result<Box<RawValue>, Failure> {
    let failed = |source| Failure::File { what: "read", path: path.into(), source };
    let mut bytes = Vec::new();
    let limit = workflow::MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        tokio::io::stdin().take(limit).read_to_end(&mut bytes).await.map_err(failed)?;
    } else {
        let file = tokio::fs::File::open(path).await.map_err(failed)?;
        file.take(limit).read_to_end(&mut bytes).await.map_err(failed)?;
    }
    let refused = |error: workflow::Error| {
        let ApiError { message, hint, .. } = ApiError::from(error);
        Failure::Invalid { what: format!("{}: {message}", path.display()), hint }
    };
    let value = workflow::read(&bytes).map_err(refused)?;
    workflow::compile(&value, strict).map_err(refused)?;
    serde_json::value::to_raw_value(&value).map_err(|error| Failure::Output(error.into()))
}

fn name_of(path: &Path) -> Result<String, Failure> {
    let stem = path.file_stem().filter(|_| path != Path::new("-")).and_then(|stem| stem.to_str());
    stem.map(str::to_owned).ok_or_else(|| Failure::usage("the workflow has no name", "add --name"))
}

fn warn(session: &Session, workflow: &WorkflowView) {
    for warning in &workflow.warnings {
        session.out.warn(&text::visible(warning));
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    if let Some(workflow) = list.workflow {
        let mut rows = session.out.list();
        rows.push(&client.fetch_workflow(&workflow).await?)?;
        return rows.finish();
    }
    let query = ListPackages { name: list.name, ..ListPackages::default() };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_workflows(&ListPackages { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "workflow", "lp workflow create -c FILE");
    Ok(())
}

async fn update(session: &Session, update: Update) -> Result<(), Failure> {
    let Update { workflow, changes: Changes { config, name, description, enable }, strict } = update;
    let configuration = match &config {
        Some(path) => Some(read(path, strict).await?),
        None => None,
    };
    let has_definition = configuration.is_some();
    let body = UpdateWorkflow { name, description, configuration, enable, strict };
    let workflow = session.client()?.update_workflow(&workflow.get(), &body).await?;
    if has_definition {
        warn(session, &workflow);
    }
    session.out.item(&workflow)
}

async fn set_enable(session: &Session, workflows: Workflows, enable: bool) -> Result<(), Failure> {
    let client = session.client()?;
    let body = UpdateWorkflow { enable: Some(enable), ..UpdateWorkflow::default() };
    session
        .print_each(&workflows.get(), async |workflow| Ok(client.update_workflow(workflow, &body).await?))
        .await
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { workflows, yes } = delete;
    session
        .each(&workflows.get(), async |workflow| {
            let view = client.fetch_workflow(workflow).await?;
            let what = format!("delete the workflow `{}` ({})", view.name, view.workflow_id);
            yes.confirm(session, &what).await?;
            client.delete_workflow(&view.workflow_id.to_string()).await?;
            session.out.note(&format!("deleted the workflow {}", text::visible(&view.name)));
            Ok(())
        })
        .await
}

/// The id of a workflow that is named somehow; whole ids are not asked for.
pub(crate) async fn resolve(
    client: &ManagerClient,
    workflow: &str,
) -> Result<lp_protocol::WorkflowId, Failure> {
    match workflow.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(client.fetch_workflow(workflow).await?.workflow_id),
    }
}

const APPLICATIONS: &[Column] = &[
    Column { title: "application", is_wide: false },
    Column { title: "after", is_wide: false },
    Column { title: "runs", is_wide: false },
    Column { title: "version", is_wide: false },
    Column { title: "priority", is_wide: false },
    Column { title: "input", is_wide: false },
];

fn report(session: &Session, workflow: &WorkflowView) -> String {
    let look = &session.out.look();
    let state =
        if workflow.enable { Cell::new("enabled", Tint::Good) } else { Cell::new("disabled", Tint::Warn) };
    let mut report = Report::on(&session.out);
    report
        .head(&state, &workflow.name)
        .line("id", &workflow.workflow_id.to_string())
        .maybe("about", Some(workflow.description.clone()).filter(|text| !text.is_empty()))
        .line("created", &look.time(workflow.create_at))
        .line("updated", &look.time(workflow.update_at));
    for warning in &workflow.warnings {
        report.line("warning", warning);
    }
    // what the manager has taken is a definition; a newer one may say more than this program knows
    let value = workflow::read(workflow.configuration.get().as_bytes());
    if let Some(parsed) = value.ok().and_then(|value| workflow::compile(&value, false).ok()) {
        let definition = parsed.definition;
        if definition.fail_fast {
            report.line("fail_fast", "the first failure stops the others");
        }
        report.table(APPLICATIONS, rows(&definition));
    }
    report.into_text()
}

fn rows(definition: &Definition) -> Vec<Vec<Cell>> {
    let name = |ordinal: &u32| definition.applications[*ordinal as usize].name.as_str();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for Application { name: own, condition, app } in &definition.applications {
        let after: Vec<&str> = condition.iter().map(name).collect();
        rows.push(row(own, &after.join(", "), app));
    }
    for (event, app) in [("success", &definition.on_success), ("fail", &definition.on_fail)] {
        if let Some(app) = app {
            rows.push(row(event, "the end", app));
        }
    }
    rows
}

fn row(name: &str, after: &str, app: &AppRef) -> Vec<Cell> {
    let plain = |text: String| Cell::new(text, Tint::Plain);
    let input = serde_json::Value::Object(app.input.clone()).to_string();
    vec![
        Cell::new(name, Tint::Strong),
        Cell::new(after, Tint::Dim),
        plain(app.app.to_string()),
        plain(app.version.map_or_else(|| "the active one".to_owned(), |version| version.to_string())),
        plain(app.priority.to_string()),
        plain(text::cut(&input, 60).into_owned()),
    ]
}
