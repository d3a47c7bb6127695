//! Why something waits, from the state that makes it wait.

use lp_protocol::frames::NodeFacts;
use lp_protocol::plan::{LabelRule, Ordinal, TargetEnv};
use lp_protocol::views::WhyAction;
use lp_protocol::{NodeId, PreparingKind, PreparingStep, Stage, TaskId};

use super::record::{AttemptId, SUCCESS_EVENT};
use super::shape::Class;
use super::task::{Action, State, Task};
use super::{Core, Now};

/// Places counted before an action in its line; a longer line is "more than".
const COUNTED_AHEAD: usize = 1000;

/// Of which actions to tell, since an answer about ten thousand of them takes its time from everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyAsked {
    /// The first ones.
    pub most: usize,
    /// This one too, wherever it stands.
    pub action: Option<String>,
}

impl Default for WhyAsked {
    fn default() -> Self {
        Self { most: usize::MAX, action: None }
    }
}

/// What is told, and how many more could have been.
#[derive(Clone, Debug, Default)]
pub struct Reasons {
    pub actions: Vec<WhyAction>,
    pub more: u64,
}

impl Reasons {
    /// Takes one more reason, which is only made where it is wanted.
    pub(super) fn tell(
        &mut self,
        asked: &WhyAsked,
        name: &str,
        reason: impl FnOnce() -> (String, Option<String>),
    ) {
        if self.actions.len() >= asked.most && asked.action.as_deref() != Some(name) {
            self.more += 1;
            return;
        }
        let (reason, hint) = reason();
        self.actions.push(WhyAction { name: name.to_owned(), reason, hint });
    }
}

impl Core {
    /// One entry for each action of an open task that is not done, in the order of the manifest. None where it is not open.
    pub fn why(&self, now: Now, task_id: TaskId) -> Option<Vec<WhyAction>> {
        Some(self.why_some(now, task_id, &WhyAsked::default())?.actions)
    }

    /// The same of some of them.
    pub fn why_some(&self, now: Now, task_id: TaskId, asked: &WhyAsked) -> Option<Reasons> {
        let task = self.tasks.get(&self.find_open(task_id)?)?;
        let mut reasons = Reasons::default();
        for (ordinal, action) in task.all_actions() {
            let is_told = match action.state {
                State::Done(_) => false,
                State::Waiting { .. } => ordinal < SUCCESS_EVENT,
                State::Queued | State::Backoff { .. } | State::Live => true,
            };
            if !is_told {
                continue;
            }
            let name = task.plan(ordinal).map_or("", |plan| plan.name.as_str());
            reasons.tell(asked, name, || self.why_action(now, task, ordinal, action));
        }
        Some(reasons)
    }

    fn why_action(
        &self,
        now: Now,
        task: &Task,
        ordinal: Ordinal,
        action: &Action,
    ) -> (String, Option<String>) {
        match action.state {
            State::Done(_) => Default::default(),
            State::Waiting { .. } => (self.why_waiting(task, ordinal), None),
            State::Queued => self.why_queued(task, ordinal),
            State::Backoff { due, retry_at } => {
                let wait = due.saturating_sub(now.mono).as_secs_f64();
                let at = retry_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                let failures = action.failures;
                (format!("failed {failures} times; the next attempt is due in {wait:.1} s (at {at})"), None)
            }
            State::Live => self.why_live(task, ordinal, action.attempts),
        }
    }

    fn why_waiting(&self, task: &Task, ordinal: Ordinal) -> String {
        let Some(plan) = task.plan(ordinal) else { return String::new() };
        let unmet: Vec<String> = plan
            .condition
            .iter()
            .filter(|parent| !task.action(**parent).is_some_and(|action| action.is_done()))
            .filter_map(|parent| task.plan(*parent))
            .map(|plan| format!("`{}`", plan.name))
            .collect();
        let shown = unmet.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if unmet.len() > 5 { format!(" and {} more", unmet.len() - 5) } else { String::new() };
        format!("waits for {shown}{more} to succeed")
    }

    fn why_queued(&self, task: &Task, ordinal: Ordinal) -> (String, Option<String>) {
        let Some(class) = task.class(ordinal) else { return Default::default() };
        let connected: Vec<(&NodeId, &super::Node)> =
            self.nodes.iter().filter(|(_, node)| node.connection.is_some()).collect();
        if connected.is_empty() {
            let hint = "start one with `lp node`, or look at `lp node list`";
            return ("no node is connected".to_owned(), Some(hint.to_owned()));
        }
        let (drained, open): (Vec<_>, Vec<_>) =
            connected.iter().partition(|(node_id, _)| self.is_draining(**node_id));
        if open.is_empty() || !open.iter().any(|(id, node)| node.suits(class, **id)) {
            let suitable = drained.iter().filter(|(id, node)| node.suits(class, **id));
            let names: Vec<&str> = suitable.map(|(_, node)| node.facts.name.as_str()).take(3).collect();
            if !names.is_empty() {
                let reason = format!("the nodes that suit it are drained: {}", names.join(", "));
                return (reason, Some(format!("`lp node undrain {}`, or add such a node", names[0])));
            }
        }
        if !connected.iter().any(|(id, node)| node.suits(class, **id)) {
            let reason = format!("no connected node suits it: {}", self.mismatch(class));
            return (
                reason,
                Some("change `target_env` or `resources` of the action, or add such a node".to_owned()),
            );
        }
        let ahead = self.queue.ahead(class, &Self::place_of(task, ordinal), COUNTED_AHEAD);
        let before = match ahead {
            0 => "it is next".to_owned(),
            1 => "1 action is before it".to_owned(),
            COUNTED_AHEAD.. => format!("more than {COUNTED_AHEAD} actions are before it"),
            _ => format!("{ahead} actions are before it"),
        };
        let roomy = self.nodes.iter().find(|(id, node)| {
            node.connection.is_some()
                && !self.is_draining(**id)
                && node.suits(class, **id)
                && node.has_room(class)
        });
        if let Some((_, node)) = roomy {
            let name = &node.facts.name;
            let reason = format!(
                "the room on node {name} is kept for an action before it that needs more than is free there; {before}"
            );
            return (reason, None);
        }
        (format!("every suitable node is full ({}); {before}", self.fullness(class)), None)
    }

    /// What each connected node lacks, a few of them.
    fn mismatch(&self, class: &Class) -> String {
        let mut parts = Vec::new();
        for (node_id, node) in self.nodes.iter().filter(|(_, node)| node.connection.is_some()).take(3) {
            let target = &class.target;
            let lack = if let Some((name, want, has)) = class.resources.lacks_in(&node.facts.capacity) {
                format!("has {has} {name}, {want} wanted")
            } else if class.docker && !node.facts.docker_support {
                "has no container engine".to_owned()
            } else if let Some(wanted) =
                target.platform.as_ref().filter(|wanted| !wanted.eq_ignore_ascii_case(&node.facts.platform))
            {
                format!("has platform {}, {wanted} wanted", node.facts.platform)
            } else if let Some(wanted) = target.node_ip.as_ref().filter(|wanted| **wanted != node.facts.ip) {
                format!("has address {}, {wanted} wanted", node.facts.ip)
            } else if target.node_id.is_some_and(|wanted| wanted != *node_id) {
                "has another node_id".to_owned()
            } else if let Some((key, rule, has)) = unkept(target, &node.facts) {
                match has {
                    Some(has) => format!("has the label {key}={has}, `{rule}` wanted"),
                    None => format!("has no label {key}, `{rule}` wanted"),
                }
            } else {
                format!("has docker_support {}", node.facts.docker_support)
            };
            parts.push(format!("node {} {lack}", node.facts.name));
        }
        parts.join("; ")
    }

    fn fullness(&self, class: &Class) -> String {
        let suitable = self.nodes.iter().filter(|(id, node)| {
            node.connection.is_some() && !self.is_draining(**id) && node.suits(class, **id)
        });
        let shown: Vec<String> = suitable
            .take(3)
            .map(|(_, node)| {
                let (used, has) =
                    (node.in_use.slots.min(node.facts.capacity.slots), node.facts.capacity.slots);
                let lacks = super::reserve::lacks(node, class);
                let lacks = if lacks.is_empty() { lacks } else { format!(", lacks {lacks}") };
                format!("{}: {used} of {has} slots in use{lacks}", node.facts.name)
            })
            .collect();
        shown.join("; ")
    }

    fn why_live(&self, task: &Task, ordinal: Ordinal, number: u32) -> (String, Option<String>) {
        let id = AttemptId { task: task.record.seq, action: ordinal, number };
        let Some(record) = self.live.get(&id) else { return Default::default() };
        let node = self.nodes.get(&record.node_id);
        let name = node.map(|node| node.facts.name.clone()).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| record.node_id.short());
        if node.is_none_or(|node| node.connection.is_none()) {
            let lost_after = self.settings.lost_after.as_secs();
            let reason = format!(
                "is with node {name}, which is away; it is given up {lost_after} s after the node was last heard"
            );
            return (reason, Some("look at `lp node list`".to_owned()));
        }
        let reason = match record.stage {
            Stage::Pending if node.is_some_and(super::Node::is_overbooked) => {
                format!("was sent ahead to node {name} and waits there for a free slot")
            }
            Stage::Pending => match preparing(&record.preparing, &name) {
                Some(said) => return said,
                None => format!("is about to start on node {name}"),
            },
            Stage::Stopping => format!("is being stopped on node {name}"),
            Stage::Running | Stage::Finished => format!("runs on node {name} (attempt {number})"),
        };
        (reason, None)
    }
}

/// What its node does for it before it can start, and where to look.
fn preparing(steps: &[PreparingStep], node: &str) -> Option<(String, Option<String>)> {
    let step = steps.last().filter(|step| step.end_at.is_none())?;
    let since = step.start_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let what = &step.what;
    let builds = || Some("`lp venv build list`, then `lp venv build log KEY`".to_owned());
    let (said, hint) = match step.kind {
        PreparingKind::Fetch => (format!("node {node} fetches its {what} since {since}"), None),
        PreparingKind::Unpack => (format!("node {node} unpacks its {what} since {since}"), None),
        PreparingKind::Pull => (format!("node {node} pulls the image {what} since {since}"), None),
        PreparingKind::Build => (
            format!("waits for its environment ({what}), which is being built on node {node} since {since}"),
            builds(),
        ),
        PreparingKind::Wait => match &step.detail {
            Some(detail) => {
                (format!("waits on node {node} for its environment ({what}): {detail}"), builds())
            }
            None => (format!("waits on node {node} for its environment ({what}) since {since}"), builds()),
        },
    };
    let detail = step.detail.as_ref().filter(|_| step.kind != PreparingKind::Wait);
    Some((detail.map_or(said.clone(), |detail| format!("{said} ({detail})")), hint))
}

/// The first label of a target that a node does not have as it should: its key, the rule, and what the node has.
fn unkept<'t>(
    target: &'t TargetEnv,
    facts: &'t NodeFacts,
) -> Option<(&'t str, &'t LabelRule, Option<&'t str>)> {
    let labels = target
        .labels
        .iter()
        .map(|(key, rule)| (key.as_str(), rule, facts.labels.get(key).map(String::as_str)));
    labels.into_iter().find(|(_, rule, has)| !rule.holds(*has))
}
