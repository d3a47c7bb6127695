//! Tests of the core: rules one by one (`rules`), and a simulated cluster under faults (`simulation`).

mod bench;
mod build_rules;
mod build_simulation;
mod cluster;
mod drain_rules;
mod fake_node;
mod model;
mod node_rules;
mod plans;
mod random;
mod rules;
mod run_rules;
mod sanity;
mod schedule_days;
mod schedule_rules;
mod scheduled_work_rules;
mod service_rules;
mod simulation;
mod standing;
mod standing_model;
mod work_model;
mod work_rules;

pub(super) use plans::plan;
