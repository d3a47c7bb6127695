use super::*;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn key() -> AttemptKey {
    AttemptKey { task_id: crate::TaskId::random(), action: "a b".into(), attempt: 1 }
}

#[test]
fn frames_carry_inputs_and_outputs_untouched() {
    let finish = Finish {
        exit: Exit::Code { code: 0 },
        start_at: None,
        end_at: DateTime::UNIX_EPOCH,
        output: Some(raw(r#"{"data": 1.10}"#)),
        log_bytes: 0,
        log: None,
        log_times: None,
        usage: Usage::default(),
        preparing: Vec::new(),
    };
    let report = Report { seq: 1, attempt: key(), event: AttemptEvent::Finished(Box::new(finish)) };
    let text = serde_json::to_string(&[NodeFrame::Reports { reports: vec![report] }]).unwrap();

    let frames: Vec<NodeFrame> = serde_json::from_str(&text).unwrap();

    let [NodeFrame::Reports { reports }] = frames.as_slice() else { panic!("{frames:?}") };
    let AttemptEvent::Finished(finish) = &reports[0].event else { panic!("{reports:?}") };
    assert_eq!(finish.output.as_ref().unwrap().get(), r#"{"data": 1.10}"#);
}

#[test]
fn a_frame_without_content_is_its_bare_name() {
    assert_eq!(serde_json::to_string(&ManagerFrame::HeartbeatAck).unwrap(), r#""heartbeat_ack""#);
}
