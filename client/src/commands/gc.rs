//! `lp gc`.

use clap::Args;
use lp_protocol::views::{CollectGarbage, Garbage, GarbageKind};

use super::Session;
use super::confirm::Yes;
use crate::cli::Format;
use crate::failure::Failure;
use crate::output::text;

/// What is kept is written in the manager's configuration: keep_tasks, keep_logs and so on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  lp gc --dry-run     what would go\n  lp gc --yes\n\n\
    The manager does this by itself every few minutes, by the rules of its configuration (keep_tasks,\n\
    keep_tasks_count, keep_logs, keep_logs_size, keep_workspaces, keep_versions, keep_orphans). What is\n\
    unfinished, active or referred to is kept in any case.")]
pub(crate) struct Gc {
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn run(session: &Session, gc: Gc) -> Result<(), Failure> {
    let client = session.client()?;
    let preview = client.collect_garbage(&CollectGarbage { dry_run: true }).await?;
    if gc.dry_run {
        if !preview.complete {
            session.out.warn("there is more than could be counted in this time");
        }
        return show(session, &preview);
    }
    if preview.kinds.iter().any(|kind| kind.count > 0) {
        gc.yes.confirm(session, &format!("remove {}", summary(&preview))).await?;
    }
    let mut total: Option<Garbage> = None;
    loop {
        let step = client.collect_garbage(&CollectGarbage { dry_run: false }).await?;
        let is_complete = step.complete;
        // a pass that was cut short and got nowhere will not get anywhere
        let is_stuck = step.kinds.iter().all(|kind| kind.count == 0);
        match &mut total {
            None => total = Some(step),
            Some(total) => add(total, step),
        }
        match &total {
            Some(total) if is_complete || is_stuck => return show(session, total),
            Some(total) => session.out.detail(&format!("removed {} so far", summary(total))),
            None => {}
        }
    }
}

fn add(total: &mut Garbage, step: Garbage) {
    total.complete = step.complete;
    for (sum, kind) in total.kinds.iter_mut().zip(step.kinds) {
        sum.count += kind.count;
        sum.bytes = sum.bytes.zip(kind.bytes).map(|(sum, bytes)| sum + bytes);
    }
}

fn show(session: &Session, garbage: &Garbage) -> Result<(), Failure> {
    if matches!(session.out.format, Format::Json | Format::Jsonl | Format::Yaml) {
        return session.out.document(garbage, String::new);
    }
    let mut rows = session.out.list::<GarbageKind>();
    for kind in &garbage.kinds {
        rows.push(kind)?;
    }
    rows.finish()
}

fn summary(garbage: &Garbage) -> String {
    let parts = garbage.kinds.iter().filter(|kind| kind.count > 0).map(|kind| {
        let bytes = kind.bytes.map(|bytes| format!(" ({})", text::size(bytes)));
        let noun = kind.kind.as_str().trim_end_matches('s');
        let count = text::count(usize::try_from(kind.count).unwrap_or(usize::MAX), noun);
        format!("{count}{}", bytes.unwrap_or_default())
    });
    parts.collect::<Vec<_>>().join(", ")
}
