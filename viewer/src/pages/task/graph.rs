//! A task's actions as the vertices of a graph.

use std::collections::HashMap;

use lp_protocol::Stage;
use lp_protocol::views::{ActionView, TaskInfo};

use super::{Address, Selected};
use crate::graph::{Graph, Kind, Vertex};
use crate::parts::{Badge, Lasting, clip, clock_attribute, visible};

pub(super) fn of_task(
    info: &TaskInfo,
    address: &Address,
    open: Option<&Selected>,
    now: chrono::DateTime<chrono::Utc>,
) -> Graph {
    let place: HashMap<&str, usize> =
        info.actions.iter().enumerate().map(|(at, action)| (action.name.as_str(), at)).collect();
    let vertices: Vec<Vertex> = info
        .actions
        .iter()
        .map(|action| {
            let condition = action.condition.iter().filter_map(|name| place.get(name.as_str()));
            let mut after: Vec<usize> = condition.copied().collect();
            // what an action has made stands behind it, whether it waits for it or not
            let maker = action.generated_by.as_deref().and_then(|by| place.get(by)).copied();
            if let Some(maker) =
                maker.filter(|maker| after.is_empty() && *maker != place[action.name.as_str()])
            {
                after.push(maker);
            }
            Vertex {
                url: Some(address.on_action(&action.name)),
                badge: Some(Badge::of_action(action.stage, action.status, !action.condition.is_empty())),
                detail: detail(action, now),
                since: since(action),
                after,
                kind: if maker.is_some() { Kind::Generated } else { Kind::Plain },
                is_open: open.is_some_and(|open| open.action == action.name),
                ..Vertex::new(&action.name)
            }
        })
        .collect();
    let label = format!("{} actions of the task and what they wait for", info.actions.len());
    Graph::new(&label, &vertices, |stem| Some(address.finding(stem)))
}

/// `attempt 2, 4m 12s`; of what runs the time is counted by the page.
fn detail(action: &ActionView, now: chrono::DateTime<chrono::Utc>) -> String {
    let Some(last) = action.attempts.last() else {
        return match action.stage {
            Stage::Pending if action.condition.is_empty() => "waits for a slot".to_owned(),
            Stage::Pending if action.condition.len() > 2 => {
                format!("after {} actions", action.condition.len())
            }
            Stage::Pending => format!("after {}", clip(&action.condition.join(", "), 40)),
            Stage::Running | Stage::Stopping | Stage::Finished => {
                action.status.map(|status| status.as_str().to_owned()).unwrap_or_default()
            }
        };
    };
    let mut words = Vec::new();
    if last.attempt > 1 {
        words.push(format!("attempt {}", last.attempt));
    }
    if last.start_at.is_none() && last.end_at.is_none() {
        let step = last.preparing.iter().rfind(|step| step.end_at.is_none());
        words.push(
            step.map_or("starting".to_owned(), |step| {
                format!("{} {}", step.kind.as_str(), visible(&step.what))
            }),
        );
    } else if last.end_at.is_some() {
        words.extend(Lasting::new(last.start_at, last.end_at, now).map(|took| took.text));
    }
    words.join(", ")
}

fn since(action: &ActionView) -> Option<String> {
    let last = action.attempts.last()?;
    last.start_at.filter(|_| last.end_at.is_none()).map(clock_attribute)
}
