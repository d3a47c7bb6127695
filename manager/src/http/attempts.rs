//! From `/tasks/{task}/actions/{action}/attempts/{n|latest}` to one attempt.

use actix_web::web;
use lp_protocol::AttemptKey;

use super::failure::Failure;
use super::names;
use super::state::State;
use super::tasks::plan_of;
use crate::core::Shape;
use crate::core::record::AttemptRecord;

/// The three parts of the path.
pub(crate) type AttemptPath = web::Path<(String, String, String)>;

/// An attempt and its name among nodes.
pub(crate) struct Found {
    pub(crate) record: AttemptRecord,
    pub(crate) key: AttemptKey,
}

/// Finds the attempt; `latest` is the one that is the latest now.
pub(crate) async fn find(state: &State, path: &(String, String, String)) -> Result<Found, Failure> {
    let (task, action, attempt) = path;
    let task_id = names::task(state, task).await?;
    let stored = state.store.find_record(task_id).await?.ok_or_else(|| Failure::not_found("task", task))?;
    let plan = plan_of(state, &stored).await?;
    let ordinal = Shape::new(plan.clone()).ordinal(action);
    let found = state.store.list_attempts_of(stored.seq, ordinal, action).await?;
    if ordinal.is_none() && found.is_empty() {
        return Err(Failure::not_found("action", action).hint(format!("It has: {}.", some_names(&plan))));
    }
    let mut attempts = found.into_iter();
    let record = match attempt.as_str() {
        "latest" => attempts.next_back(),
        number => {
            let number: u32 = number.parse().map_err(|_| {
                Failure::invalid(format!("`{number}` is neither an attempt's number nor `latest`"))
            })?;
            attempts.find(|record| record.id.number == number)
        }
    };
    let record = record.ok_or_else(|| match attempt.as_str() {
        "latest" => Failure::not_found("attempt of action", action).hint(format!(
            "It was not given to a node yet; `lp why {}` tells what it waits for.",
            task_id.short()
        )),
        number => Failure::not_found("attempt", format!("{number} of action {action}")),
    })?;
    let key = AttemptKey { task_id, action: action.clone(), attempt: record.id.number };
    Ok(Found { record, key })
}

fn some_names(plan: &lp_protocol::plan::Plan) -> String {
    const SHOWN: usize = 20;
    let names: Vec<String> =
        plan.actions.iter().take(SHOWN).map(|action| format!("`{}`", action.name)).collect();
    let more = if plan.actions.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", names.join(", "))
}
