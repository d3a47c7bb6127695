//! Rows that mean nothing hurt only their own task.

use lp_manager::store::Error;
use lp_protocol::views::ListTasks;

use crate::on_both_backends;
use crate::samples::{Fixture, at, attempt, attempts, package, task_id, version};

on_both_backends! {
    async fn a_damaged_task_is_left_out_and_told(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert((1..=3).map(|seq| fixture.task(seq))).await;
        fixture.commit(&attempts((1..=3).map(|seq| attempt(seq, 0, 1)))).await;

        db.execute("UPDATE tasks SET stage = 'sleeping' WHERE seq = 2").await;

        let open = fixture.store.load_open().await.unwrap();
        assert_eq!(open.tasks.iter().map(|task| task.seq).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(open.attempts.iter().map(|attempt| attempt.id.task).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(open.corrupt, ["tasks 2: column stage holds `sleeping`"]);
        let found = fixture.store.find_record(task_id(2)).await;
        assert!(matches!(found, Err(Error::Corrupt { table: "tasks", .. })), "{found:?}");
        assert_eq!(fixture.store.list_tasks(&ListTasks::default()).await.unwrap().items.len(), 2);
    }

    async fn a_task_with_a_damaged_attempt_is_left_out_as_a_whole(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert((1..=2).map(|seq| fixture.task(seq))).await;
        fixture.commit(&attempts([attempt(1, 0, 1), attempt(1, 0, 2), attempt(2, 0, 1)])).await;

        db.execute("UPDATE attempts SET exit = '{\"kind\": \"melted\"}' WHERE task = 1 AND number = 2").await;

        let open = fixture.store.load_open().await.unwrap();
        assert_eq!(open.tasks.iter().map(|task| task.seq).collect::<Vec<_>>(), [2]);
        assert_eq!(open.attempts.len(), 1);
        assert_eq!(open.corrupt, ["attempts 1/0/2: column exit is not the JSON it should be"]);
    }

    async fn tasks_of_a_damaged_plan_are_left_out(db) {
        let fixture = Fixture::new(&db).await;
        let other = lp_protocol::AppId::random();
        let app = fixture.store.create_app(fixture.epoch, other, package("other")).await.unwrap();
        let mut task = fixture.task(2);
        task.version_id = app.version.version_id;
        fixture.insert([fixture.task(1), task]).await;

        db.execute(&format!("UPDATE versions SET plan = '{{' WHERE version_id = {}", fixture.version_id)).await;

        let open = fixture.store.load_open().await.unwrap();
        assert_eq!(open.tasks.iter().map(|task| task.seq).collect::<Vec<_>>(), [2]);
        assert_eq!(open.corrupt.len(), 2, "{:?}", open.corrupt);
        assert!(fixture.store.find_app(fixture.app_id).await.is_err());
        assert!(fixture.store.find_app(other).await.is_ok());
        let update = lp_manager::store::PackageUpdate {
            name: None,
            description: None,
            version: Some(version('b')),
            update_at: at(1),
        };
        fixture.store.update_app(fixture.epoch, fixture.app_id, update).await.unwrap();
    }
}

#[tokio::test]
async fn a_column_of_the_wrong_kind_is_damage_too() {
    // only SQLite lets anybody write it
    let db = crate::db::Db::sqlite();
    let fixture = Fixture::new(&db).await;
    fixture.insert([fixture.task(1), fixture.task(2)]).await;

    db.execute("UPDATE tasks SET priority = 'high', create_at = x'00' WHERE seq = 1").await;

    let open = fixture.store.load_open().await.unwrap();
    assert_eq!(open.tasks.iter().map(|task| task.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(open.corrupt, ["tasks 1: a column cannot be read"]);
}
