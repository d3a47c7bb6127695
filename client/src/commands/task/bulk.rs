//! A deed for all tasks that pass a filter: counted, asked about, done.

use clap::Args;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{BulkDeed, BulkTasks, BulkTasksDone, ListTasks};
use lp_protocol::{Stage, Status};

use super::resolve_app;
use crate::commands::Session;
use crate::commands::args::{self, Since};
use crate::commands::confirm::Yes;
use crate::failure::Failure;
use crate::output::text;

/// Which tasks.
#[derive(Args, Debug)]
#[group(id = "matching", multiple = true)]
pub(crate) struct Matching {
    /// All tasks with names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// All tasks of this application
    #[arg(short, long, value_name = "APP")]
    app: Option<String>,
    /// All tasks in this stage: pending, running, stopping or finished
    #[arg(short, long)]
    stage: Option<Stage>,
    /// All tasks that finished so: success, fail, kill, ...
    #[arg(short = 'S', long)]
    status: Option<Status>,
    /// All tasks created since: 1d, "2h 30m" or 2026-11-22T08:00:00Z
    #[arg(long, value_parser = args::since, value_name = "TIME")]
    since: Option<Since>,
    /// Every task
    #[arg(long)]
    all: bool,
}

impl Matching {
    pub(super) fn is_given(&self) -> bool {
        let Self { name, app, stage, status, since, all } = self;
        name.is_some() || app.is_some() || stage.is_some() || status.is_some() || since.is_some() || *all
    }

    async fn filter(self, session: &Session, client: &ManagerClient) -> Result<(ListTasks, bool), Failure> {
        let app_id = match self.app {
            Some(app) => Some(resolve_app(client, &app).await?),
            None => None,
        };
        let filter = ListTasks {
            app_id,
            name: self.name,
            stage: self.stage,
            status: self.status,
            since: self.since.map(|since| since.time(session.out.look().now)),
            ..ListTasks::default()
        };
        Ok((filter, self.all))
    }
}

pub(super) async fn run(
    session: &Session,
    client: &ManagerClient,
    deed: BulkDeed,
    matching: Matching,
    yes: &Yes,
) -> Result<(), Failure> {
    let verb = match &deed {
        BulkDeed::Stop(_) => "stop",
        BulkDeed::Rerun(_) => "rerun",
        BulkDeed::Recover(_) => "recover",
        BulkDeed::Delete(_) => "delete",
    };
    let (filter, all) = matching.filter(session, client).await?;
    let bulk = BulkTasks { deed, filter, all, dry_run: true };
    let count = all_calls(client, bulk.clone()).await?.matched;
    if count == 0 {
        session.out.note(&format!("no task to {verb} passes the filter"));
        return Ok(());
    }
    let with = if verb == "delete" { ", with their logs and workspaces" } else { "" };
    yes.confirm(session, &format!("{verb} {}{with}", text::count(count as usize, "task"))).await?;
    let done = all_calls(client, BulkTasks { dry_run: false, ..bulk }).await?;
    session.out.document(&done, || {
        let past = match verb {
            "stop" => "asked to stop",
            "rerun" => "run again:",
            "recover" => "recovered",
            _ => "deleted",
        };
        let mut said = format!("{past} {}\n", text::count(done.done as usize, "task"));
        for failure in &done.failures {
            said.push_str(&format!("not {}: {}\n", failure.task_id, text::visible(&failure.message)));
        }
        said
    })?;
    if done.failed > 0 { Err(Failure::Told(1)) } else { Ok(()) }
}

/// One call after the other, to the end of the list.
async fn all_calls(client: &ManagerClient, mut bulk: BulkTasks) -> Result<BulkTasksDone, Failure> {
    let mut sum = BulkTasksDone::default();
    loop {
        let done = client.bulk_tasks(&bulk).await?;
        sum.matched += done.matched;
        sum.done += done.done;
        sum.failed += done.failed;
        sum.failures.extend(done.failures);
        match done.next_cursor {
            Some(cursor) => bulk.filter.cursor = Some(cursor),
            None => return Ok(sum),
        }
    }
}
