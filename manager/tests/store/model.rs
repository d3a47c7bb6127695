//! Random sequences of commits against a model in memory: whatever was committed is read back, by every way of reading.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_manager::core::record::{
    AttemptId, AttemptPayload, AttemptRecord, Changes, NewTask, Origin, StopRequest, TaskRecord, TaskSeq,
};
use lp_manager::store::Store;
use lp_protocol::frames::Usage;
use lp_protocol::views::ListTasks;
use lp_protocol::{Exit, NodeId, Stage, Status};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::db::Db;
use crate::samples::{Fixture, attempt, json, new_task};

/// Runs an async check on random values; prints the smallest one that fails.
pub(crate) fn run<S: Strategy>(cases: u32, strategy: S, check: impl AsyncFn(S::Value)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |value| {
        runtime.block_on(check(value));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// One commit; tasks are named by their position among those there are.
#[derive(Clone, Debug)]
struct Step {
    created: Vec<(TaskRecord, Option<String>, bool)>,
    updated: Vec<(prop::sample::Index, TaskRecord)>,
    attempts: Vec<(prop::sample::Index, AttemptRecord, Option<AttemptPayload>)>,
    deleted: Vec<prop::sample::Index>,
}

#[derive(Default)]
struct Model {
    tasks: BTreeMap<TaskSeq, TaskRecord>,
    inputs: BTreeMap<TaskSeq, String>,
    keys: BTreeMap<String, TaskSeq>,
    attempts: BTreeMap<AttemptId, AttemptRecord>,
    payloads: BTreeMap<AttemptId, AttemptPayload>,
    last_seq: TaskSeq,
}

fn times() -> impl Strategy<Value = DateTime<Utc>> {
    (-1_000_000_000_000_000..5_000_000_000_000_000i64)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn words() -> impl Strategy<Value = Box<str>> {
    prop::collection::vec(prop_oneof![Just('\0'), Just('"'), Just('\''), Just('?'), any::<char>()], 0..12)
        .prop_map(|chars| String::from_iter(chars).into())
}

fn exits() -> impl Strategy<Value = Exit> {
    prop_oneof![
        any::<i32>().prop_map(|code| Exit::Code { code }),
        any::<i32>().prop_map(|signal| Exit::Signal { signal }),
        Just(Exit::TimedOut),
        words().prop_map(|reason| Exit::NotStarted { reason: reason.into() }),
        words().prop_map(|reason| Exit::Lost { reason: reason.into() }),
    ]
}

/// A task whose number, ids and creation are filled in later.
fn tasks() -> impl Strategy<Value = TaskRecord> {
    let stop = (any::<i32>(), prop::option::of(any::<u32>())).prop_map(|(signal, grace)| StopRequest {
        signal,
        grace: grace.map(|ms| Duration::from_millis(ms.into())),
    });
    let state = (select(Stage::ALL), prop::option::of(select(Status::ALL)), any::<i32>(), 1..u32::MAX);
    let rest = (
        prop::option::of(origins()),
        prop::option::of(words()),
        prop::option::of(times()),
        prop::option::of(times()),
        prop::option::of(stop),
    );
    (words(), times(), state, rest).prop_map(
        |(name, create_at, (stage, status, priority, run), (origin, reason, start_at, end_at, stop))| {
            TaskRecord {
                seq: 0,
                task_id: lp_protocol::TaskId(Uuid::nil()),
                name,
                app_id: lp_protocol::AppId(Uuid::nil()),
                version_id: 0,
                origin,
                priority,
                run,
                stage,
                status,
                reason,
                create_at,
                start_at,
                end_at,
                stop,
            }
        },
    )
}

fn origins() -> impl Strategy<Value = Origin> {
    (0..3u8, any::<u128>()).prop_map(|(kind, id)| match (kind, Uuid::from_u128(id)) {
        (0, id) => Origin::Work(lp_protocol::WorkId(id)),
        (1, id) => Origin::Schedule(lp_protocol::ScheduleId(id)),
        (_, id) => Origin::Service(lp_protocol::ServiceId(id)),
    })
}

fn attempt_records() -> impl Strategy<Value = AttemptRecord> {
    let id = (0..4u32, 1..4u32);
    let state =
        (select(Stage::ALL), prop::option::of(select(Status::ALL)), prop::option::of(exits()), 1..3u32);
    let moments = (times(), prop::option::of(times()), prop::option::of(times()));
    let used = (0..=i64::MAX as u64, -1e12..1e12f64, 0..=i64::MAX as u64);
    (id, any::<u128>(), state, moments, used).prop_map(|((action, number), node, state, moments, used)| {
        AttemptRecord {
            run: state.3,
            counts_in: state.3 + action,
            name: (number == 2).then(|| format!("a{action}").into()),
            node_id: NodeId(Uuid::from_u128(node)),
            stage: state.0,
            status: state.1,
            exit: state.2,
            assign_at: moments.0,
            start_at: moments.1,
            end_at: moments.2,
            log_bytes: used.0,
            usage: Usage {
                cpu_seconds: used.1,
                max_rss_bytes: used.2,
                read_bytes: used.0,
                written_bytes: used.2,
            },
            ..attempt(0, action, number)
        }
    })
}

fn payloads() -> impl Strategy<Value = AttemptPayload> {
    let output = words().prop_map(|word| json(&serde_json::to_string(&word).unwrap()));
    let log = prop::collection::vec(any::<u8>(), 1..20);
    (prop::option::of(output), prop::option::of(log.clone()), prop::option::of(log))
        .prop_map(|(output, log, log_times)| AttemptPayload { output, log, log_times })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let created = (tasks(), prop::option::of("[a-z]{0,5}"), any::<bool>());
    let step = (
        prop::collection::vec(created, 0..20),
        prop::collection::vec((index(), tasks()), 0..10),
        prop::collection::vec((index(), attempt_records(), prop::option::of(payloads())), 0..40),
        prop::collection::vec(index(), 0..3),
    )
        .prop_map(|(created, updated, attempts, deleted)| Step { created, updated, attempts, deleted });
    prop::collection::vec(step, 1..5)
}

impl Model {
    /// Turns a step into changes and makes them here.
    fn apply(&mut self, fixture: &Fixture, step: Step) -> Changes {
        let mut changes = Changes::default();
        let before: Vec<TaskSeq> = self.tasks.keys().copied().collect();
        for (template, input, has_key) in step.created {
            self.last_seq += 1;
            let seq = self.last_seq;
            let base = fixture.task(seq);
            let record = TaskRecord {
                seq,
                task_id: base.task_id,
                app_id: base.app_id,
                version_id: base.version_id,
                ..template
            };
            let input = input.map(|input| format!("{{\"in\": \"{input}\"}}"));
            let key = has_key.then(|| format!("key {seq}"));
            changes.new_tasks.push(NewTask {
                input: input.as_deref().map(json),
                key: key.as_deref().map(Into::into),
                fingerprint: key.as_deref().map(Into::into),
                ..new_task(record.clone())
            });
            self.tasks.insert(seq, record);
            self.inputs.extend(input.map(|input| (seq, input)));
            self.keys.extend(key.map(|key| (key, seq)));
        }
        if !before.is_empty() {
            for (index, template) in step.updated {
                let seq = *index.get(&before);
                let kept = self.tasks[&seq].clone();
                let TaskRecord { task_id, name, app_id, version_id, origin, create_at, .. } = kept;
                let record =
                    TaskRecord { seq, task_id, name, app_id, version_id, origin, create_at, ..template };
                changes.tasks.insert(seq, record.clone());
                self.tasks.insert(seq, record);
            }
        }
        let tasks: Vec<TaskSeq> = self.tasks.keys().copied().collect();
        if !tasks.is_empty() {
            for (index, mut record, payload) in step.attempts {
                record.id.task = *index.get(&tasks);
                if let Some(payload) = payload
                    && !changes.payloads.contains_key(&record.id)
                {
                    changes.payloads.insert(record.id, payload.clone());
                    // nothing does not wipe out something: an attempt ends once
                    if payload.output.is_some() || payload.log.is_some() || payload.log_times.is_some() {
                        self.payloads.insert(record.id, payload);
                    }
                }
                changes.attempts.insert(record.id, record.clone());
                self.attempts.insert(record.id, record);
            }
            for index in step.deleted {
                let seq = *index.get(&tasks);
                if changes.deleted.contains(&seq) {
                    continue;
                }
                changes.deleted.push(seq);
                self.tasks.remove(&seq);
                self.inputs.remove(&seq);
                self.keys.retain(|_, task| *task != seq);
                self.attempts.retain(|id, _| id.task != seq);
                self.payloads.retain(|id, _| id.task != seq);
            }
        }
        changes
    }

    async fn compare(&self, store: &Store) {
        let open = store.load_open().await.unwrap();
        let is_open = |seq: TaskSeq| self.tasks[&seq].stage.is_open();
        let tasks: Vec<TaskRecord> =
            self.tasks.values().filter(|task| is_open(task.seq)).map(as_stored).collect();
        assert_eq!(open.tasks, tasks);
        let attempts: Vec<_> =
            self.attempts.values().filter(|attempt| is_open(attempt.id.task)).cloned().collect();
        assert_eq!(open.attempts, attempts);
        assert_eq!(open.next_seq, self.last_seq + 1);
        assert!(open.corrupt.is_empty());
    }

    async fn compare_all(&self, store: &Store) {
        for task in self.tasks.values() {
            let found = store.find_task(task.task_id).await.unwrap().unwrap();
            assert_eq!(found.record, as_stored(task));
            assert_eq!(found.input.map(|input| input.get().to_owned()), self.inputs.get(&task.seq).cloned());
            let attempts: Vec<_> =
                self.attempts.values().filter(|attempt| attempt.id.task == task.seq).cloned().collect();
            assert_eq!(found.attempts, attempts);
            for id in attempts.iter().map(|attempt| attempt.id) {
                let payload = self.payloads.get(&id);
                let output = payload.and_then(|payload| payload.output.as_ref()).map(|output| output.get());
                assert_eq!(found.outputs.get(&id).map(|output| output.get()), output);
                assert_eq!(
                    store.load_log(id).await.unwrap(),
                    payload.and_then(|payload| payload.log.clone())
                );
                assert_eq!(
                    store.load_log_times(id).await.unwrap(),
                    payload.and_then(|payload| payload.log_times.clone())
                );
            }
        }
        let keys: Vec<String> = (0..=self.last_seq).map(|seq| format!("key {seq}")).collect();
        let known = store.find_keys(&keys).await.unwrap();
        let known: BTreeMap<_, _> = known.into_iter().map(|(key, known)| (key, known.task_id)).collect();
        let expected = self.keys.iter().map(|(key, seq)| (key.clone(), self.tasks[seq].task_id)).collect();
        assert_eq!(known, expected);
        let listed = store.list_tasks(&ListTasks { limit: Some(1000), ..Default::default() }).await.unwrap();
        let listed: Vec<_> = listed.items.iter().map(|task| task.task_id).collect();
        assert_eq!(listed, self.tasks.values().rev().map(|task| task.task_id).collect::<Vec<_>>());
    }
}

/// The only thing the store changes.
fn as_stored(task: &TaskRecord) -> TaskRecord {
    let clean = |text: &str| text.replace('\0', "\u{fffd}").into();
    TaskRecord { name: clean(&task.name), reason: task.reason.as_deref().map(clean), ..task.clone() }
}

async fn check(db: Db, steps: Vec<Step>) {
    let fixture = Fixture::new(&db).await;
    let mut model = Model::default();
    for step in steps {
        let changes = model.apply(&fixture, step);
        fixture.commit(&changes).await;
        model.compare(&fixture.store).await;
    }
    model.compare_all(&fixture.store).await;
    fixture.store.close().await.unwrap();
}

#[test]
fn what_was_committed_to_sqlite_is_read_back() {
    run(48, steps(), async |steps| check(Db::sqlite(), steps).await);
}

#[test]
fn what_was_committed_to_postgres_is_read_back() {
    run(24, steps(), async |steps| check(Db::postgres().await, steps).await);
}
