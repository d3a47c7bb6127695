//! `lp workspace`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lp_protocol::client::{AttemptRef, PageQuery};
use lp_protocol::views::{MAX_PAGE, WorkspaceFile, WorkspaceView};

use super::args::Tasks;
use super::confirm::Yes;
use super::download::{self, Place, Replace};
use super::{Session, logs};
use crate::failure::Failure;
use crate::output::text;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List a task's workspaces, or the files in that of one action
    #[command(override_usage = "lp workspace list [OPTIONS] <TASK> [ACTION]")]
    #[command(after_help = "Examples:\n  lp workspace list @last\n  lp workspace list @last first")]
    List(List),
    /// Download an action's workspace as tar.gz, or one file of it
    #[command(
        after_help = "Examples:\n  lp workspace download @last first\n  lp workspace download @last first --file output.data --output -"
    )]
    Download(Download),
    /// Delete the workspaces of finished tasks; the tasks and their logs stay
    Delete(Delete),
}

/// A task, and an action of it: bare in this order, or by flags.
#[derive(Args, Debug)]
pub(crate) struct ActionPlace {
    /// Task (id, beginning of an id, @last) and action
    #[arg(value_names = ["TASK", "ACTION"], num_args = 0..=2)]
    bare: Vec<String>,
    /// Task
    #[arg(short, long, hide_short_help = true)]
    task: Option<String>,
    /// Action
    #[arg(short, long = "name", value_name = "ACTION", hide_short_help = true)]
    name: Option<String>,
    /// Which attempt; default: the latest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    place: ActionPlace,
}

#[derive(Args, Debug)]
pub(crate) struct Download {
    #[command(flatten)]
    place: ActionPlace,
    /// Only this file of it
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
    /// File or directory to save to, or - for stdout; default: TASK.ACTION.tar.gz here
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(short, long)]
    force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    tasks: Tasks,
    #[command(flatten)]
    yes: Yes,
}

impl ActionPlace {
    fn attempt(&self) -> AttemptRef {
        self.attempt.map_or(AttemptRef::Latest, AttemptRef::Number)
    }

    fn get(self) -> Result<(String, Option<String>), Failure> {
        logs::task_and_action(self.bare, self.task, self.name)
    }
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => self::list(session, list).await,
        Verb::Download(download) => self::download(session, download).await,
        Verb::Delete(delete) => self::delete(session, delete).await,
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let attempt = list.place.attempt();
    let (task, action) = list.place.get()?;
    if let Some(action) = action {
        let listing = client.list_workspace_files(&task, &action, attempt).await?;
        let mut rows = session.out.list::<WorkspaceFile>();
        for file in &listing.files {
            rows.push(file)?;
        }
        rows.finish()?;
        if listing.truncated {
            session.out.warn("there are more files than are listed; download the workspace to have them all");
        }
        return Ok(());
    }
    let mut query = PageQuery { cursor: None, limit: Some(MAX_PAGE) };
    let mut rows = session.out.list::<WorkspaceView>();
    loop {
        let page = client.list_workspaces(&task, &query).await?;
        for workspace in &page.items {
            rows.push(workspace)?;
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return rows.finish();
        }
    }
}

async fn download(session: &Session, download: Download) -> Result<(), Failure> {
    let client = session.client()?;
    let attempt = download.place.attempt();
    let (task, action) = download.place.get()?;
    let Some(action) = action else {
        return Err(Failure::usage(
            "which action's workspace?",
            format!("lp workspace list {} lists them", text::visible(&task)),
        ));
    };
    let (bytes, fallback_name) = match &download.file {
        Some(file) => {
            let bytes = client.download_workspace_file(&task, &action, attempt, file).await?;
            let name = file.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file");
            (bytes, name.to_owned())
        }
        None => {
            let bytes = client.download_workspace(&task, &action, attempt).await?;
            (bytes, format!("{task}.{}.tar.gz", action.replace('/', "_")))
        }
    };
    let replace = if download.force { Replace::Allow } else { Replace::Refuse };
    let place = Place { output: download.output.as_deref(), fallback_name, replace };
    download::save(session, bytes, place, None).await
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { tasks, yes } = delete;
    session
        .each(&tasks.get(), async |task| {
            let view = client.fetch_task(task).await?.task;
            yes.confirm(
                session,
                &format!("delete the workspaces of the task {} `{}`", view.task_id, view.task_name),
            )
            .await?;
            client.delete_workspaces(&view.task_id.to_string()).await?;
            session.out.note(&format!("deleted the workspaces of the task {}", view.task_id));
            Ok(())
        })
        .await
}
