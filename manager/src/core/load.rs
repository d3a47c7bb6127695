//! Building a core from the store: at every start, after a failed commit, after a change of leader.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::queue::Queue;
use super::record::{AttemptRecord, Open};
use super::schedule::Schedules;
use super::service::Services;
use super::timers::Timers;
use super::{Core, Now, Outcome, Settings, Shape};

impl Core {
    /// A core that holds what is open. No node is connected; the nodes that hold attempts have `lost_after` from now to return.
    pub fn load(now: Now, settings: Settings, open: Open) -> Self {
        let mut core = Self {
            settings,
            tasks: BTreeMap::new(),
            by_id: HashMap::new(),
            live: BTreeMap::new(),
            nodes: BTreeMap::new(),
            connections: BTreeMap::new(),
            shapes: HashMap::new(),
            drains: BTreeMap::new(),
            offered_targets: open.targets.into_iter().collect(),
            begun_tasks: 0,
            queue: Queue::default(),
            timers: Timers::default(),
            schedules: Schedules::default(),
            services: Services::default(),
            next_seq: open.next_seq,
            works: BTreeMap::new(),
            derived: Vec::new(),
            last_create_at: open.tasks.last().map_or(now.wall, |task| task.create_at),
            unsettled: true,
            rebalance_set: false,
            builds: Default::default(),
            outcome: Outcome::default(),
            counters: Default::default(),
            watched: false,
        };
        let active = core.restore_standing(open.standing);
        core.load_drains(now, open.drains);
        core.load_builds(now, open.builds);
        let mut attempts: &[AttemptRecord] = &open.attempts;
        let mut made = open.actions.into_iter().peekable();
        // plans of one version are shared: a shape must outlive the loop's first task of it
        let mut shapes = Vec::new();
        for record in open.tasks {
            let own = attempts.partition_point(|attempt| attempt.id.task < record.seq);
            attempts = &attempts[own..];
            let (own, rest) =
                attempts.split_at(attempts.partition_point(|attempt| attempt.id.task <= record.seq));
            attempts = rest;
            let Some(plan) = open.plans.get(&record.version_id) else { continue };
            let seq = record.seq;
            while made.next_if(|(task, _)| *task < seq).is_some() {}
            let generated: Vec<_> = std::iter::from_fn(|| made.next_if(|(task, _)| *task == seq)).collect();
            if generated.is_empty() {
                shapes.push(core.shape(record.version_id, plan));
                core.open(now, record, plan, own);
            } else {
                let mut plan = (**plan).clone();
                plan.add_generated(generated.into_iter().map(|(_, action)| action));
                core.open_shaped(now, record, Arc::new(Shape::new(Arc::new(plan))), own);
            }
            for attempt in own.iter().filter(|attempt| attempt.stage.is_open()) {
                core.restore_live(now, attempt.clone());
            }
            // all its actions may have been done in the last committed batch but one
            core.settle(now, seq);
        }
        for work in open.works {
            core.load_work(now, work, &open.plans);
        }
        core.resume_standing(now, active);
        core.offered_targets = HashMap::new();
        core
    }

    fn restore_live(&mut self, now: Now, attempt: AttemptRecord) {
        let class = self.tasks.get(&attempt.id.task).and_then(|task| task.class(attempt.id.action)).cloned();
        let Some(class) = class else { return };
        self.node(now, attempt.node_id).add(attempt.id, &class.resources);
        self.live.insert(attempt.id, attempt);
    }
}
