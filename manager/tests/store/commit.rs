//! What is committed is what is read.

use lp_manager::core::record::{
    ActionRecord, AttemptPayload, AttemptRecord, Changes, Deed, Input, NewTask, What,
};
use lp_manager::store::{Error, Payloads};
use lp_protocol::plan::{ActionPlan, Generation};
use lp_protocol::{Stage, TaskId};

use crate::on_both_backends;
use crate::samples::{Fixture, attempt, attempts, finished, json, new_task, succeeded, task_id};

on_both_backends! {
    async fn payloads_come_back_byte_for_byte(db) {
        let fixture = Fixture::new(&db).await;
        let input = r#"{"b": 1.50, "a": "\u0000", "b": 1e400, "é": null}"#;
        let task = NewTask { input: Some(json(input)), ..new_task(fixture.task(1)) };
        let first = succeeded(attempt(1, 0, 1));
        let log = b"\xff\0hello\n".to_vec();
        let payload = AttemptPayload { output: Some(json(input)), log: Some(log.clone()), log_times: Some(log.clone()) };

        fixture.commit(&Changes {
            new_tasks: vec![task, new_task(fixture.task(2))],
            attempts: [(first.id, first.clone())].into(),
            payloads: [(first.id, payload)].into(),
            ..Changes::default()
        }).await;

        let inputs = fixture.store.load_inputs(&[1, 2, 3]).await.unwrap();
        assert_eq!(inputs[&1].as_ref().unwrap().get(), input);
        assert!(inputs[&2].is_none() && inputs[&3].is_none());
        let outputs = fixture.store.load_outputs(&[(1, 1, 0)]).await.unwrap();
        assert_eq!(outputs[&(1, 0)].as_ref().unwrap().get(), input);
        assert_eq!(fixture.store.load_log(first.id).await.unwrap(), Some(log.clone()));
        assert_eq!(fixture.store.load_log_times(first.id).await.unwrap(), Some(log));
    }

    async fn an_output_counts_in_its_own_run_and_only_of_a_success(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1)]).await;
        let failed = attempt(1, 0, 1);
        let good = succeeded(attempt(1, 0, 2));
        let mut again = succeeded(attempt(1, 0, 3));
        (again.run, again.counts_in) = (2, 2);
        let mut changes = attempts([failed.clone(), good.clone(), again.clone()]);
        for (attempt, output) in [(failed, "1"), (good, "2"), (again, "3")] {
            changes.payloads.insert(attempt.id, AttemptPayload { output: Some(json(output)), log: None, log_times: None });
        }
        fixture.commit(&changes).await;

        for (run, expected) in [(1, Some("2")), (2, Some("3")), (3, None)] {
            let outputs = fixture.store.load_outputs(&[(1, run, 0)]).await.unwrap();
            assert_eq!(outputs[&(1, 0)].as_ref().map(|output| output.get()), expected, "run {run}");
        }
    }

    async fn many_rows_are_written_in_one_commit(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert((1..=1001).map(|seq| fixture.task(seq))).await;

        let mut changes = attempts((1..=1001).map(|seq| attempt(seq, 0, 1)));
        changes.tasks = (1..=1001).map(|seq| (seq, finished(fixture.task(seq)))).take(700).collect();
        fixture.commit(&changes).await;

        assert_eq!(fixture.open_tasks().await, (701..=1001).collect::<Vec<_>>());
        assert_eq!(fixture.store.load_open().await.unwrap().attempts.len(), 301);
        let keys: Vec<_> = (1..=1001).map(|seq| (seq, 1, 0)).collect();
        assert_eq!(fixture.store.load_outputs(&keys).await.unwrap().len(), 1001);
    }

    async fn a_commit_is_done_as_a_whole_or_not_at_all(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1)]).await;

        // the second task has the number of one that is there
        let changes = Changes {
            new_tasks: vec![new_task(fixture.task(2)), new_task(fixture.task(1))],
            tasks: [(1, finished(fixture.task(1)))].into(),
            ..Changes::default()
        };
        let refused = fixture.store.commit(fixture.epoch, &changes).await;

        assert!(matches!(refused, Err(Error::Broken(_))), "{refused:?}");
        assert_eq!(fixture.open_tasks().await, [1]);
    }

    async fn a_number_is_not_given_out_again_after_its_task_was_deleted(db) {
        let fixture = Fixture::new(&db).await;
        assert_eq!(fixture.store.load_open().await.unwrap().next_seq, 1);

        fixture.insert([fixture.task(1), fixture.task(2)]).await;
        fixture.delete(2).await;
        assert_eq!(fixture.store.load_open().await.unwrap().next_seq, 3);
        fixture.delete(1).await;
        assert_eq!(fixture.store.load_open().await.unwrap().next_seq, 3);
    }

    async fn a_deleted_task_leaves_nothing(db) {
        let fixture = Fixture::new(&db).await;
        let task = NewTask { key: Some("k".into()), fingerprint: Some("f".into()), input: Some(json("{}")), ..new_task(fixture.task(1)) };
        fixture.commit(&Changes { new_tasks: vec![task], ..Changes::default() }).await;
        let first = succeeded(attempt(1, 0, 1));
        let mut changes = attempts([first.clone()]);
        changes.payloads.insert(first.id, AttemptPayload { output: Some(json("{}")), log: Some(b"x".to_vec()), log_times: None });
        fixture.commit(&changes).await;

        fixture.delete(1).await;

        assert!(fixture.store.find_task(task_id(1)).await.unwrap().is_none());
        assert!(fixture.store.find_keys(&["k".to_owned()]).await.unwrap().is_empty());
        assert!(fixture.store.load_inputs(&[1]).await.unwrap()[&1].is_none());
        assert_eq!(fixture.store.load_log(first.id).await.unwrap(), None);
    }

    async fn a_key_tells_its_task_and_what_it_was_used_for(db) {
        let fixture = Fixture::new(&db).await;
        let task = |seq, key: &str| NewTask {
            key: Some(key.into()),
            fingerprint: Some(format!("of {key}").into()),
            ..new_task(fixture.task(seq))
        };
        fixture.commit(&Changes { new_tasks: vec![task(1, "a"), task(2, "b")], ..Changes::default() }).await;

        let keys = ["a", "b", "c", "nul\0"].map(str::to_owned);
        let known = fixture.store.find_keys(&keys).await.unwrap();

        assert_eq!(known.len(), 2);
        assert_eq!((known["b"].task_id, &*known["b"].fingerprint), (task_id(2), "of b"));
        let second_use = fixture.store.commit(fixture.epoch, &Changes { new_tasks: vec![task(3, "a")], ..Changes::default() }).await;
        assert!(second_use.is_err());
    }

    async fn a_nul_in_a_text_does_no_harm(db) {
        let fixture = Fixture::new(&db).await;
        let mut task = fixture.task(1);
        task.name = "a\0b".into();
        task.reason = Some("no such file: \0".into());

        fixture.insert([task]).await;

        let record = fixture.store.find_record(task_id(1)).await.unwrap().unwrap();
        assert_eq!((&*record.name, record.reason.as_deref()), ("a\u{fffd}b", Some("no such file: \u{fffd}")));
    }

    async fn a_task_is_found_with_all_that_belongs_to_it(db) {
        let fixture = Fixture::new(&db).await;
        let task = NewTask { input: Some(json("[1]")), ..new_task(fixture.task(1)) };
        fixture.commit(&Changes { new_tasks: vec![task, new_task(fixture.task(2))], ..Changes::default() }).await;
        let (first, second) = (attempt(1, 0, 1), succeeded(attempt(1, 0, 2)));
        let mut changes = attempts([second.clone(), first.clone(), attempt(2, 0, 1)]);
        changes.payloads.insert(second.id, AttemptPayload { output: Some(json("2")), log: None, log_times: None });
        fixture.commit(&changes).await;

        let found = fixture.store.find_task(task_id(1)).await.unwrap().unwrap();

        assert_eq!(found.record, fixture.task(1));
        assert_eq!(found.app_name, "hello");
        assert_eq!(found.input.as_ref().map(|input| input.get()), Some("[1]"));
        assert_eq!(*found.plan, crate::samples::plan());
        assert_eq!(found.attempts, [first, second.clone()]);
        assert_eq!(found.outputs.keys().collect::<Vec<_>>(), [&second.id]);
        assert_eq!(found.view().task_name, "task 1");
        assert!(fixture.store.find_task(TaskId::random()).await.unwrap().is_none());
        assert_eq!(fixture.store.find_view(task_id(2)).await.unwrap().unwrap().app_name, "hello");
    }

    async fn a_page_reads_neither_payloads_nor_a_plan_that_is_known(db) {
        let fixture = Fixture::new(&db).await;
        let task = NewTask { input: Some(json("[1]")), ..new_task(fixture.task(1)) };
        fixture.commit(&Changes { new_tasks: vec![task], ..Changes::default() }).await;
        let done = succeeded(attempt(1, 0, 1));
        let mut changes = attempts([done.clone()]);
        changes.payloads.insert(done.id, AttemptPayload { output: Some(json("2")), ..AttemptPayload::default() });
        fixture.commit(&changes).await;
        let mut other = crate::samples::plan();
        other.actions[0].name = "known".into();
        let other = std::sync::Arc::new(other);

        let known = |_| Some(other.clone());
        let found = fixture.store.find_task_with(task_id(1), Payloads::LeftOut, known).await.unwrap().unwrap();

        assert_eq!((found.attempts, found.input.is_none(), found.outputs.len()), (vec![done], true, 0));
        assert!(std::sync::Arc::ptr_eq(&found.plan, &other));
    }

    async fn outputs_are_read_a_few_at_a_time_and_one_by_itself(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1), fixture.task(2)]).await;
        let all: Vec<AttemptRecord> = (1..=70).map(|number| succeeded(attempt(1, number % 7, number))).collect();
        let mut changes = attempts(all.iter().cloned().chain([attempt(2, 0, 1)]));
        for record in all.iter().filter(|record| record.id.number != 9) {
            let output = json(&record.id.number.to_string());
            changes.payloads.insert(record.id, AttemptPayload { output: Some(output), ..AttemptPayload::default() });
        }
        let silent = AttemptPayload { log: Some(b"x".to_vec()), ..AttemptPayload::default() };
        changes.payloads.insert(attempt(1, 2, 9).id, silent);
        fixture.commit(&changes).await;

        let (mut told, mut after, mut most) = (Vec::new(), None, 0);
        loop {
            let some = fixture.store.list_outputs(1, after).await.unwrap();
            let Some((last, _)) = some.last() else { break };
            (after, most) = (Some(*last), most.max(some.len()));
            told.extend(some.into_iter().map(|(id, output)| (id, output.get().to_owned())));
        }

        assert_eq!(told.len(), 69);
        assert!(told.is_sorted() && told.iter().all(|(id, output)| *output == id.number.to_string()));
        assert!(most < 69, "{most} at once");
        assert_eq!(fixture.store.find_output(attempt(1, 3, 3).id).await.unwrap().unwrap().get(), "3");
        assert!(fixture.store.find_output(attempt(1, 2, 9).id).await.unwrap().is_none());
        assert!(fixture.store.find_output(attempt(2, 0, 1).id).await.unwrap().is_none());
    }

    async fn attempts_are_found_by_task_action_or_id(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1), fixture.task(2)]).await;
        let all = [attempt(1, 0, 1), attempt(1, 0, 2), attempt(1, 1, 1)];
        fixture.commit(&attempts(all.iter().cloned().chain([attempt(2, 0, 1)]))).await;

        assert_eq!(fixture.store.list_attempts(1).await.unwrap(), all);
        assert_eq!(fixture.store.list_attempts_of(1, Some(0), "a").await.unwrap(), all[..2]);
        assert_eq!(fixture.store.find_attempt(all[2].id).await.unwrap().as_ref(), Some(&all[2]));
        assert_eq!(fixture.store.find_attempt(attempt(3, 0, 1).id).await.unwrap(), None);
    }

    async fn attempts_of_versions_a_task_has_left_are_found_by_their_name(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1)]).await;
        let old = AttemptRecord { name: Some("b".into()), ..succeeded(attempt(1, 0, 1)) };
        let now = attempt(1, 1, 2);
        fixture.commit(&attempts([old.clone(), now.clone(), attempt(1, 0, 2)])).await;

        assert_eq!(fixture.store.list_attempts_of(1, Some(1), "b").await.unwrap(), [old.clone(), now]);
        assert_eq!(fixture.store.list_attempts_of(1, None, "b").await.unwrap(), [old]);
    }

    async fn actions_made_at_run_time_belong_to_their_task_and_go_with_it(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1), fixture.task(2)]).await;
        let made = |name: &str, retired| ActionRecord {
            plan: ActionPlan {
                generated: Some(Generation { by: 0, to: None, retired }),
                ..crate::samples::action(name)
            },
            input: (!retired).then(|| Input(json(r#"{"n": 1.0}"#))),
        };
        let actions = [((1, 1), made("b", false)), ((1, 2), made("c", false)), ((2, 1), made("b", false))];
        fixture.commit(&Changes { actions: actions.into(), ..Changes::default() }).await;

        let open = fixture.store.load_open().await.unwrap();
        let names: Vec<_> = open.actions.iter().map(|(task, plan)| (*task, plan.name.as_str())).collect();
        assert_eq!(names, [(1, "b"), (1, "c"), (2, "b")]);
        let inputs = fixture.store.load_action_inputs(&[(1, 2), (1, 7)]).await.unwrap();
        assert_eq!(inputs.into_iter().map(|(key, input)| (key, input.get().to_owned())).collect::<Vec<_>>(), [((1, 2), r#"{"n": 1.0}"#.to_owned())]);
        let found = fixture.store.find_task(task_id(1)).await.unwrap().unwrap();
        assert_eq!(found.plan.actions.len(), 3);

        fixture.commit(&Changes { actions: [((1, 2), made("c", true))].into(), without_actions: vec![2], ..Changes::default() }).await;
        assert!(fixture.store.list_generated(1).await.unwrap()[1].is_retired());
        assert!(fixture.store.list_generated(2).await.unwrap().is_empty());
        fixture.commit(&Changes { deleted: vec![1], ..Changes::default() }).await;
        assert!(fixture.store.list_generated(1).await.unwrap().is_empty());
    }

    async fn what_was_done_to_a_task_is_told_in_order(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1)]).await;
        let deed = |second, what| Deed { task: 1, at: crate::samples::at(second), by: "me".into(), what };
        let deeds = vec![deed(1, What::Stop { signal: 15 }), deed(2, What::Recover { run: 2, from: vec!["a".into()] })];
        fixture.commit(&Changes { deeds: deeds.clone(), ..Changes::default() }).await;

        assert_eq!(fixture.store.find_task(task_id(1)).await.unwrap().unwrap().deeds, deeds);
    }

    async fn a_finished_task_can_be_loaded_to_run_again(db) {
        let fixture = Fixture::new(&db).await;
        let task = finished(fixture.task(1));
        fixture.insert([task.clone()]).await;
        fixture.commit(&attempts([succeeded(attempt(1, 0, 1))])).await;

        let rerun = fixture.store.load_finished(task_id(1)).await.unwrap();
        assert_eq!((rerun.record, rerun.attempts.len()), (task, 1));

        fixture.store.delete_app(fixture.epoch, fixture.app_id, crate::samples::at(0)).await.unwrap();
        let gone = fixture.store.load_finished(task_id(1)).await;
        assert!(matches!(gone, Err(Error::NotFound { what: "app", .. })), "{gone:?}");
        let never = fixture.store.load_finished(TaskId::random()).await;
        assert!(matches!(never, Err(Error::NotFound { what: "task", .. })), "{never:?}");
    }

    async fn open_tasks_are_counted_by_stage(db) {
        let fixture = Fixture::new(&db).await;
        let mut running = fixture.task(3);
        running.stage = Stage::Running;
        fixture.insert([fixture.task(1), fixture.task(2), running, finished(fixture.task(4))]).await;

        let counts = fixture.store.count_open_tasks().await.unwrap();

        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(Stage::Pending, 2), (Stage::Running, 1), (Stage::Stopping, 0)]);
    }
}
