//! `lp logs`: what actions write, while they run and after.

mod clock;
mod follow;
mod print;
mod read;
mod tail;

use std::time::Duration;

use clap::Args;
use lp_protocol::client::{AttemptRef, ManagerClient};
use lp_protocol::views::{ActionView, TaskInfo};
use lp_protocol::{ErrorCode, TaskId};

use self::print::Printer;
use self::read::Stamping;
use super::Session;
use super::task::verdict;
use crate::failure::Failure;
use crate::output::text;

#[derive(Args, Debug)]
#[command(
    override_usage = "lp logs [OPTIONS] <TASK> [ACTION]",
    after_help = "Examples:\n  lp logs @last                  all actions, each line under its action's name\n  \
    lp logs @last first            one action, exactly what it wrote\n  \
    lp logs -f @last               follow until the task has finished\n  \
    lp logs @last first --tail 20  the last lines only\n  \
    lp logs @last -T               when each line was written\n\n\
    Times are the node's, to about 0.1 s (coarser after hours of steady output); of lines that come while you follow, when they came.\n\
    On a terminal, control sequences other than colours are made visible; what is piped is untouched."
)]
pub(crate) struct Logs {
    /// Task (id, beginning of an id, @last) and, if only one is wanted, action
    #[arg(value_names = ["TASK", "ACTION"], num_args = 0..=2)]
    bare: Vec<String>,
    /// Task
    #[arg(short, long, hide_short_help = true)]
    task: Option<String>,
    /// Action
    #[arg(short, long = "name", value_name = "ACTION", hide_short_help = true)]
    name: Option<String>,
    /// Go on with what is written from now on, also by later actions and attempts, until the end
    #[arg(short, long)]
    follow: bool,
    /// Which attempt; default: the latest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Only the last N lines, and what follows
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// Before each line when it was written, to about 0.1 s; `~`: not later than this is all that is known
    #[arg(short = 'T', long)]
    timestamps: bool,
}

/// What is to be printed of a task.
#[derive(Debug, Clone)]
struct Selection {
    action: Option<String>,
    attempt: Option<u32>,
    tail: Option<u64>,
    stamping: Stamping,
}

impl Selection {
    /// The actions it means.
    fn actions<'a>(&'a self, info: &'a TaskInfo) -> impl Iterator<Item = &'a ActionView> {
        info.actions.iter().filter(|action| self.action.as_ref().is_none_or(|name| *name == action.name))
    }

    fn takes(&self, action: &str, attempt: u32) -> bool {
        self.action.as_ref().is_none_or(|name| name == action)
            && self.attempt.is_none_or(|number| number == attempt)
    }

    /// The attempt to begin with: the one that was asked for, or the latest.
    fn attempt_of(&self, action: &ActionView) -> Option<u32> {
        let numbers = || action.attempts.iter().map(|attempt| attempt.attempt);
        match self.attempt {
            Some(wanted) => numbers().find(|number| *number == wanted),
            None => numbers().max(),
        }
    }
}

/// Task and action from bare words and flags, in whatever mixture.
///
/// # Errors
/// `Usage` where there is no task, or a word too many.
pub(crate) fn task_and_action(
    bare: Vec<String>,
    task: Option<String>,
    action: Option<String>,
) -> Result<(String, Option<String>), Failure> {
    let mut words = bare.into_iter();
    let task = task.or_else(|| words.next());
    let action = action.or_else(|| words.next());
    match (task, words.next()) {
        (Some(task), None) => Ok((task, action)),
        (None, _) => {
            Err(Failure::usage("which task?", "name it by its id, the beginning of its id, or @last"))
        }
        (Some(_), Some(word)) => Err(Failure::usage(
            format!("`{}` is one word too many", text::visible(&word)),
            "TASK and ACTION are enough",
        )),
    }
}

pub(crate) async fn run(session: &Session, logs: Logs) -> Result<(), Failure> {
    let client = session.client()?;
    let (task, action) = task_and_action(logs.bare, logs.task, logs.name)?;
    let info = client.fetch_task(&task).await?;
    let stamping = if logs.timestamps { Stamping::Yes } else { Stamping::No };
    let selection = Selection { action, attempt: logs.attempt, tail: logs.tail, stamping };
    check(&info, &selection)?;
    if logs.follow {
        follow::run(session, &client, info.task.task_id, &selection).await.map(drop)
    } else {
        print_once(session, &client, &info, &selection).await
    }
}

/// Follows all of a task's output until it has finished; the result is the task's.
pub(crate) async fn follow_until_finished(
    session: &Session,
    client: &ManagerClient,
    task_id: &TaskId,
    timeout: Option<Duration>,
) -> Result<(), Failure> {
    let selection = Selection { action: None, attempt: None, tail: None, stamping: Stamping::No };
    let following = follow::run(session, client, *task_id, &selection);
    let ended = match timeout {
        None => Some(following.await?),
        Some(timeout) => match tokio::time::timeout(timeout, following).await {
            Ok(ended) => Some(ended?),
            Err(_) => None,
        },
    };
    let task = match ended {
        Some(info) => info.task,
        None => client.fetch_task(&task_id.to_string()).await?.task,
    };
    let state = crate::output::stage_cell(&session.out.look(), task.stage, task.status);
    let took = task.start_at.map(|start| text::between(start, task.end_at.unwrap_or(session.out.look().now)));
    let took = took.map(|took| format!(" after {}", text::duration(took))).unwrap_or_default();
    session.out.note(&format!("{}{took}", session.out.talk.paint(state.tint, &state.text)));
    verdict(session, &[task], timeout)
}

/// An action or attempt that does not exist is told before anything is printed.
fn check(info: &TaskInfo, selection: &Selection) -> Result<(), Failure> {
    let Some(name) = &selection.action else { return Ok(()) };
    let Some(action) = selection.actions(info).next() else {
        let names: Vec<_> = info.actions.iter().map(|action| action.name.as_str()).collect();
        return Err(Failure::NotFound {
            what: format!("the task has no action `{name}`"),
            hint: Some(format!("it has {}", text::visible(&names.join(", ")))),
        });
    };
    match (selection.attempt, selection.attempt_of(action)) {
        (Some(number), None) => Err(Failure::NotFound {
            what: format!("the action `{name}` has no attempt {number}"),
            hint: Some(format!("it has {}", text::count(action.attempts.len(), "attempt"))),
        }),
        _ => Ok(()),
    }
}

async fn print_once(
    session: &Session,
    client: &ManagerClient,
    info: &TaskInfo,
    selection: &Selection,
) -> Result<(), Failure> {
    let task = info.task.task_id.to_string();
    let mut printer = Printer::new(session, selection.actions(info).count(), selection.stamping);
    let mut has_any = false;
    for action in selection.actions(info) {
        let Some(attempt) = selection.attempt_of(action) else { continue };
        has_any = true;
        let start = tail::start(client, &task, &action.name, attempt, selection.tail).await;
        let log =
            read::Log { client, task: &task, action: &action.name, attempt, stamping: selection.stamping };
        let printed = match start {
            Ok(start) => {
                log.copy(start, read::Until::Now, async |chunk| printer.print(&action.name, &chunk)).await
            }
            Err(failure) => Err(failure),
        };
        match printed {
            Ok(()) => printer.end(&action.name)?,
            // the other actions' logs are worth having all the same
            Err(Failure::Manager(error))
                if selection.action.is_none() && error.code() == Some(ErrorCode::Gone) =>
            {
                printer.end(&action.name)?;
                session.out.warn(&format!(
                    "{}: {}",
                    text::visible(&action.name),
                    text::visible(&error.to_string())
                ));
            }
            Err(failure) => return Err(failure),
        }
    }
    if !has_any {
        let id = info.task.task_id.short();
        session.out.note(&format!("nothing has started yet; `lp why {id}` tells what it waits for"));
    }
    Ok(())
}

/// The attempt a reader means, for the routes.
fn number(attempt: u32) -> AttemptRef {
    AttemptRef::Number(attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fill_what_flags_leave_open() {
        let some = |text: &str| Some(text.to_owned());
        for (bare, task, action, expected) in [
            (vec!["T"], None, None, Some(("T", None))),
            (vec!["T", "A"], None, None, Some(("T", Some("A")))),
            (vec!["A"], some("T"), None, Some(("T", Some("A")))),
            (vec!["T"], None, some("A"), Some(("T", Some("A")))),
            (vec![], some("T"), some("A"), Some(("T", Some("A")))),
            (vec!["T", "A"], some("X"), some("Y"), None),
            (vec![], None, some("A"), None),
        ] {
            let result = task_and_action(bare.iter().map(|word| (*word).to_owned()).collect(), task, action);
            let result = result.ok();
            let result = result.as_ref().map(|(task, action)| (task.as_str(), action.as_deref()));
            assert_eq!(result, expected, "{bare:?}");
        }
    }
}
