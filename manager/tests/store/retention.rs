//! Which tasks, logs and versions are old enough to go, and what a removal of logs leaves.

use lp_manager::core::record::{AttemptId, AttemptPayload, Origin, TaskRecord, TaskSeq};
use lp_manager::store::{Ended, Expiry, PackageId, PackageUpdate, Place, Segment, Through};
use lp_protocol::{Stage, WorkId};

use crate::on_both_backends;
use crate::samples::{Fixture, at, attempt, attempts, finished, succeeded, version};

impl Fixture {
    /// A task that was created and ended at these seconds.
    fn ended(&self, seq: TaskSeq, created: i64, ended: i64) -> TaskRecord {
        TaskRecord { create_at: at(created), end_at: Some(at(ended)), ..finished(self.task(seq)) }
    }

    async fn walk(&self, expiry: Expiry) -> Vec<TaskSeq> {
        let mut found = Vec::new();
        let mut after = Place::default();
        loop {
            let step = self.store.list_ended(expiry, after, 2).await.unwrap();
            let Some(last) = step.last() else { return found };
            after = last.place;
            found.extend(seqs(&step));
        }
    }

    /// A finished attempt with a log in its row, and one with a log in two segments.
    async fn write_logs(&self, task: TaskSeq) {
        let mut changes = attempts([1, 2].map(|number| succeeded(attempt(task, 0, number))));
        let id = AttemptId { task, action: 0, number: 1 };
        changes.payloads.insert(
            id,
            AttemptPayload {
                output: Some(crate::samples::json("{}")),
                log: Some(b"hello".to_vec()),
                log_times: Some(b"times".to_vec()),
            },
        );
        self.commit(&changes).await;
        for (offset, is_last) in [(0, false), (100, true)] {
            let segment =
                Segment { offset, size_bytes: 100, blob_key: format!("logs/{task}/{offset}"), is_last };
            let id = AttemptId { number: 2, ..id };
            self.store.append_segment(self.epoch, id, &segment).await.unwrap();
        }
    }
}

fn seqs(step: &[Ended]) -> Vec<TaskSeq> {
    step.iter().map(|task| task.record.seq).collect()
}

on_both_backends! {
    async fn tasks_go_by_their_end_and_what_is_open_or_a_works_never_does(db) {
        let fixture = Fixture::new(&db).await;
        let of_work = TaskRecord { origin: Some(Origin::Work(WorkId::random())), ..fixture.ended(5, 5, 6) };
        let stopping = TaskRecord { stage: Stage::Stopping, status: None, ..fixture.ended(6, 6, 7) };
        fixture.insert([
            fixture.ended(1, 1, 50),
            fixture.ended(2, 2, 20),
            fixture.ended(3, 3, 20),
            fixture.task(4),
            of_work,
            stopping,
            fixture.ended(7, 7, 30),
        ]).await;

        let first = fixture.store.list_ended_before(at(31), Place::default(), 2).await.unwrap();
        let rest = fixture.store.list_ended_before(at(31), first[1].place, 2).await.unwrap();

        assert_eq!((seqs(&first), seqs(&rest)), (vec![2, 3], vec![7]));
        assert!(fixture.store.list_ended_before(at(20), Place::default(), 9).await.unwrap().is_empty());
        // but its logs and workspaces do
        assert_eq!(fixture.walk(Expiry::default()).await, [5, 2, 3, 7, 1]);
        let ended = Expiry { ended_before: Some(at(25)), below: None };
        assert_eq!(fixture.walk(ended).await, [5, 7, 1]);
    }

    async fn tasks_go_by_their_number_but_none_twice(db) {
        let fixture = Fixture::new(&db).await;
        let tasks = (1..=5).map(|seq| fixture.ended(seq, seq, 60 - seq));
        fixture.insert(tasks.chain([fixture.task(6)])).await;

        let below = fixture.store.find_oldest_of_latest(3).await.unwrap();
        assert_eq!(below, Some(4));
        let expiry = Expiry { ended_before: None, below };
        let going = fixture.store.list_below(expiry, Place::default(), 9).await.unwrap();
        assert_eq!(seqs(&going), [1, 2, 3]);
        assert_eq!(fixture.walk(expiry).await, [5, 4]);

        // the third goes by its age already
        let both = Expiry { ended_before: Some(at(58)), below };
        let going = fixture.store.list_below(both, Place::default(), 9).await.unwrap();
        assert_eq!(seqs(&going), [1, 2]);
        assert_eq!(fixture.store.find_oldest_of_latest(7).await.unwrap(), None);
    }

    async fn logs_are_counted_and_removed_and_outputs_stay(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.ended(1, 1, 10), fixture.ended(2, 2, 20), fixture.task(3)]).await;
        for task in 1..=3 {
            fixture.write_logs(task).await;
        }
        let store = &fixture.store;
        assert_eq!(store.sum_archived_logs().await.unwrap(), 600);
        let found = store.list_ended(Expiry::default(), Place::default(), 9).await.unwrap();
        assert_eq!((found[0].logs, found[0].log_bytes, found[0].archived_bytes), (2, 205, 200));

        // the third runs, whatever it is asked
        store.remove_logs(fixture.epoch, &[1, 3]).await.unwrap();
        store.remove_logs(fixture.epoch, &[1]).await.unwrap();

        let found = store.list_ended(Expiry::default(), Place::default(), 9).await.unwrap();
        assert_eq!((found[0].logs, found[0].log_bytes, found[1].logs), (0, 0, 2));
        assert_eq!(store.sum_archived_logs().await.unwrap(), 400);
        assert_eq!(store.load_log(AttemptId { task: 3, action: 0, number: 1 }).await.unwrap(), Some(b"hello".to_vec()));
        for (task, has_times) in [(1, false), (2, true), (3, true)] {
            let times = store.load_log_times(AttemptId { task, action: 0, number: 1 }).await.unwrap();
            assert_eq!(times.is_some(), has_times, "{task}");
        }
        let mut dead = store.take_dead_blobs(9).await.unwrap();
        dead.sort();
        assert_eq!(dead, ["logs/1/0", "logs/1/100"]);
        let task = store.find_task(crate::samples::task_id(1)).await.unwrap().unwrap();
        assert_eq!((task.attempts.len(), task.outputs.len()), (2, 1));
    }

    async fn a_walk_goes_on_where_the_last_one_ended_and_never_back(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert((1..=3).map(|seq| fixture.ended(seq, seq, 10 * seq))).await;
        let store = &fixture.store;
        let through = async || {
            let place = store.load_through(Through::Logs).await.unwrap();
            seqs(&store.list_ended(Expiry::default(), place, 9).await.unwrap())
        };
        assert_eq!(through().await, [1, 2, 3]);
        let places: Vec<Place> =
            store.list_ended(Expiry::default(), Place::default(), 9).await.unwrap().iter().map(|task| task.place).collect();

        store.note_through(fixture.epoch, Through::Logs, places[1]).await.unwrap();
        store.note_through(fixture.epoch, Through::Logs, places[0]).await.unwrap();

        // those that ended in the very moment are looked at again
        assert_eq!(through().await, [2, 3]);
        let workspaces = store.load_through(Through::Workspaces).await.unwrap();
        assert!(workspaces < places[0]);
    }

    async fn surplus_versions_are_neither_new_nor_active_nor_just_replaced_nor_used(db) {
        let fixture = Fixture::new(&db).await;
        let package = PackageId::App(fixture.app_id);
        for (index, digest) in "bcdefg".chars().enumerate() {
            let update = PackageUpdate { name: None, description: None, version: Some(version(digest)), update_at: at(10 + index as i64) };
            fixture.store.update_app(fixture.epoch, fixture.app_id, update).await.unwrap();
        }
        let store = &fixture.store;
        let number = lp_protocol::views::VersionRef::Number;
        // 3 is active, 2 was before it; 1 is used by a task that runs
        for (seconds, active) in [(100, 2), (101, 3)] {
            store.activate_version(fixture.epoch, package, number(active), at(seconds)).await.unwrap();
        }
        fixture.insert([fixture.task(1)]).await;
        let surplus = async |keep: u32, limit: u32| {
            let (mut found, mut after) = (Vec::new(), 0);
            loop {
                let (step, next) = store.list_surplus_versions(keep, after, limit).await.unwrap();
                found.extend(step.iter().map(|surplus| surplus.version.number));
                match next {
                    Some(next) => after = next,
                    None => return found,
                }
            }
        };

        assert_eq!(surplus(0, 100).await, [4, 5, 6, 7]);
        assert_eq!(surplus(0, 1).await, [4, 5, 6, 7]);
        assert_eq!(surplus(2, 100).await, [4, 5]);
        fixture.delete(1).await;
        assert_eq!(surplus(2, 2).await, [1, 4, 5]);
        store.delete_version(fixture.epoch, package, number(5), at(200)).await.unwrap();
        assert_eq!(surplus(2, 100).await, [1, 4]);
        assert_eq!(surplus(7, 100).await, Vec::<u32>::new());
    }
}
