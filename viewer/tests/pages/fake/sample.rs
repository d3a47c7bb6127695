//! Data to show: builders with defaults, and a cluster with a bit of everything.

mod tasks;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::frames::{NodeFacts, NodeLoad, Usage};
use lp_protocol::plan::Resources;
use lp_protocol::views::{
    ActionResult, ActionView, Activity, ActivityHour, AppView, AttemptView, ClusterStatus, DeedView,
    NodeState, NodeView, ServiceView, SkippedInstant, TaskInfo, TaskView, VersionView, Why, WhyAction,
};
use lp_protocol::{
    AppId, Exit, NodeId, PreparingKind, PreparingStep, ScheduleId, ServiceId, Stage, Status, TaskId,
};
use serde_json::value::RawValue;

use super::Cluster;
use tasks::{failed, failing_log, fan_out, others, running, training_log, why};

pub(crate) fn ago(seconds: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::seconds(seconds)
}

pub(crate) fn raw(value: &serde_json::Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("JSON")
}

pub(crate) fn status() -> ClusterStatus {
    ClusterStatus {
        version: "0.1.0".to_owned(),
        role: "leader".to_owned(),
        database: "sqlite".to_owned(),
        start_at: ago(90_000),
        tasks_pending: 0,
        tasks_running: 0,
        actions_queued: 0,
        actions_running: 0,
        slots: 0,
        slots_in_use: 0,
        nodes_connected: 0,
        nodes: 0,
    }
}

pub(crate) fn node(name: &str, state: NodeState) -> NodeView {
    let capacity = Resources { slots: 8, cpu_millis: 8000, memory_bytes: 32 << 30, ..Resources::default() };
    NodeView {
        drain: None,
        cache: None,
        node_id: NodeId::random(),
        name: name.to_owned(),
        state,
        create_at: ago(500_000),
        seen_at: Some(ago(2)),
        facts: NodeFacts {
            name: name.to_owned(),
            platform: "x86_64".to_owned(),
            hostname: name.to_owned(),
            ip: "192.0.2.7".to_owned(),
            version: "0.1.0".to_owned(),
            data_path: "/var/lib/lp".to_owned(),
            docker_support: false,
            capacity,
            labels: BTreeMap::new(),
            ..NodeFacts::default()
        },
        load: NodeLoad {
            running: 3,
            waiting: 0,
            disk_free_bytes: 120 << 30,
            disk_total_bytes: 400 << 30,
            memory_available_bytes: 20 << 30,
            load1: 2.4,
        },
        in_use: Resources { slots: 3, ..Resources::default() },
        attempts: Vec::new(),
    }
}

pub(crate) fn app(name: &str) -> AppView {
    AppView {
        app_id: AppId::random(),
        name: name.to_owned(),
        description: String::new(),
        create_at: ago(800_000),
        update_at: ago(9_000),
        version: VersionView {
            version_id: 7,
            number: 7,
            create_by: "admin".to_owned(),
            active: true,
            activate_at: None,
            digest: "3f2a91c0".repeat(8),
            sha1: "0".repeat(40),
            size_bytes: 18_400,
            format: "tar.gz".to_owned(),
            description: String::new(),
            create_at: ago(9_000),
            warnings: Vec::new(),
        },
        plan: None,
        manifest: None,
        nodes: None,
    }
}

pub(crate) fn task(name: &str, stage: Stage, status: Option<Status>) -> TaskInfo {
    let is_started = stage != Stage::Pending;
    TaskInfo {
        task: TaskView {
            task_id: TaskId::random(),
            task_name: name.to_owned(),
            app_id: AppId::random(),
            app_name: "hello".to_owned(),
            version_id: 7,
            version: 7,
            work_id: None,
            schedule_id: None,
            service_id: None,
            stage,
            status,
            priority: 0,
            create_at: ago(300),
            start_at: is_started.then(|| ago(298)),
            end_at: (stage == Stage::Finished).then(|| ago(46)),
            reason: None,
        },
        input_data: raw(&serde_json::json!({})),
        history: Vec::new(),
        output: None,
        actions: Vec::new(),
        result: BTreeMap::new(),
    }
}

pub(crate) fn attempt(number: u32, exit: Option<Exit>) -> AttemptView {
    let is_over = exit.is_some();
    let status = exit.as_ref().map(|exit| if exit.is_success() { Status::Success } else { Status::Fail });
    AttemptView {
        attempt: number,
        run: 1,
        stage: if is_over { Stage::Finished } else { Stage::Running },
        status,
        exit,
        node_id: NodeId::random(),
        node_name: "ryzen-2".to_owned(),
        assign_at: ago(250),
        start_at: Some(ago(249)),
        end_at: is_over.then(|| ago(60)),
        log_bytes: 0,
        usage: if is_over {
            Usage { cpu_seconds: 12.4, max_rss_bytes: 1_288_490_188, ..Usage::default() }
        } else {
            Usage::default()
        },
        preparing: Vec::new(),
    }
}

pub(crate) fn action(name: &str, condition: &[&str], attempts: Vec<AttemptView>) -> ActionView {
    let last = attempts.last();
    ActionView {
        name: name.to_owned(),
        condition: condition.iter().map(|name| (*name).to_owned()).collect(),
        generated_by: None,
        stage: last.map_or(Stage::Pending, |attempt| attempt.stage),
        status: last.and_then(|attempt| attempt.status),
        attempts,
        retry_at: None,
    }
}

fn result_of(action: &ActionView, value: &serde_json::Value) -> ActionResult {
    ActionResult {
        name: action.name.clone(),
        stage: action.stage,
        status: action.status,
        node_id: NodeId::random(),
        start_at: Some(ago(249)),
        end_at: Some(ago(60)),
        returncode: Some(0),
        result: raw(value),
    }
}

/// A cluster with a bit of everything.
pub(crate) fn cluster() -> Cluster {
    let apps = apps();
    let mut tasks = vec![failed(&apps[0]), running(&apps[1]), fan_out(&apps[3])];
    tasks.extend(others(&apps));
    let mut nodes = vec![
        node("ryzen-1", NodeState::Connected),
        node("ryzen-2", NodeState::Connected),
        node("gpu-box.lab.example", NodeState::Disconnected),
        node("old-laptop", NodeState::Connected),
    ];
    nodes[0].facts.labels =
        BTreeMap::from([("zone".to_owned(), "lab".to_owned()), ("gpu".to_owned(), "no".to_owned())]);
    nodes[2].seen_at = Some(ago(190));
    nodes[2].in_use.slots = 0;
    nodes[3].load.disk_free_bytes = 9 << 30;
    nodes[3].in_use.slots = 8;
    nodes[3].load.waiting = 2;
    let status = ClusterStatus {
        tasks_pending: 12,
        tasks_running: 3,
        actions_queued: 41,
        actions_running: 14,
        slots: 24,
        slots_in_use: 14,
        nodes_connected: 3,
        nodes: 4,
        ..status()
    };
    let key =
        |task: &TaskInfo, action: &str, attempt| (task.task.task_id.to_string(), action.to_owned(), attempt);
    let logs = [
        (key(&tasks[0], "load", 3), failing_log()),
        (key(&tasks[0], "load", 2), b"Traceback ...\nValueError: column 'id' missing\n".to_vec()),
        (key(&tasks[1], "train", 1), training_log()),
        (
            key(&tasks[2], "shard-017", 1),
            b"reading 17.tar\n\x1b[31mno space left on device\x1b[0m\n".to_vec(),
        ),
    ];
    let file = |path: &str, content: &[u8]| {
        ((tasks[0].task.task_id.to_string(), "load".to_owned(), 3, path.to_owned()), content.to_vec())
    };
    let files = [
        file("input.data", br#"{"day": "2026-11-21", "fetch": {"rows": 18233, "files": ["orders-1.csv"]}}"#),
        file("stdout.data", &failing_log()),
        file("report/columns.txt", b"id: missing\nprice: float\n"),
        file("report/plot.png", b"\x89PNG\0\0"),
    ];
    let why = tasks.iter().filter_map(|info| Some((info.task.task_id.to_string(), why(info)?))).collect();
    Cluster {
        status: Some(status),
        activity: activity(),
        services: services(&apps),
        nodes,
        tasks,
        apps,
        logs: logs.into_iter().collect(),
        files: files.into_iter().collect(),
        why,
        ..Cluster::default()
    }
}

fn activity() -> Activity {
    let hour = |n: i64| {
        let count = (40.0 + 30.0 * (n as f64 / 3.0).sin()) as u64;
        ActivityHour {
            at: ago(3600 * (23 - n)),
            finished: Some(count),
            failed: Some(if n % 5 == 0 { count / 12 } else { 0 }),
            waiting: (n > 3).then_some(count / 3),
            slots_in_use: (n > 3).then_some(count * 24 / 70),
        }
    };
    let skipped = SkippedInstant {
        schedule_id: ScheduleId::random(),
        schedule_name: "every day 12:40".to_owned(),
        instant: ago(7_000),
        reason: Some("task `run nightly-etl` of the instant before still runs".to_owned()),
    };
    Activity { hours: (0..24).map(hour).collect(), oldest_waiting: Some(ago(840)), skipped: vec![skipped] }
}

fn services(apps: &[AppView]) -> Vec<ServiceView> {
    let mut failing = service("web", &apps[2]);
    (failing.failures, failing.given_up) = (5, true);
    failing.reason = Some("exit code 98, last line \"address already in use\"".to_owned());
    vec![failing, service("queue", &apps[2])]
}

pub(crate) fn service(name: &str, app: &AppView) -> ServiceView {
    ServiceView {
        service_id: ServiceId::random(),
        name: name.to_owned(),
        app_id: app.app_id,
        app_name: app.name.clone(),
        version_id: 7,
        version: 7,
        follow_active: true,
        task_id: None,
        stage: None,
        status: None,
        description: String::new(),
        signal: 15,
        grace: None,
        delay: 1.0,
        max_delay: 60.0,
        reset_after: 60.0,
        max_restarts: None,
        health: None,
        enable: true,
        restarts: 0,
        failures: 0,
        given_up: false,
        retry_at: None,
        reason: None,
        create_at: ago(90_000),
        update_at: ago(9_000),
    }
}

fn apps() -> Vec<AppView> {
    let mut apps = vec![app("nightly-etl"), app("train-model"), app("hello"), app("image-resize")];
    apps[0].description =
        "Reads yesterday's orders, checks them and loads them into the warehouse.".to_owned();
    apps[0].version.warnings = vec!["action `load`: unknown key `retires`, did you mean `retry`?".to_owned()];
    apps[0].manifest = Some(
        "{\n  // every night at 12:40\n  \"actions\": [\n    {\"name\": \"fetch\", \"main\": \"python fetch.py\"},\n    \
         {\"name\": \"load\", \"condition\": [\"fetch\"], \"main\": \"python load.py\"},\n  ],\n  \"output_action\": \"load\"\n}\n"
            .to_owned(),
    );
    apps
}
