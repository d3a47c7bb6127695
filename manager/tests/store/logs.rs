//! Logs in segments.

use lp_manager::core::record::AttemptId;
use lp_manager::store::{Error, Segment};

use crate::on_both_backends;
use crate::samples::{Fixture, attempt, attempts};

const ATTEMPT: AttemptId = AttemptId { task: 1, action: 0, number: 1 };

fn segment(offset: u64, size_bytes: u64, blob_key: &str) -> Segment {
    Segment { offset, size_bytes, blob_key: blob_key.to_owned(), is_last: false }
}

async fn with_attempt(db: &crate::db::Db) -> Fixture {
    let fixture = Fixture::new(db).await;
    fixture.insert([fixture.task(1)]).await;
    fixture.commit(&attempts([attempt(1, 0, 1), attempt(1, 0, 2)])).await;
    fixture
}

on_both_backends! {
    async fn segments_follow_one_another_without_a_gap(db) {
        let Fixture { store, epoch, .. } = with_attempt(&db).await;

        assert_eq!(store.append_segment(epoch, ATTEMPT, &segment(0, 10, "a")).await.unwrap(), 10);
        for wrong in [5, 9, 11] {
            let refused = store.append_segment(epoch, ATTEMPT, &segment(wrong, 10, "x")).await;
            assert!(matches!(refused, Err(Error::WrongOffset { next: 10 })), "{wrong}: {refused:?}");
        }
        let last = Segment { is_last: true, ..segment(10, 5, "b") };
        assert_eq!(store.append_segment(epoch, ATTEMPT, &last).await.unwrap(), 15);
        let after_the_end = store.append_segment(epoch, ATTEMPT, &segment(15, 1, "x")).await;
        assert!(matches!(after_the_end, Err(Error::WrongOffset { next: 15 })));

        assert_eq!(store.load_segments(ATTEMPT).await.unwrap(), [segment(0, 10, "a"), last]);
        assert!(store.load_segments(AttemptId { number: 2, ..ATTEMPT }).await.unwrap().is_empty());
    }

    async fn a_segment_told_twice_is_kept_once_and_its_second_blob_is_given_up(db) {
        let Fixture { store, epoch, .. } = with_attempt(&db).await;
        store.append_segment(epoch, ATTEMPT, &segment(0, 10, "a")).await.unwrap();
        store.append_segment(epoch, ATTEMPT, &segment(10, 10, "b")).await.unwrap();

        assert_eq!(store.append_segment(epoch, ATTEMPT, &segment(0, 10, "a")).await.unwrap(), 20);
        assert_eq!(store.append_segment(epoch, ATTEMPT, &segment(0, 10, "again")).await.unwrap(), 20);

        assert_eq!(store.load_segments(ATTEMPT).await.unwrap().len(), 2);
        assert_eq!(store.take_dead_blobs(10).await.unwrap(), ["again"]);
    }

    async fn a_segment_of_no_attempt_is_refused(db) {
        let Fixture { store, epoch, .. } = with_attempt(&db).await;

        let refused = store.append_segment(epoch, AttemptId { task: 2, ..ATTEMPT }, &segment(0, 1, "a")).await;

        assert!(matches!(refused, Err(Error::NotFound { what: "attempt", .. })), "{refused:?}");
    }

    async fn the_blobs_of_a_deleted_task_are_dead_until_they_are_forgotten(db) {
        let fixture = with_attempt(&db).await;
        let Fixture { store, epoch, .. } = &fixture;
        store.append_segment(*epoch, ATTEMPT, &segment(0, 10, "a")).await.unwrap();
        store.append_segment(*epoch, ATTEMPT, &segment(10, 10, "b")).await.unwrap();

        fixture.delete(1).await;

        let mut dead = store.take_dead_blobs(10).await.unwrap();
        dead.sort();
        assert_eq!(dead, ["a", "b"]);
        assert_eq!(store.take_dead_blobs(1).await.unwrap().len(), 1);
        store.forget_dead_blobs(&dead[..1]).await.unwrap();
        assert_eq!(store.take_dead_blobs(10).await.unwrap(), ["b"]);
    }

    async fn two_requests_for_the_same_offset_make_one_segment(db) {
        let Fixture { store, epoch, .. } = with_attempt(&db).await;

        let (one, two) = (segment(0, 10, "one"), segment(0, 10, "two"));
        let answers = tokio::join!(store.append_segment(epoch, ATTEMPT, &one), store.append_segment(epoch, ATTEMPT, &two));

        assert_eq!((answers.0.unwrap(), answers.1.unwrap()), (10, 10));
        assert_eq!(store.load_segments(ATTEMPT).await.unwrap().len(), 1);
        assert_eq!(store.take_dead_blobs(10).await.unwrap().len(), 1);
    }
}
