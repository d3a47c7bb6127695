//! Workflows and works: what is committed is what is loaded, and what is open is what the core gets.

use std::sync::Arc;

use lp_manager::core::record::{Changes, Origin, StopRequest, TaskRecord};
use lp_manager::core::work::{NewWork, WorkRecord, WorkSource};
use lp_manager::store::{
    Error, NewWorkflow, PackageList, PackageUpdate, SourceError, StoredDefinition, WorkflowUpdate,
};
use lp_protocol::views::ListWorks;
use lp_protocol::workflow::{self, Definition};
use lp_protocol::{AppId, Stage, Status, WorkId, WorkflowId};
use uuid::Uuid;

use crate::on_both_backends;
use crate::samples::{Fixture, at, finished, json, package, version};

const WORKFLOW: WorkflowId = WorkflowId(Uuid::from_u128(9));

fn definition(text: &str) -> Definition {
    workflow::compile(&workflow::read(text.as_bytes()).unwrap(), true).unwrap().definition
}

/// The source of two applications, the second of which waits for the first.
async fn source(fixture: &Fixture) -> Arc<WorkSource> {
    let text = r#"{"applications": [{"name": "a", "app": "hello", "input": {"x": 1.5}},
        {"name": "b", "app": "hello", "condition": ["a"]}], "event_applications": {"fail": {"app": "hello"}}}"#;
    let source = fixture.store.load_work_source(WORKFLOW, json(text), &definition(text)).await.unwrap();
    Arc::new(source)
}

fn work(number: u128) -> WorkRecord {
    WorkRecord {
        work_id: WorkId(Uuid::from_u128(0xabcd << 112 | number)),
        workflow_id: WORKFLOW,
        schedule_id: None,
        name: format!("work {number}").into(),
        priority: 3,
        run: 1,
        since: 1,
        event_since: 1,
        stage: Stage::Pending,
        status: None,
        reason: None,
        create_at: at(number as i64),
        start_at: None,
        end_at: None,
        stop: None,
    }
}

fn ended(record: WorkRecord, status: Status) -> WorkRecord {
    WorkRecord { stage: Stage::Finished, status: Some(status), end_at: Some(at(99)), ..record }
}

impl Fixture {
    async fn insert_works(&self, records: impl IntoIterator<Item = WorkRecord>) {
        let source = source(self).await;
        let new = |record| NewWork { record, source: source.clone(), input: Some(json(r#"{"in": 1.0}"#)) };
        let new_works = records.into_iter().map(new).collect();
        self.commit(&Changes { new_works, ..Changes::default() }).await;
    }

    async fn update_work(&self, record: WorkRecord) {
        self.commit(&Changes { works: [(record.work_id, record)].into(), ..Changes::default() }).await;
    }

    fn task_of(&self, seq: i64, work: &WorkRecord, name: &str) -> TaskRecord {
        TaskRecord { name: name.into(), origin: Some(Origin::Work(work.work_id)), ..self.task(seq) }
    }
}

on_both_backends! {
    async fn an_open_work_is_loaded_with_its_copy_and_the_tasks_of_its_run(db) {
        let fixture = Fixture::new(&db).await;
        let record = WorkRecord {
            since: 2,
            run: 2,
            reason: Some("x".into()),
            start_at: Some(at(5)),
            stop: Some(StopRequest { signal: 9, grace: None }),
            stage: Stage::Stopping,
            ..work(1)
        };
        fixture.insert_works([WorkRecord { since: 1, ..work(1) }, work(2)]).await;
        fixture.insert([
            finished(fixture.task_of(1, &record, "a")),
            finished(fixture.task_of(2, &record, "a")),
            fixture.task_of(3, &record, "b"),
            fixture.task(4),
        ]).await;
        fixture.update_work(record.clone()).await;
        fixture.update_work(ended(work(2), Status::Fail)).await;

        let open = fixture.store.load_open().await.unwrap();

        assert_eq!(open.corrupt, [] as [String; 0]);
        assert_eq!(open.works.len(), 1);
        let loaded = &open.works[0];
        assert_eq!(loaded.record, record);
        assert_eq!(*loaded.plan, *source(&fixture).await.plan);
        let tasks: Vec<_> = loaded.tasks.iter().map(|task| (task.seq, &*task.name, task.status)).collect();
        assert_eq!(tasks, [(2, "a", Some(Status::Success)), (3, "b", None)]);
        assert!(open.plans.contains_key(&fixture.version_id));
        let stored = fixture.store.find_work(record.work_id).await.unwrap().unwrap();
        assert_eq!((stored.tasks.len(), stored.input.unwrap().get()), (3, r#"{"in": 1.0}"#));
        assert_eq!(stored.versions[&fixture.version_id].app, "hello");
        let inputs = fixture.store.load_work_inputs(&[record.work_id]).await.unwrap();
        assert_eq!(inputs[&record.work_id].applications["a"].get(), r#"{"x":1.5}"#);
        assert_eq!(inputs[&record.work_id].input.as_ref().unwrap().get(), r#"{"in": 1.0}"#);
    }

    async fn a_work_whose_copy_cannot_be_read_does_not_keep_the_others_from_starting(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert_works([work(1), work(2)]).await;
        let broken = if db.is_postgres() { "work_id::text LIKE '%1'" } else { "hex(work_id) LIKE '%1'" };
        db.execute(&format!("UPDATE work_copies SET plan = '{{}}' WHERE {broken}")).await;

        let open = fixture.store.load_open().await.unwrap();

        assert_eq!(open.works.iter().map(|open| open.record.work_id).collect::<Vec<_>>(), [work(2).work_id]);
        assert_eq!(open.corrupt.len(), 1, "{:?}", open.corrupt);
        assert!(open.corrupt[0].contains(&work(1).work_id.to_string()), "{:?}", open.corrupt);
    }

    async fn a_work_with_a_damaged_task_is_left_out_as_a_whole(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert_works([work(1), work(2)]).await;
        let tasks = [fixture.task_of(1, &work(1), "a"), fixture.task_of(2, &work(2), "a")];
        fixture.insert(tasks).await;
        db.execute("UPDATE tasks SET stage = 'sleeping' WHERE seq = 1").await;

        let open = fixture.store.load_open().await.unwrap();

        assert_eq!(open.works.iter().map(|open| open.record.work_id).collect::<Vec<_>>(), [work(2).work_id]);
        assert_eq!(open.corrupt.len(), 2, "{:?}", open.corrupt);
    }

    async fn a_deleted_work_takes_its_copy_along(db) {
        let fixture = Fixture::new(&db).await;
        let record = work(1);
        fixture.insert_works([record.clone()]).await;
        fixture.insert([finished(fixture.task_of(1, &record, "a"))]).await;
        fixture.update_work(ended(record.clone(), Status::Success)).await;

        let deleted_works = vec![record.work_id];
        fixture.commit(&Changes { deleted: vec![1], deleted_works, ..Changes::default() }).await;

        assert!(fixture.store.find_work(record.work_id).await.unwrap().is_none());
        assert!(fixture.store.load_work_inputs(&[record.work_id]).await.unwrap().is_empty());
        assert!(fixture.store.list_tasks_of_work(record.work_id).await.unwrap().is_empty());
        let gone = fixture.store.load_finished_work(record.work_id).await;
        assert!(matches!(gone, Err(Error::NotFound { what: "work", .. })), "{gone:?}");
        fixture.store.delete_app(fixture.epoch, fixture.app_id, at(9)).await.unwrap();
    }

    async fn the_list_is_filtered_and_comes_in_pages(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert_works((1..=7).map(work)).await;
        for number in [2, 4] {
            fixture.update_work(ended(work(number), Status::Fail)).await;
        }
        let names = async |wanted: ListWorks| {
            let page = fixture.store.list_works(&wanted).await.unwrap();
            let names: Vec<String> = page.items.into_iter().map(|view| view.name[5..].to_owned()).collect();
            (names.join(" "), page.next_cursor)
        };
        let all = ListWorks::default;

        let (first, cursor) = names(ListWorks { limit: Some(3), ..all() }).await;
        let (second, cursor) = names(ListWorks { limit: Some(3), cursor, ..all() }).await;
        let (third, last) = names(ListWorks { limit: Some(3), cursor, ..all() }).await;
        assert_eq!((first.as_str(), second.as_str(), third.as_str(), last), ("7 6 5", "4 3 2", "1", None));
        for (wanted, found) in [
            (ListWorks { status: Some(Status::Fail), ..all() }, "4 2"),
            (ListWorks { stage: Some(Stage::Pending), name: Some("work ?".into()), ..all() }, "7 6 5 3 1"),
            (ListWorks { name: Some("*k 3".into()), ..all() }, "3"),
            (ListWorks { workflow_id: Some(WORKFLOW), since: Some(at(6)), ..all() }, "7 6"),
            (ListWorks { workflow_id: Some(WorkflowId(Uuid::nil())), ..all() }, ""),
            (ListWorks { id_prefix: Some(work(5).work_id.to_string()), ..all() }, "5"),
            (ListWorks { id_prefix: Some("zzzz".into()), ..all() }, ""),
            (ListWorks { stage: Some(Stage::Pending), status: Some(Status::Fail), ..all() }, ""),
        ] {
            assert_eq!(names(wanted.clone()).await.0, found, "{wanted:?}");
        }
        assert_eq!(fixture.store.list_works_ended_before(at(99), 9).await.unwrap(), []);
        let old = fixture.store.list_works_ended_before(at(100), 1).await.unwrap();
        assert!(old == [work(2).work_id] || old == [work(4).work_id], "{old:?}");
        assert_eq!(fixture.store.resolve_work("@last").await.unwrap(), work(7).work_id);
        assert!(matches!(fixture.store.resolve_work("abcd").await, Err(Error::Ambiguous { .. })));
    }

    async fn a_workflow_is_renamed_and_deleted_like_an_app(db) {
        let Fixture { store, epoch, .. } = Fixture::new(&db).await;
        let stored = |text: &str| StoredDefinition { configuration: json(text), warnings: vec!["w".to_owned()] };
        let new = |name: &str| NewWorkflow {
            workflow_id: WorkflowId::random(),
            name: name.to_owned(),
            description: "d".to_owned(),
            enable: false,
            definition: stored(r#"{"b": 1, "a": 1.50}"#),
            create_at: at(0),
        };
        let update = || WorkflowUpdate { name: None, description: None, enable: None, definition: None, update_at: at(5) };

        let one = store.create_workflow(epoch, new("one")).await.unwrap();
        let two = store.create_workflow(epoch, new("two")).await.unwrap();
        assert_eq!((one.configuration.get(), one.enable, &one.warnings[..]), (r#"{"b": 1, "a": 1.50}"#, false, &["w".to_owned()][..]));
        let taken = store.create_workflow(epoch, new("one")).await;
        assert!(matches!(taken, Err(Error::NameTaken { what: "workflow", .. })), "{taken:?}");
        let taken = store.update_workflow(epoch, two.workflow_id, WorkflowUpdate { name: Some("one".into()), ..update() }).await;
        assert!(matches!(taken, Err(Error::NameTaken { what: "workflow", .. })), "{taken:?}");
        let enabled = store.update_workflow(epoch, two.workflow_id, WorkflowUpdate { enable: Some(true), ..update() }).await.unwrap();
        assert_eq!((enabled.enable, enabled.name.as_str(), enabled.description.as_str(), enabled.update_at), (true, "two", "d", at(5)));

        store.delete_workflow(epoch, one.workflow_id, at(6)).await.unwrap();
        let again = store.delete_workflow(epoch, one.workflow_id, at(7)).await;
        assert!(matches!(again, Err(Error::NotFound { what: "workflow", .. })), "{again:?}");
        store.update_workflow(epoch, two.workflow_id, WorkflowUpdate { name: Some("one".into()), ..update() }).await.unwrap();
        assert_eq!(store.resolve_workflow("one").await.unwrap(), two.workflow_id);
        let listed = store.list_workflows(&PackageList::default()).await.unwrap();
        assert_eq!(listed.items.len(), 1);
        let source = store.load_workflow_source(one.workflow_id).await.unwrap();
        assert!(source.is_err_and(|reason| reason.contains("was deleted")));
    }

    async fn applications_are_resolved_to_the_version_that_is_active_or_pinned(db) {
        let fixture = Fixture::new(&db).await;
        let Fixture { store, epoch, app_id, version_id, .. } = &fixture;
        let update = PackageUpdate { name: None, description: None, version: Some(version('b')), update_at: at(1) };
        let renewed = store.update_app(*epoch, *app_id, update).await.unwrap();
        let other = store.create_app(*epoch, AppId::random(), package("other")).await.unwrap();
        let resolve = async |application: String| {
            let text = format!("{{\"applications\": [{application}]}}");
            let source = store.load_work_source(WORKFLOW, json(&text), &definition(&text)).await;
            source.map(|source| source.plan.applications[0].version_id)
        };

        let active = renewed.version.version_id;
        assert_eq!(resolve(r#"{"name": "a", "app": "hello"}"#.to_owned()).await.unwrap(), active);
        assert_eq!(resolve(format!(r#"{{"name": "a", "app_id": "{app_id}"}}"#)).await.unwrap(), active);
        let pinned = r#"{"name": "a", "app": "hello", "version": 1}"#.to_owned();
        assert_eq!(resolve(pinned).await.unwrap(), *version_id);
        let foreign = r#"{"name": "a", "app": "hello", "version": 99}"#.to_owned();
        assert!(matches!(resolve(foreign).await, Err(SourceError::NoVersion { .. })));
        // the beginning of an id is no name
        let short = format!(r#"{{"name": "a", "app": "{}"}}"#, app_id.short());
        assert!(matches!(resolve(short).await, Err(SourceError::NoApp { .. })));
        store.delete_app(*epoch, other.app_id, at(2)).await.unwrap();
        assert!(matches!(resolve(r#"{"name": "a", "app": "other"}"#.to_owned()).await, Err(SourceError::NoApp { .. })));
    }

    async fn an_app_of_an_open_work_cannot_be_deleted(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert_works([work(1)]).await;

        let refused = fixture.store.delete_app(fixture.epoch, fixture.app_id, at(1)).await;
        assert!(matches!(refused, Err(Error::InUse { open_tasks: 1, .. })), "{refused:?}");
        fixture.update_work(ended(work(1), Status::Success)).await;
        fixture.store.delete_app(fixture.epoch, fixture.app_id, at(1)).await.unwrap();

        let gone = fixture.store.load_finished_work(work(1).work_id).await;
        assert!(matches!(gone, Err(Error::NotFound { what: "app", .. })), "{gone:?}");
    }

    async fn a_deposed_leader_writes_no_work(db) {
        let fixture = Fixture::new(&db).await;
        let source = source(&fixture).await;
        fixture.store.release_lease(fixture.epoch).await.unwrap();
        crate::samples::lead(&fixture.store, "other").await;

        let new_works = vec![NewWork { record: work(1), source, input: None }];
        let refused = fixture.store.commit(fixture.epoch, &Changes { new_works, ..Changes::default() }).await;

        assert!(matches!(refused, Err(Error::Deposed)), "{refused:?}");
        assert!(fixture.store.find_work_record(work(1).work_id).await.unwrap().is_none());
    }
}
