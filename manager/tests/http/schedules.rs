//! Schedules.

use lp_protocol::views::{
    AppView, InstantView, NextInstant, Page, ScheduleInfo, SchedulePreview, ScheduleView, TaskInfo, WorkInfo,
    WorkView, WorkflowView,
};
use lp_protocol::{ErrorCode, InstantState};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, hello, read, refusal};

const SCHEDULES: &str = "/api/v1/schedules";

/// The body of a creation, with these fields in it.
fn body(app: &AppView, fields: Value) -> Value {
    let mut body = json!({"schedule_name": "nightly", "source": "application", "source_id": app.app_id});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn create(manager: &Manager, app: &AppView, fields: Value) -> ScheduleView {
    read(manager.post(SCHEDULES, body(app, fields)).await, StatusCode::CREATED).await
}

async fn patch(manager: &Manager, id: impl std::fmt::Display, fields: Value) -> reqwest::Response {
    manager.request(Method::PATCH, &format!("{SCHEDULES}/{id}")).json(&fields).send().await.unwrap()
}

#[tokio::test]
async fn litepipelines_numbers_and_cron_are_both_taken_and_shown() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;

    let daily = create(&manager, &app, json!({"hour": 12, "minute": 40, "day_of_week": -1})).await;
    let cron =
        create(&manager, &app, json!({"cron": "40 12 * * 1-5", "tz": "Europe/Berlin", "enable": true})).await;

    assert_eq!((daily.hour, daily.minute, daily.day_of_month, daily.day_of_week), (12, 40, -1, -1));
    assert_eq!((daily.cron.as_str(), daily.enable, daily.next_at), ("40 12 * * *", false, None));
    assert_eq!((cron.hour, cron.minute, cron.cron.as_str()), (-1, -1, "40 12 * * 1-5"));
    assert_eq!((cron.tz.as_str(), cron.source_name.as_str()), ("Europe/Berlin", "hello"));
    assert!(cron.next_at.is_some());
    let page: Page<ScheduleView> = manager.get_json(&format!("{SCHEDULES}?enable=true")).await;
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].schedule_id, cron.schedule_id);
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_makes_nothing() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    for (fields, part) in [
        (json!({"cron": "61 * * * *"}), "minute cannot be `61`"),
        (json!({"cron": "0 0 30 2 *"}), "never happens"),
        (json!({"cron": "@daily", "hour": 1}), "not both"),
        (json!({"hour": 24}), "`hour` is 24"),
        (json!({"day_of_week": 0}), "`day_of_week` is 0"),
        (json!({"hour": 1, "tz": "Mars/Olympus"}), "not a time zone"),
        (json!({"hour": 1, "jitter": -1}), "not a jitter"),
        (json!({"hour": 1, "jitter": 1e9}), "not a jitter"),
        (json!({"hour": 1, "catchup": "some"}), "none, last, all"),
        (json!({"hour": 1, "overlap": "maybe"}), "unknown variant `maybe`"),
        (json!({"hour": 1, "schedule_name": " "}), "schedule_name is empty"),
        (json!({"hour": 1, "input_data": [1]}), "must be a JSON object"),
        (json!({"hour": 1, "houre": 2}), "unknown field `houre`"),
        (
            json!({"hour": 1, "start_at": "2026-01-02T00:00:00Z", "end_at": "2026-01-01T00:00:00Z"}),
            "end before it starts",
        ),
    ] {
        let refused =
            refusal(manager.post(SCHEDULES, body(&app, fields)).await, ErrorCode::InvalidRequest).await;
        assert!(refused.message.contains(part), "{}", refused.message);
    }
    let gone = json!({"source_id": uuid::Uuid::nil(), "hour": 1});
    refusal(manager.post(SCHEDULES, body(&app, gone)).await, ErrorCode::NotFound).await;
    refusal(manager.get(&format!("{SCHEDULES}/nothing")).await, ErrorCode::NotFound).await;

    let page: Page<ScheduleView> = manager.get_json(SCHEDULES).await;
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn a_trigger_makes_a_task_with_the_schedules_input_and_tells_its_id() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let fields = json!({"hour": 1, "overlap": "skip", "input_data": {"n": 1}});
    let schedule = create(&manager, &app, fields).await;
    let path = format!("{SCHEDULES}/nightly/trigger");

    let first: InstantView = read(manager.post(&path, json!({})).await, StatusCode::OK).await;
    let second: InstantView = read(manager.post(&path, json!({})).await, StatusCode::OK).await;

    assert_eq!((first.state, first.manual), (InstantState::Fired, true));
    assert_eq!((second.state, second.task_id), (InstantState::Skipped, None));
    assert!(second.reason.unwrap().contains("not finished"));
    let task: TaskInfo = manager.get_json(&format!("/api/v1/tasks/{}", first.task_id.unwrap())).await;
    assert_eq!(
        (task.task.task_name.as_str(), task.task.schedule_id),
        ("nightly", Some(schedule.schedule_id))
    );
    assert_eq!(task.input_data.get(), "{\"n\":1}");
    let made: Value = manager.get_json(&format!("/api/v1/tasks?schedule_id={}", schedule.schedule_id)).await;
    assert_eq!(made["items"].as_array().unwrap().len(), 1);
    let info: ScheduleInfo = manager.get_json(&format!("{SCHEDULES}/{}", schedule.schedule_id)).await;
    assert_eq!(info.instants.len(), 2);
    let page: Page<InstantView> =
        manager.get_json(&format!("{SCHEDULES}/{}/instants?limit=1", schedule.schedule_id)).await;
    assert_eq!((page.items.len(), page.next_cursor.is_some()), (1, true));
}

#[tokio::test]
async fn a_schedule_of_a_workflow_makes_works_and_says_why_it_does_not() {
    let manager = Manager::start().await;
    manager.create_app("hello", hello()).await;
    let configuration = json!({"applications": [{"name": "a", "app": "hello"}]});
    let new = json!({"name": "counts", "configuration": configuration});
    let workflow: WorkflowView =
        read(manager.post("/api/v1/workflows", new).await, StatusCode::CREATED).await;
    let workflow_id = workflow.workflow_id;
    let body = |id: uuid::Uuid| {
        json!({"schedule_name": "nightly", "source": "workflow", "source_id": id, "hour": 2, "overlap": "skip",
               "input_data": {"n": 1}})
    };
    let gone = refusal(manager.post(SCHEDULES, body(uuid::Uuid::nil())).await, ErrorCode::NotFound).await;
    assert!(gone.message.contains("workflow"), "{}", gone.message);
    let schedule: ScheduleView =
        read(manager.post(SCHEDULES, body(workflow_id.0)).await, StatusCode::CREATED).await;
    assert_eq!((schedule.source.as_str(), schedule.source_name.as_str()), ("workflow", "counts"));
    let trigger = async || -> InstantView {
        let path = format!("{SCHEDULES}/nightly/trigger");
        read(manager.post(&path, json!({})).await, StatusCode::OK).await
    };

    let (first, second) = (trigger().await, trigger().await);
    assert_eq!(
        (first.state, first.task_id, second.state),
        (InstantState::Fired, None, InstantState::Skipped)
    );
    let work_id = first.work_id.unwrap();
    let work: WorkInfo = manager.get_json(&format!("/api/v1/works/{work_id}")).await;
    assert_eq!((work.work.name.as_str(), work.work.schedule_id), ("nightly", Some(schedule.schedule_id)));
    assert_eq!(work.input_data.get(), "{\"n\":1}");
    let made: Page<WorkView> =
        manager.get_json(&format!("/api/v1/works?schedule_id={}", schedule.schedule_id)).await;
    assert_eq!(made.items.len(), 1);

    let path = format!("/api/v1/workflows/{workflow_id}");
    let allow = patch(&manager, schedule.schedule_id, json!({"overlap": "allow"})).await;
    assert_eq!(allow.status(), StatusCode::OK);
    let disable = manager.request(Method::PATCH, &path).json(&json!({"enable": false})).send().await.unwrap();
    assert_eq!(disable.status(), StatusCode::OK);
    assert_eq!(trigger().await.reason.as_deref(), Some("the workflow `counts` is disabled"));
    // as with an application: the schedule stays and says what it lacks
    let deleted = manager.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    let skipped = trigger().await;
    assert_eq!((skipped.state, skipped.work_id), (InstantState::Skipped, None));
    assert!(skipped.reason.unwrap().contains("was deleted"));
    let info: ScheduleInfo = manager.get_json(&format!("{SCHEDULES}/nightly")).await;
    assert_eq!((info.schedule.source_name.as_str(), info.instants.len()), ("", 4));
    assert_eq!(info.instants[3].work_id, Some(work_id));
}

#[tokio::test]
async fn a_schedule_of_each_second_fires_by_itself_and_stops_when_it_is_disabled() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let fields = json!({"cron": "* * * * * *", "enable": true, "overlap": "skip"});
    let schedule = create(&manager, &app, fields).await;
    let path = format!("{SCHEDULES}/{}/instants?limit=1000", schedule.schedule_id);

    let history = async || manager.get_json::<Page<InstantView>>(&path).await.items;
    let deadline = tokio::time::Instant::now() + crate::harness::SOON;
    while history().await.len() < 3 {
        assert!(tokio::time::Instant::now() < deadline);
    }
    let disabled: ScheduleView =
        read(patch(&manager, schedule.schedule_id, json!({"enable": false})).await, StatusCode::OK).await;

    assert_eq!(disabled.next_at, None);
    let rows = history().await;
    assert_eq!(rows.iter().filter(|row| row.state == InstantState::Fired).count(), 1, "{rows:?}");
    assert!(rows.windows(2).all(|pair| (pair[0].instant - pair[1].instant).num_seconds() == 1), "{rows:?}");
}

#[tokio::test]
async fn the_preview_follows_the_rule_for_changes_of_the_clock() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let schedule = create(&manager, &app, json!({"cron": "30 2 * * *", "tz": "Europe/Berlin"})).await;
    let next = |query: &str| format!("{SCHEDULES}/{}/next?{query}", schedule.schedule_id);

    let coming: Vec<NextInstant> = manager.get_json(&next("count=3&after=2027-03-27T12%3A00%3A00Z")).await;

    let walls: Vec<&str> = coming.iter().map(|next| next.wall.as_str()).collect();
    assert_eq!(
        walls,
        ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00", "2027-03-30T02:30:00+02:00"]
    );
    refusal(manager.get(&next("count=0")).await, ErrorCode::InvalidRequest).await;
    refusal(manager.get(&next("count=1001")).await, ErrorCode::InvalidRequest).await;
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_a_refused_one_nothing() {
    let manager = Manager::start().await;
    let app = manager.create_app("hello", hello()).await;
    let fields = json!({"hour": 12, "minute": 40, "end_at": "2099-01-01T00:00:00Z"});
    let id = create(&manager, &app, fields).await.schedule_id;

    let changed: ScheduleView =
        read(patch(&manager, id, json!({"minute": 5, "end_at": null})).await, StatusCode::OK).await;
    assert_eq!((changed.cron.as_str(), changed.end_at), ("5 12 * * *", None));
    refusal(patch(&manager, id, json!({"cron": "x"})).await, ErrorCode::InvalidRequest).await;
    refusal(patch(&manager, id, json!({"source": "application"})).await, ErrorCode::InvalidRequest).await;
    let info: ScheduleInfo = manager.get_json(&format!("{SCHEDULES}/{id}")).await;
    assert_eq!(info.schedule.cron, "5 12 * * *");

    let response = manager.request(Method::DELETE, &format!("{SCHEDULES}/{id}")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    refusal(manager.get(&format!("{SCHEDULES}/{id}")).await, ErrorCode::NotFound).await;
    refusal(patch(&manager, id, json!({"enable": true})).await, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn times_are_previewed_before_there_is_a_schedule() {
    let manager = Manager::start().await;
    let preview = "/api/v1/schedule-preview";

    let cron: SchedulePreview = manager
        .get_json(&format!(
            "{preview}?cron=40+12+*+*+1-5&tz=Europe/Berlin&count=3&start_at=2100-01-01T00:00:00Z"
        ))
        .await;
    let daily: SchedulePreview = manager.get_json(&format!("{preview}?hour=6&day_of_week=-1&tz=UTC")).await;

    assert_eq!(cron.words, "at 12:40, Monday to Friday");
    let walls: Vec<&str> = cron.instants.iter().map(|instant| instant.wall.as_str()).collect();
    assert_eq!(
        walls,
        ["2100-01-01T12:40:00+01:00", "2100-01-04T12:40:00+01:00", "2100-01-05T12:40:00+01:00"]
    );
    assert_eq!((daily.cron.as_str(), daily.words.as_str()), ("0 6 * * *", "at 06:00, every day"));
    assert_eq!((daily.instants.len(), daily.tz.as_str()), (10, "UTC"));
    for (query, part) in [
        ("cron=61+*+*+*+*", "minute cannot be `61`"),
        ("cron=0+0+30+2+*", "never happens"),
        ("cron=@daily&hour=1", "not both"),
        ("hour=24", "`hour` is 24"),
        ("tz=Europe/Berlinn", "not a time zone"),
        ("count=0", "`count`"),
        ("start_at=2100-01-02T00:00:00Z&end_at=2100-01-01T00:00:00Z", "end before it starts"),
    ] {
        let refused =
            refusal(manager.get(&format!("{preview}?{query}")).await, ErrorCode::InvalidRequest).await;
        assert!(refused.message.contains(part), "{query}: {}", refused.message);
    }
}
