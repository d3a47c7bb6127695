//! Plans for tests: written as `"a; b < a; c < a b"`, or drawn.

use std::sync::Arc;
use std::time::Duration;

use lp_protocol::plan::{ActionPlan, Command, DEFAULT_GRACE, Plan, Resources, Retry, TargetEnv};

use super::random::Random;

pub(super) fn action(name: &str) -> ActionPlan {
    ActionPlan {
        name: name.to_owned(),
        condition: Vec::new(),
        command: Command::Words(vec!["true".to_owned()]),
        env: None,
        docker: None,
        target: TargetEnv::default(),
        retry: Retry::default(),
        timeout: None,
        grace: DEFAULT_GRACE,
        resources: Resources::default(),
        priority: 0,
        environ: Default::default(),
        exclusive: false,
        health: None,
        generated: None,
    }
}

/// Reads `"a; b < a; c < a b"`: actions separated by `;`, their conditions after `<`.
pub(in crate::core) fn plan(text: &str) -> Plan {
    let mut plan = Plan {
        actions: Vec::new(),
        on_success: None,
        on_fail: None,
        output_action: None,
        locks: Default::default(),
    };
    for part in text.split(';') {
        let (name, condition) = part.split_once('<').unwrap_or((part, ""));
        let position = |name: &str| {
            plan.actions.iter().position(|action: &ActionPlan| action.name == name).unwrap() as u32
        };
        let condition = condition.split_whitespace().map(position).collect();
        plan.actions.push(ActionPlan { condition, ..action(name.trim()) });
    }
    plan
}

/// One action `a`, tried so many times with ten seconds between.
pub(super) fn with_retry(attempts: u32) -> Plan {
    let mut plan = plan("a");
    plan.actions[0].retry =
        Retry { attempts, delay: Duration::from_secs(10), jitter: 0.0, ..Retry::default() };
    plan
}

/// A plan of one to six actions with conditions, retries, resources and events drawn by lot.
pub(super) fn draw(random: &mut Random) -> Arc<Plan> {
    let mut plan = Plan {
        actions: Vec::new(),
        on_success: None,
        on_fail: None,
        output_action: None,
        locks: Default::default(),
    };
    for index in 0..1 + random.below(6) {
        let condition = (0..index as u32).filter(|_| random.one_in(3)).collect();
        plan.actions.push(ActionPlan { condition, ..draw_action(random, &format!("a{index}")) });
    }
    if random.one_in(4) {
        plan.on_success = Some(draw_action(random, "success"));
    }
    if random.one_in(4) {
        plan.on_fail = Some(draw_action(random, "fail"));
    }
    Arc::new(plan)
}

fn draw_action(random: &mut Random, name: &str) -> ActionPlan {
    let retry = Retry {
        attempts: 1 + random.below(3) as u32,
        delay: Duration::from_millis(random.below(3000) as u64),
        ..Retry::default()
    };
    let resources = Resources {
        slots: if random.one_in(4) { 2 } else { 1 },
        cpu_millis: if random.one_in(4) { 500 } else { 0 },
        ..Resources::default()
    };
    ActionPlan { retry, resources, priority: random.below(3) as i32, ..action(name) }
}
