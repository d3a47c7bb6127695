//! Why a work is not done yet.

use lp_protocol::views::WhyAction;
use lp_protocol::{TaskId, WorkId};

use super::super::{Core, Now, WhyAsked};
use super::machine::{Node, Work};

/// Conditions named before the rest is counted.
const SHOWN: usize = 5;

impl Core {
    /// One entry for each application of an open work that is not done, in the order they were written. None where it is not open.
    pub fn why_work(&self, now: Now, work_id: WorkId) -> Option<Vec<WhyAction>> {
        let work = self.works.get(&work_id)?;
        let mut reasons = Vec::new();
        for ((_, app), node) in work.plan.apps().zip(&work.nodes) {
            let (reason, hint) = match node {
                Node::Waiting { .. } if app.condition.is_empty() => continue,
                Node::Waiting { .. } => (waits_for(work, &app.condition), None),
                Node::Open(task) => self.why_task(now, task.task_id),
                Node::Unstarted(_) | Node::Ended { .. } => continue,
            };
            reasons.push(WhyAction { name: app.name.clone(), reason, hint });
        }
        Some(reasons)
    }

    fn why_task(&self, now: Now, task_id: TaskId) -> (String, Option<String>) {
        let asked = WhyAsked { most: 1, action: None };
        let reasons = self.why_some(now, task_id, &asked).unwrap_or_default();
        let short = task_id.short();
        match reasons.actions.first() {
            None => (format!("the end of its task {short} is being recorded"), None),
            Some(first) => {
                let more = match reasons.more {
                    0 => String::new(),
                    1 => " (and 1 more action)".to_owned(),
                    more => format!(" (and {more} more actions)"),
                };
                let hint = first.hint.clone().or_else(|| Some(format!("`lp why {short}` tells more")));
                (format!("its task {short} is not finished: `{}` {}{more}", first.name, first.reason), hint)
            }
        }
    }
}

fn waits_for(work: &Work, condition: &[u32]) -> String {
    let unmet: Vec<String> = condition
        .iter()
        .filter(|parent| !work.node(**parent).is_some_and(Node::has_succeeded))
        .filter_map(|parent| work.plan.app(*parent))
        .map(|app| format!("`{}`", app.name))
        .collect();
    let more = if unmet.len() > SHOWN { format!(" and {} more", unmet.len() - SHOWN) } else { String::new() };
    format!("waits for {}{more} to succeed", unmet.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "))
}
