//! What ended lately, by hours, and what waits longest.

use lp_manager::core::record::TaskRecord;
use lp_manager::store::EndedInHour;
use lp_protocol::{Stage, Status};

use crate::on_both_backends;
use crate::samples::{Fixture, at, finished};

on_both_backends! {
    async fn what_ended_is_counted_by_hours_and_what_failed_among_it(db) {
        let fixture = Fixture::new(&db).await;
        let begin = at(0).timestamp().div_euclid(3600);
        // seconds into the first whole hour
        let second = |seconds: i64| (begin + 1) * 3600 - at(0).timestamp() + seconds;
        let ended = |seq, seconds, status| TaskRecord {
            end_at: Some(at(second(seconds))),
            status: Some(status),
            ..finished(fixture.task(seq))
        };
        fixture.insert([
            ended(1, -1, Status::Success),
            ended(2, 0, Status::Success),
            ended(3, 3599, Status::Fail),
            ended(4, 3600, Status::Error),
            ended(5, 3601, Status::Kill),
            fixture.task(6),
        ]).await;

        let past = fixture.store.count_ended_since(at(second(0))).await.unwrap();

        assert_eq!(past.known_from, begin + 1);
        assert_eq!(past.hours, [
            EndedInHour { hour: begin + 1, finished: 2, failed: 1 },
            EndedInHour { hour: begin + 2, finished: 2, failed: 1 },
        ]);
    }

    async fn the_task_that_waits_longest_is_found(db) {
        let fixture = Fixture::new(&db).await;
        assert_eq!(fixture.store.find_oldest_waiting().await.unwrap(), None);
        let waiting = |seq, created| TaskRecord {
            stage: Stage::Pending,
            status: None,
            create_at: at(created),
            ..fixture.task(seq)
        };

        fixture.insert([finished(fixture.task(1)), waiting(2, 20), waiting(3, 30)]).await;

        assert_eq!(fixture.store.find_oldest_waiting().await.unwrap(), Some(at(20)));
    }
}
