//! Lists, filters and cursors, against a list that is filtered one by one.

use std::collections::BTreeSet;

use lp_manager::core::record::TaskRecord;
use lp_manager::store::{Error, Store};
use lp_protocol::views::ListTasks;
use lp_protocol::{AppId, Stage, Status, TaskId};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::db::Db;
use crate::on_both_backends;
use crate::samples::{Fixture, at, finished, task_id};

async fn list(store: &Store, wanted: ListTasks) -> Vec<TaskId> {
    store.list_tasks(&wanted).await.unwrap().items.into_iter().map(|task| task.task_id).collect()
}

on_both_backends! {
    async fn a_page_goes_on_where_the_one_before_it_ended(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert((1..=5).map(|seq| fixture.task(seq))).await;
        let first = fixture.store.list_tasks(&ListTasks { limit: Some(2), ..Default::default() }).await.unwrap();
        assert_eq!(first.items.iter().map(|task| task.task_id).collect::<Vec<_>>(), [5, 4].map(task_id));

        // what is created meanwhile is not on a later page, and a deleted task does no harm
        fixture.insert([fixture.task(6)]).await;
        fixture.delete(4).await;

        let second = ListTasks { limit: Some(2), cursor: first.next_cursor, ..Default::default() };
        let second = fixture.store.list_tasks(&second).await.unwrap();
        assert_eq!(second.items.iter().map(|task| task.task_id).collect::<Vec<_>>(), [3, 2].map(task_id));
        let third = ListTasks { limit: Some(2), cursor: second.next_cursor, ..Default::default() };
        let third = fixture.store.list_tasks(&third).await.unwrap();
        assert_eq!((third.items.len(), third.next_cursor), (1, None));
    }

    async fn wrong_cursors_patterns_and_prefixes_are_the_callers_fault(db) {
        let fixture = Fixture::new(&db).await;
        let wrong = [
            ListTasks { cursor: Some("next".into()), ..Default::default() },
            ListTasks { name: Some("x".repeat(1000)), ..Default::default() },
            ListTasks { id_prefix: Some("abc".into()), ..Default::default() },
        ];

        for wanted in wrong {
            let refused = fixture.store.list_tasks(&wanted).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{wanted:?}: {refused:?}");
        }
        let nothing = ListTasks { id_prefix: Some("hello".into()), ..Default::default() };
        assert!(list(&fixture.store, nothing).await.is_empty());
    }

    async fn a_common_beginning_of_names_is_found_by_another_way(db) {
        let fixture = Fixture::new(&db).await;
        for chunk in 0..6 {
            fixture.insert((1..=1000).map(|seq| fixture.task(chunk * 1000 + seq))).await;
        }
        let named = |name: &str| ListTasks { name: Some(name.into()), ..Default::default() };

        assert_eq!(list(&fixture.store, named("task *")).await.len(), 50);
        assert_eq!(list(&fixture.store, named("task 59?9")).await, [5999, 5989, 5979, 5969, 5959, 5949, 5939, 5929, 5919, 5909].map(task_id));
        assert_eq!(list(&fixture.store, named("task 3000")).await, [task_id(3000)]);
        assert_eq!(list(&fixture.store, named("tas? 3000")).await, [task_id(3000)]);
    }

    async fn a_page_of_a_rare_name_looks_at_so_many_and_the_next_goes_on_there(db) {
        let fixture = Fixture::new(&db).await;
        let state = |seq: i64| if seq % 10 == 0 { fixture.task(seq) } else { finished(fixture.task(seq)) };
        fixture.insert((1..=600).map(state)).await;
        for (pattern, status, expected) in [
            ("*k 5", None, vec![task_id(5)]),
            ("*99", None, [599, 499, 399, 299, 199, 99].map(task_id).to_vec()),
            ("*nothing*", None, vec![]),
            ("*99", Some(Status::Success), [599, 499, 399, 299, 199, 99].map(task_id).to_vec()),
            ("*00", Some(Status::Success), vec![]),
        ] {
            let mut wanted = ListTasks { name: Some(pattern.into()), status, limit: Some(2), ..Default::default() };
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let page = fixture.store.list_tasks_looking_at(&wanted, 50).await.unwrap();
                pages += 1;
                found.extend(page.items.into_iter().map(|task| task.task_id));
                wanted.cursor = page.next_cursor;
                if wanted.cursor.is_none() {
                    break;
                }
            }

            assert_eq!(found, expected, "{pattern}");
            // ninety of a hundred are of one state: each page has come past some fifty of these
            assert!((8..20).contains(&pages), "{pattern}: {pages} pages");
        }
    }

    async fn a_task_is_meant_by_its_id_or_the_beginning_of_it(db) {
        let fixture = Fixture::new(&db).await;
        let missing = fixture.store.resolve_task("@last").await;
        assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
        fixture.insert([fixture.task(0x1111), finished(fixture.task(0x2222))]).await;

        for (text, seq) in [("@last", 0x2222), ("abcd00001111", 0x1111), ("abcd0000-2222", 0x2222)] {
            assert_eq!(fixture.store.resolve_task(text).await.unwrap(), task_id(seq), "{text}");
        }
        let whole = task_id(0x1111);
        assert_eq!(fixture.store.resolve_task(&whole.to_string()).await.unwrap(), whole);
        let Err(Error::Ambiguous { candidates, .. }) = fixture.store.resolve_task("abcd").await else { panic!("fits two") };
        assert_eq!(candidates.len(), 2);
        assert!(matches!(fixture.store.resolve_task("abce").await, Err(Error::NotFound { .. })));
        assert!(matches!(fixture.store.resolve_task("abc").await, Err(Error::Invalid(_))));
    }
}

/// Letters that mean something in some pattern language.
const LETTERS: [char; 9] = ['a', 'A', 'b', '%', '_', '[', ']', '\\', 'é'];

#[derive(Clone, Debug)]
struct Sample {
    app: usize,
    name: String,
    state: (Stage, Option<Status>),
    seconds: i64,
    id: u128,
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let state = select(vec![
        (Stage::Pending, None),
        (Stage::Running, None),
        (Stage::Stopping, None),
        (Stage::Finished, Some(Status::Success)),
        (Stage::Finished, Some(Status::Fail)),
        (Stage::Finished, Some(Status::Kill)),
    ]);
    let name = prop::collection::vec(select(&LETTERS[..]), 0..4).prop_map(String::from_iter);
    let sample = (0..2usize, name, state, 0..3i64, 0..3u128)
        .prop_map(|(app, name, state, seconds, id)| Sample { app, name, state, seconds, id });
    prop::collection::vec(sample, 0..40)
}

/// Filters of which each is absent half the time; times are seconds after the first task.
#[derive(Clone, Debug)]
struct Wanted {
    app: Option<usize>,
    name: Option<String>,
    stage: Option<Stage>,
    status: Option<Status>,
    since: Option<i64>,
    id: Option<u128>,
    limit: u32,
}

fn filters() -> impl Strategy<Value = Wanted> {
    let wild = LETTERS.iter().copied().chain(['*', '?', '*', '?']).collect::<Vec<_>>();
    let name = prop::collection::vec(select(wild), 0..4).prop_map(String::from_iter);
    (
        prop::option::of(0..3usize),
        prop::option::of(name),
        prop::option::of(select(Stage::ALL)),
        prop::option::of(select(vec![Status::Success, Status::Fail, Status::Cancel])),
        prop::option::of(0..60i64),
        prop::option::of(0..3u128),
        1..7u32,
    )
        .prop_map(|(app, name, stage, status, since, id, limit)| Wanted {
            app,
            name,
            stage,
            status,
            since,
            id,
            limit,
        })
}

fn matches_glob(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|skip| matches_glob(rest, &name[skip..])),
        (['?', pattern @ ..], [_, name @ ..]) => matches_glob(pattern, name),
        ([p, pattern @ ..], [n, name @ ..]) => p == n && matches_glob(pattern, name),
        ([], _) | (_, []) => false,
    }
}

fn passes(wanted: &Wanted, apps: &[AppId], prefix: Option<&str>, task: &TaskRecord) -> bool {
    let Wanted { app, name, stage, status, since, id: _, limit: _ } = wanted;
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    app.is_none_or(|app| apps.get(app) == Some(&task.app_id))
        && name.as_ref().is_none_or(|name| matches_glob(&chars(name), &chars(&task.name)))
        && stage.is_none_or(|stage| stage == task.stage)
        && status.is_none_or(|status| task.status == Some(status))
        && since.is_none_or(|since| task.create_at >= at(since))
        && prefix.is_none_or(|prefix| task.task_id.to_string().starts_with(prefix))
}

async fn check(db: Db, samples: Vec<Sample>, filters: Vec<Wanted>) {
    let fixture = Fixture::new(&db).await;
    let apps = [fixture.app_id, AppId(Uuid::from_u128(5))];
    let mut seconds = 0;
    let mut tasks = Vec::new();
    for (seq, sample) in (1..).zip(samples) {
        seconds += sample.seconds;
        tasks.push(TaskRecord {
            task_id: TaskId(Uuid::from_u128(sample.id << 124 | 0xbcd << 112 | seq as u128)),
            name: sample.name.into(),
            app_id: apps[sample.app],
            stage: sample.state.0,
            status: sample.state.1,
            create_at: at(seconds),
            ..fixture.task(seq)
        });
    }
    fixture.insert(tasks.clone()).await;
    for wanted in filters {
        let prefix = wanted.id.map(|id| format!("{id:x}bcd"));
        let expected: Vec<TaskId> = tasks
            .iter()
            .rev()
            .filter(|task| passes(&wanted, &apps, prefix.as_deref(), task))
            .map(|task| task.task_id)
            .collect();
        let mut query = ListTasks {
            app_id: wanted.app.map(|app| apps.get(app).copied().unwrap_or_else(AppId::random)),
            name: wanted.name.clone(),
            stage: wanted.stage,
            status: wanted.status,
            since: wanted.since.map(at),
            id_prefix: prefix,
            limit: Some(wanted.limit),
            ..ListTasks::default()
        };
        let mut found = Vec::new();
        loop {
            let page = fixture.store.list_tasks(&query).await.unwrap();
            assert!(page.items.len() <= wanted.limit as usize);
            found.extend(page.items.into_iter().map(|task| task.task_id));
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
        assert_eq!(found, expected, "{wanted:?}");
    }
    fixture.store.close().await.unwrap();
}

#[test]
fn every_filter_on_sqlite_finds_what_looking_at_each_task_finds() {
    crate::model::run(24, (samples(), prop::collection::vec(filters(), 40)), async |(samples, filters)| {
        check(Db::sqlite(), samples, filters).await;
    });
}

#[test]
fn every_filter_on_postgres_finds_what_looking_at_each_task_finds() {
    crate::model::run(12, (samples(), prop::collection::vec(filters(), 40)), async |(samples, filters)| {
        check(Db::postgres().await, samples, filters).await;
    });
}
