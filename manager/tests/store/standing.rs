//! Schedules, their instants, and services, as rows.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lp_manager::core::record::{Changes, Origin, TaskRecord};
use lp_manager::core::schedule::KEPT;
use lp_manager::core::schedule::record::{Daily, InstantRecord, ScheduleRecord, Target, Times};
use lp_manager::core::service::record::{Backoff, ServiceRecord};
use lp_manager::core::standing::StandingChanges;
use lp_manager::core::{SourceKey, Sources};
use lp_manager::store::Error;
use lp_protocol::health::Health;
use lp_protocol::plan::Command;
use lp_protocol::views::{Catchup, ListInstants, ListSchedules, ListServices};
use lp_protocol::{InstantState, Overlap, ScheduleId, ServiceId, Stage, TaskId, WorkId, WorkflowId};
use uuid::Uuid;

use crate::on_both_backends;
use crate::samples::{Fixture, at, finished, json, new_task};

fn schedule(fixture: &Fixture, number: u128) -> ScheduleRecord {
    ScheduleRecord {
        schedule_id: ScheduleId(Uuid::from_u128(0xaaaa << 112 | number)),
        name: format!("nightly {number}").into(),
        target: Target::App(fixture.app_id),
        times: Times::Cron("*/15 * * * *".into()),
        tz: "Europe/Berlin".into(),
        start_at: Some(at(1)),
        end_at: None,
        catchup: Catchup::All(7),
        overlap: Overlap::Queue,
        jitter: Duration::from_millis(1500),
        enable: true,
        decided_through: at(5),
        fired_through: Some(at(4)),
        triggered_through: None,
        create_at: at(0),
        update_at: at(2),
    }
}

fn instant(of: &ScheduleRecord, instant: DateTime<Utc>, state: InstantState) -> InstantRecord {
    InstantRecord {
        schedule_id: of.schedule_id,
        instant,
        manual: false,
        state,
        decide_at: (state != InstantState::Waiting).then(|| at(3)),
        reason: Some("because\0".into()),
        task_id: (state == InstantState::Fired).then(TaskId::random),
        work_id: None,
    }
}

fn service(fixture: &Fixture, number: u128) -> ServiceRecord {
    ServiceRecord {
        service_id: ServiceId(Uuid::from_u128(0xbbbb << 112 | number)),
        name: format!("web {number}").into(),
        description: "what it is for".into(),
        app_id: fixture.app_id,
        version_id: fixture.version_id,
        follow_active: true,
        signal: 9,
        grace: Some(Duration::from_millis(2500)),
        backoff: Backoff { max_restarts: Some(3), ..Backoff::default() },
        health: Some(Health {
            grace: Duration::from_millis(1500),
            ..Health::new(Command::Line("./ok 'a' \"ü\"".into()))
        }),
        enable: true,
        tasks: 12,
        restarts: 11,
        failures: 2,
        replacing: true,
        given_up: false,
        retry_at: Some(at(9)),
        task_id: None,
        reason: Some("fail: it was so".into()),
        create_at: at(0),
        update_at: at(2),
    }
}

fn changes(standing: StandingChanges) -> Changes {
    Changes { standing, ..Changes::default() }
}

async fn write(fixture: &Fixture, schedules: &[&ScheduleRecord], instants: &[&InstantRecord]) {
    let standing = StandingChanges {
        schedules: schedules.iter().map(|record| (record.schedule_id, Some((*record).clone()))).collect(),
        instants: instants
            .iter()
            .map(|record| ((record.schedule_id, record.instant), (*record).clone()))
            .collect(),
        ..StandingChanges::default()
    };
    fixture.commit(&changes(standing)).await;
}

async fn history(fixture: &Fixture, id: ScheduleId) -> Vec<InstantRecord> {
    let wanted = ListInstants { cursor: None, limit: Some(1000) };
    fixture.store.list_instants(id, &wanted).await.unwrap().items
}

on_both_backends! {
    async fn schedules_come_back_as_they_were_written(db) {
        let fixture = Fixture::new(&db).await;
        let cron = schedule(&fixture, 1);
        let daily = ScheduleRecord {
            times: Times::Daily(Daily { hour: Some(12), minute: None, day_of_month: None, day_of_week: Some(7) }),
            start_at: None,
            end_at: Some(at(50)),
            catchup: Catchup::None,
            overlap: Overlap::Kill,
            enable: false,
            fired_through: None,
            triggered_through: Some(at(7)),
            ..schedule(&fixture, 2)
        };
        write(&fixture, &[&cron, &daily], &[]).await;
        let changed = ScheduleRecord { decided_through: at(77), name: "other".into(), ..cron.clone() };
        write(&fixture, &[&changed], &[]).await;

        let open = fixture.store.load_open().await.unwrap();
        assert!(open.corrupt.is_empty(), "{:?}", open.corrupt);
        assert_eq!(open.standing.schedules, [changed.clone(), daily.clone()]);
        let found = fixture.store.find_schedule(cron.schedule_id).await.unwrap().unwrap();
        assert_eq!((found.record, found.source_name.as_str()), (changed, "hello"));
        assert_eq!(fixture.store.resolve_schedule("nightly 2").await.unwrap(), daily.schedule_id);
        assert!(matches!(fixture.store.resolve_schedule("aaaa").await, Err(Error::Ambiguous { .. })));
        assert!(matches!(fixture.store.resolve_schedule("abcd").await, Err(Error::NotFound { .. })));
    }

    async fn schedules_are_told_whose_latest_instant_was_skipped(db) {
        let fixture = Fixture::new(&db).await;
        let disabled = ScheduleRecord { enable: false, ..schedule(&fixture, 3) };
        let all = [schedule(&fixture, 1), schedule(&fixture, 2), disabled, schedule(&fixture, 4)];
        let (skipped, fired) = (InstantState::Skipped, InstantState::Fired);
        let instants = [
            instant(&all[0], at(10), fired),
            instant(&all[0], at(20), skipped),
            instant(&all[1], at(10), skipped),
            instant(&all[1], at(20), fired),
            instant(&all[2], at(10), skipped),
            instant(&all[3], at(30), skipped),
        ];
        write(&fixture, &all.each_ref(), &instants.each_ref()).await;

        let told = fixture.store.list_skipped().await.unwrap();

        let told: Vec<_> = told.iter().map(|one| (one.schedule_name.as_str(), one.instant)).collect();
        assert_eq!(told, [("nightly 4", at(30)), ("nightly 1", at(20))]);
    }

    async fn schedules_are_listed_newest_first_by_every_filter(db) {
        let fixture = Fixture::new(&db).await;
        let all: Vec<ScheduleRecord> = (1..=5).map(|number| ScheduleRecord {
            enable: number % 2 == 0,
            ..schedule(&fixture, number)
        }).collect();
        write(&fixture, &all.iter().collect::<Vec<_>>(), &[]).await;
        let names = async |wanted: ListSchedules| {
            let page = fixture.store.list_schedules(&wanted).await.unwrap();
            page.items.iter().map(|stored| stored.record.name.to_string()).collect::<Vec<_>>()
        };

        let first = fixture.store.list_schedules(&ListSchedules { limit: Some(2), ..Default::default() }).await.unwrap();
        assert_eq!(first.items.iter().map(|stored| &*stored.record.name).collect::<Vec<_>>(), ["nightly 5", "nightly 4"]);
        let rest = ListSchedules { cursor: first.next_cursor, ..Default::default() };
        assert_eq!(names(rest).await, ["nightly 3", "nightly 2", "nightly 1"]);
        assert_eq!(names(ListSchedules { enable: Some(true), ..Default::default() }).await, ["nightly 4", "nightly 2"]);
        assert_eq!(names(ListSchedules { name: Some("*3".to_owned()), ..Default::default() }).await, ["nightly 3"]);
        assert_eq!(names(ListSchedules { source_id: Some(fixture.app_id.0), ..Default::default() }).await.len(), 5);
        assert!(names(ListSchedules { source_id: Some(Uuid::nil()), ..Default::default() }).await.is_empty());
        assert_eq!(names(ListSchedules { id_prefix: Some("aaaa".to_owned()), ..Default::default() }).await.len(), 5);
        assert!(names(ListSchedules { id_prefix: Some("zzzz".to_owned()), ..Default::default() }).await.is_empty());
    }

    async fn an_instant_has_one_row_and_one_that_has_fired_is_never_written_again(db) {
        let fixture = Fixture::new(&db).await;
        let owner = schedule(&fixture, 1);
        let waiting = instant(&owner, at(10), InstantState::Waiting);
        write(&fixture, &[&owner], &[&waiting]).await;
        assert_eq!(fixture.store.load_open().await.unwrap().standing.waiting.len(), 1);
        let fired = instant(&owner, at(10), InstantState::Fired);
        write(&fixture, &[], &[&fired]).await;
        write(&fixture, &[], &[&instant(&owner, at(10), InstantState::Skipped)]).await;

        let rows = history(&fixture, owner.schedule_id).await;

        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].state, rows[0].task_id), (InstantState::Fired, fired.task_id));
        assert_eq!(rows[0].reason.as_deref(), Some("because\u{fffd}"));
        assert!(fixture.store.load_open().await.unwrap().standing.waiting.is_empty());
    }

    async fn a_schedule_of_a_workflow_has_its_name_and_its_instants_name_works(db) {
        use lp_manager::store::{NewWorkflow, StoredDefinition, WorkflowUpdate};
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, .. } = &fixture;
        let workflow_id = WorkflowId(Uuid::from_u128(77));
        let configuration = json(r#"{"applications": [{"name": "a", "app": "hello"}]}"#);
        let definition = StoredDefinition { configuration, warnings: Vec::new() };
        let (name, description) = ("counts".to_owned(), String::new());
        let new = NewWorkflow { workflow_id, name, description, enable: true, definition, create_at: at(0) };
        store.create_workflow(*epoch, new).await.unwrap();
        let owner = ScheduleRecord { target: Target::Workflow(workflow_id), ..schedule(&fixture, 1) };
        let waiting = instant(&owner, at(10), InstantState::Waiting);
        let work_id = Some(WorkId::random());
        let fired = InstantRecord { task_id: None, work_id, ..instant(&owner, at(9), InstantState::Fired) };
        write(&fixture, &[&owner], &[&waiting, &fired]).await;
        // it fires, and nothing that comes later changes what it has made
        let later = InstantRecord { work_id: Some(WorkId::random()), task_id: None, ..instant(&owner, at(10), InstantState::Fired) };
        write(&fixture, &[], &[&later]).await;
        write(&fixture, &[], &[&instant(&owner, at(10), InstantState::Fired)]).await;

        let rows = history(&fixture, owner.schedule_id).await;
        let made: Vec<_> = rows.iter().map(|row| (row.work_id, row.task_id)).collect();
        assert_eq!(made, [(later.work_id, None), (work_id, None)]);
        let found = store.find_schedule(owner.schedule_id).await.unwrap().unwrap();
        assert_eq!((&found.record, found.source_name.as_str()), (&owner, "counts"));
        assert_eq!(store.load_open().await.unwrap().standing.schedules, std::slice::from_ref(&owner));
        let wanted = ListSchedules { source_id: Some(workflow_id.0), ..Default::default() };
        assert_eq!(store.list_schedules(&wanted).await.unwrap().items.len(), 1);

        // what a due instant gets: the applications at their versions, or why not
        let source = async || {
            let key = SourceKey::Workflow(workflow_id);
            store.load_sources(&[key].into()).await.unwrap().workflow(workflow_id).unwrap().clone()
        };
        assert_eq!(source().await.unwrap().plan.applications[0].version_id, fixture.version_id);
        let disabled = WorkflowUpdate { name: None, description: None, enable: Some(false), definition: None, update_at: at(5) };
        store.update_workflow(*epoch, workflow_id, disabled).await.unwrap();
        assert_eq!(source().await.unwrap_err(), "the workflow `counts` is disabled");
        store.delete_workflow(*epoch, workflow_id, at(6)).await.unwrap();
        assert!(source().await.unwrap_err().contains("was deleted"));
        assert_eq!(store.find_schedule(owner.schedule_id).await.unwrap().unwrap().source_name, "");
    }

    async fn the_newest_instants_are_kept_and_those_that_wait(db) {
        let fixture = Fixture::new(&db).await;
        let (owner, other) = (schedule(&fixture, 1), schedule(&fixture, 2));
        let waiting = instant(&owner, at(0), InstantState::Waiting);
        let mut rows: Vec<InstantRecord> = (1..=KEPT as i64 + 20)
            .map(|second| instant(&owner, at(second), InstantState::Skipped))
            .collect();
        rows.push(waiting);
        rows.push(instant(&other, at(-5), InstantState::Skipped));
        write(&fixture, &[&owner, &other], &rows.iter().collect::<Vec<_>>()).await;

        let kept = history(&fixture, owner.schedule_id).await;
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept.last().unwrap().instant, at(21));
        assert_eq!(fixture.store.load_open().await.unwrap().standing.waiting.len(), 1);
        assert_eq!(history(&fixture, other.schedule_id).await.len(), 1);
        let page = fixture.store.list_instants(owner.schedule_id, &ListInstants { cursor: None, limit: Some(3) }).await.unwrap();
        let next = ListInstants { cursor: page.next_cursor, limit: Some(1) };
        let second = fixture.store.list_instants(owner.schedule_id, &next).await.unwrap();
        assert_eq!(page.items[2].instant - second.items[0].instant, TimeDelta::seconds(1));
    }

    async fn a_deleted_schedule_takes_its_history_and_its_input_along(db) {
        let fixture = Fixture::new(&db).await;
        let owner = schedule(&fixture, 1);
        write(&fixture, &[&owner], &[&instant(&owner, at(1), InstantState::Fired)]).await;
        let id = owner.schedule_id;
        let input = Some(json(r#"{"a": 1.50}"#));
        fixture.commit(&changes(StandingChanges { inputs: [(id.0, input)].into(), ..Default::default() })).await;
        assert_eq!(fixture.store.find_kept_input(id.0).await.unwrap().unwrap().get(), r#"{"a": 1.50}"#);

        fixture.commit(&changes(StandingChanges {
            schedules: [(id, None)].into(),
            inputs: [(id.0, None)].into(),
            ..Default::default()
        })).await;

        assert!(fixture.store.find_schedule(id).await.unwrap().is_none());
        assert!(history(&fixture, id).await.is_empty());
        assert!(fixture.store.find_kept_input(id.0).await.unwrap().is_none());
    }

    async fn services_come_back_with_their_plans_and_their_finished_tasks(db) {
        let fixture = Fixture::new(&db).await;
        let (web, other) = (service(&fixture, 1), ServiceRecord { grace: None, health: None, reason: None, retry_at: None, ..service(&fixture, 2) });
        let mine = |seq| TaskRecord { origin: Some(Origin::Service(web.service_id)), ..fixture.task(seq) };
        fixture.insert([finished(mine(1)), finished(mine(2)), mine(3), finished(fixture.task(4))]).await;
        let web = ServiceRecord { task_id: Some(fixture.task(3).task_id), ..web };
        fixture.commit(&changes(StandingChanges {
            services: [(web.service_id, Some(web.clone())), (other.service_id, Some(other.clone()))].into(),
            ..Default::default()
        })).await;

        let open = fixture.store.load_open().await.unwrap();
        let loaded: Vec<_> = open.standing.services.iter().map(|service| &service.record).collect();
        assert_eq!(loaded, [&web, &other]);
        assert!(open.standing.services[0].plan.is_some());
        assert_eq!(open.standing.services[0].finished, [1, 2]);
        assert!(open.standing.services[1].finished.is_empty());
        assert_eq!(open.standing.services[1].active, Some(fixture.version_id));
        let listed = fixture.store.list_services(&ListServices::default()).await.unwrap().items;
        assert_eq!((&listed[1].record, listed[1].stage, listed[1].app_name.as_str()), (&web, Some(Stage::Pending), "hello"));
        assert_eq!(fixture.store.resolve_service("web 2").await.unwrap(), other.service_id);

        fixture.commit(&changes(StandingChanges { services: [(web.service_id, None)].into(), ..Default::default() })).await;
        assert!(fixture.store.find_service(web.service_id).await.unwrap().is_none());
    }

    async fn a_version_that_a_service_runs_is_not_deleted(db) {
        use lp_manager::store::{InUse, PackageId, PackageUpdate};
        let fixture = Fixture::new(&db).await;
        let web = service(&fixture, 1);
        fixture.commit(&changes(StandingChanges {
            services: [(web.service_id, Some(web.clone()))].into(),
            ..Default::default()
        })).await;
        let newer = PackageUpdate { name: None, description: None, version: Some(crate::samples::version('b')), update_at: at(5) };
        fixture.store.update_app(fixture.epoch, fixture.app_id, newer).await.unwrap();
        let delete = async || {
            let package = PackageId::App(fixture.app_id);
            fixture.store.delete_version(fixture.epoch, package, lp_protocol::views::VersionRef::Number(1), at(9)).await
        };

        let refused = delete().await;
        assert!(
            matches!(&refused, Err(Error::VersionInUse { reason: InUse::Services(names), .. }) if names == &["web 1"]),
            "{refused:?}"
        );
        fixture.commit(&changes(StandingChanges { services: [(web.service_id, None)].into(), ..Default::default() })).await;
        delete().await.unwrap();
    }

    async fn sources_are_read_where_they_are_there(db) {
        let fixture = Fixture::new(&db).await;
        fixture.commit(&Changes {
            new_tasks: vec![new_task(finished(fixture.task(1)))],
            attempts: [crate::samples::succeeded(crate::samples::attempt(1, 0, 1))].map(|attempt| (attempt.id, attempt)).into(),
            standing: StandingChanges { inputs: [(Uuid::from_u128(5), Some(json("{}")))].into(), ..Default::default() },
            ..Changes::default()
        }).await;
        let gone = lp_protocol::AppId::random();
        let wanted = [
            SourceKey::App(fixture.app_id), SourceKey::App(gone), SourceKey::Input(Uuid::from_u128(5)),
            SourceKey::Input(Uuid::from_u128(6)), SourceKey::Workspaces(1), SourceKey::Workspaces(99),
        ];

        let sources: Sources = fixture.store.load_sources(&wanted.into()).await.unwrap();

        assert_eq!(sources.app(fixture.app_id).unwrap().version_id, fixture.version_id);
        assert!(sources.app(gone).is_none());
        assert!(sources.input(Uuid::from_u128(5)).is_some() && sources.input(Uuid::from_u128(6)).is_none());
        assert_eq!(sources.workspaces(1).len(), 1);
        assert_eq!(sources.workspaces(1)[0].key.action, "first");
        assert!(sources.workspaces(99).is_empty());
        assert!(wanted.iter().all(|key| sources.was_asked(key)));
    }
}
