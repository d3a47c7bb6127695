//! What is committed is what is loaded.

use lp_manager::core::record::{AttemptPayload, Changes};
use lp_protocol::{Exit, Stage, Status};

use crate::on_both_backends;
use crate::samples::{Fixture, at, attempt, json, new_task};

on_both_backends! {
    async fn what_was_committed_is_loaded(db) {
        let fixture = Fixture::new(&db).await;
        let mut task = fixture.task(1);
        let mut running = attempt(1, 0, 1);
        let mut new = new_task(task.clone());
        new.input = Some(json(r#"{"b": 1.50, "a": "\u0000"}"#));
        fixture.commit(&Changes { new_tasks: vec![new], ..Changes::default() }).await;

        task.stage = Stage::Running;
        task.start_at = Some(at(5));
        running.stage = Stage::Finished;
        running.status = Some(Status::Success);
        running.exit = Some(Exit::Code { code: 0 });
        let payload = AttemptPayload { output: Some(json(r#"{"x": 1e400}"#)), log: Some(b"\xff\0hello".to_vec()) };
        fixture.commit(&Changes {
            tasks: [(1, task.clone())].into(),
            attempts: [(running.id, running.clone())].into(),
            payloads: [(running.id, payload)].into(),
            ..Changes::default()
        }).await;

        let open = fixture.store.load_open().await.unwrap();
        assert_eq!(open.tasks, [task]);
        assert_eq!(open.attempts, [running.clone()]);
        assert_eq!(open.plans.len(), 1);
        assert_eq!(open.next_seq, 2);
        assert!(open.corrupt.is_empty());
        let inputs = fixture.store.load_inputs(&[1, 2]).await.unwrap();
        assert_eq!(inputs[&1].as_ref().unwrap().get(), r#"{"b": 1.50, "a": "\u0000"}"#);
        assert!(inputs[&2].is_none());
        let outputs = fixture.store.load_outputs(&[(1, 1, 0), (1, 1, 1), (1, 2, 0)]).await.unwrap();
        assert_eq!(outputs.len(), 2);
        assert_eq!(fixture.store.load_log(running.id).await.unwrap().unwrap(), b"\xff\0hello");
    }
}
