//! The tasks of the cluster with a bit of everything.

use lp_protocol::views::LastOutput;

use super::*;

pub(super) fn failed(app: &AppView) -> TaskInfo {
    let fail = Some(Exit::Code { code: 1 });
    let fetch = action("fetch", &[], vec![timed(1, Some(0), (297, 296, 245))]);
    let mut tries = vec![attempt(1, fail.clone()), attempt(2, fail.clone()), attempt(3, fail)];
    for (n, (attempt, times)) in
        tries.iter_mut().zip([(240, 215, 190), (170, 169, 120), (80, 79, 50)]).enumerate()
    {
        (attempt.assign_at, attempt.start_at, attempt.end_at) =
            (ago(times.0), Some(ago(times.1)), Some(ago(times.2)));
        if n == 0 {
            attempt.preparing = vec![
                step(PreparingKind::Fetch, "app", 240, 236, None),
                step(PreparingKind::Build, "requirements.txt", 236, 215, Some("42 packages from 3 wheels")),
            ];
        }
    }
    let load = action("load", &["fetch"], tries);
    let mut report = action("report", &["load"], Vec::new());
    (report.stage, report.status) = (Stage::Finished, Some(Status::Skipped));
    let mut info = task("run 2026-11-22", Stage::Finished, Some(Status::Fail));
    info.task.reason = Some(
        "action `load` failed on attempt 3 of 3: exit code 1, last line \"ValueError: column 'id' missing\""
            .to_owned(),
    );
    info.result = [(
        "fetch".to_owned(),
        result_of(
            &fetch,
            &serde_json::json!({"rows": 18_233, "files": ["orders-1.csv", "orders-2.csv"], "ok": true}),
        ),
    )]
    .into();
    info.input_data =
        raw(&serde_json::json!({"day": "2026-11-21", "source": {"bucket": "orders", "parts": [1, 2]}}));
    info.actions = vec![fetch, load, report];
    info.history = vec![DeedView {
        at: ago(20),
        by: "admin".to_owned(),
        deed: "stop".to_owned(),
        run: None,
        version_id: None,
        version: None,
        from: Vec::new(),
        signal: Some(15),
    }];
    of(info, app)
}

fn step(kind: PreparingKind, what: &str, start: i64, end: i64, detail: Option<&str>) -> PreparingStep {
    let (start_at, end_at) = (ago(start), Some(ago(end)));
    PreparingStep { kind, what: what.to_owned(), start_at, end_at, detail: detail.map(str::to_owned) }
}

pub(super) fn running(app: &AppView) -> TaskInfo {
    let mut info = task("train resnet, batch 64", Stage::Running, None);
    let mut export = action("export", &["train", "evaluate"], Vec::new());
    export.retry_at = None;
    info.actions = vec![
        action("prepare", &[], vec![attempt(1, Some(Exit::Code { code: 0 }))]),
        action("train", &["prepare"], vec![attempt(1, None)]),
        action("evaluate", &["train"], Vec::new()),
        export,
    ];
    of(info, app)
}

/// 200 shards, most of them done, one failed, and what comes of them.
pub(super) fn fan_out(app: &AppView) -> TaskInfo {
    let mut info = task("thumbnails of november", Stage::Running, None);
    let mut actions = vec![action("list", &[], vec![timed(1, Some(0), (290, 285, 270))])];
    for n in 0..200_i64 {
        let name = format!("shard-{n:03}");
        let (assign, start) = (268 - n / 2, 266 - n / 2);
        let attempts = match n {
            17 => vec![timed(1, Some(1), (assign, start, start - 30))],
            0..180 => vec![timed(1, Some(0), (assign, start, start - 20 - n % 7))],
            180..190 => vec![attempt_running(assign, start)],
            _ => Vec::new(),
        };
        let mut shard = action(&name, &["list"], attempts);
        shard.generated_by = Some("list".to_owned());
        actions.push(shard);
    }
    let names: Vec<String> = actions[1..].iter().map(|action| action.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    actions.push(action("index", &names, Vec::new()));
    actions.push(action("publish", &["index", "list"], Vec::new()));
    info.actions = actions;
    of(info, app)
}

/// An attempt by its seconds ago: given out, started, ended.
fn timed(number: u32, code: Option<i32>, (assign, start, end): (i64, i64, i64)) -> AttemptView {
    let mut attempt = attempt(number, code.map(|code| Exit::Code { code }));
    (attempt.assign_at, attempt.start_at, attempt.end_at) =
        (ago(assign), Some(ago(start)), code.map(|_| ago(end)));
    attempt
}

fn attempt_running(assign: i64, start: i64) -> AttemptView {
    timed(1, None, (assign, start, 0))
}

pub(super) fn others(apps: &[AppView]) -> Vec<TaskInfo> {
    let kinds = [
        (Stage::Pending, None),
        (Stage::Stopping, None),
        (Stage::Finished, Some(Status::Success)),
        (Stage::Finished, Some(Status::Kill)),
        (Stage::Finished, Some(Status::Success)),
        (Stage::Finished, Some(Status::Fail)),
        (Stage::Finished, Some(Status::Success)),
        (Stage::Running, None),
    ];
    let mut tasks = Vec::new();
    for n in 0..70 {
        let (stage, status) = kinds[n % kinds.len()];
        let app = &apps[n % apps.len()];
        let mut info = task(&format!("run {} #{n}", app.name), stage, status);
        let age = 400 + 731 * n as i64;
        info.task.create_at = ago(age);
        info.task.start_at = info.task.start_at.map(|_| ago(age - 1));
        info.task.end_at = info.task.end_at.map(|_| ago(age - 20 - n as i64));
        if status == Some(Status::Fail) {
            info.task.reason = Some("action `resize` failed: killed by signal 9".to_owned());
        }
        tasks.push(of(info, app));
    }
    tasks
}

fn of(mut info: TaskInfo, app: &AppView) -> TaskInfo {
    (info.task.app_id, info.task.app_name) = (app.app_id, app.name.clone());
    info
}

pub(super) fn why(info: &TaskInfo) -> Option<Why> {
    let task = &info.task;
    let failed = info.actions.iter().find(|action| action.status == Some(Status::Fail));
    let last_output = failed.map(|action| LastOutput {
        action: action.name.clone(),
        attempt: action.attempts.len() as u32,
        line: Some(212),
        text: "ValueError: column 'id' missing".to_owned(),
    });
    let (summary, actions) = match (task.stage, task.status) {
        (Stage::Running, _) => (
            "`train` runs on ryzen-2, and 2 actions wait for it".to_owned(),
            vec![WhyAction {
                name: "evaluate".to_owned(),
                reason: "waits for `train`, which runs on node ryzen-2".to_owned(),
                hint: None,
            }],
        ),
        (Stage::Pending, _) => ("all 24 slots are in use; 41 actions are before it".to_owned(), Vec::new()),
        (_, Some(Status::Fail)) => (task.reason.clone()?, Vec::new()),
        _ => return None,
    };
    let (stage, status) = (task.stage, task.status);
    Some(Why { task_id: task.task_id, stage, status, summary, actions, more: 0, last_output })
}

pub(super) fn failing_log() -> Vec<u8> {
    let mut log = String::new();
    for part in 1..=2 {
        log.push_str(&format!("\x1b[2m12:44:0{part}\x1b[0m reading orders-{part}.csv\n"));
    }
    log.push_str(
        "12:44:11 reading 18,233 rows\n12:44:12 checking columns\nTraceback (most recent call last):\n",
    );
    log.push_str("  File \"load.py\", line 41, in <module>\n    main(workspace)\n  File \"load.py\", line 23, in main\n");
    log.push_str(
        "    raise ValueError(\"column 'id' missing\")\n\x1b[31mValueError: column 'id' missing\x1b[0m\n",
    );
    log.into_bytes()
}

pub(super) fn training_log() -> Vec<u8> {
    (0..1800)
        .map(|step| format!("step {step:5}  loss {:.4}  3.1 it/s\n", 2.3 / (1.0 + f64::from(step) / 80.0)))
        .collect::<String>()
        .into_bytes()
}
