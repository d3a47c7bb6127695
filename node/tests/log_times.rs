//! When outputs were written: marked while programs run, over restarts of the node, and told with the end.

mod support;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_protocol::frames::{Finish, ManagerFrame, StreamRequest};
use lp_protocol::marks::{Mark, Marks};
use lp_protocol::{AttemptKey, ErrorCode, TaskId};
use support::{Site, until};

/// A tick of the clock that file systems take, and more.
const TICK_MS: u64 = 20;

/// Prints a line for each gate that opens.
const GATED: &str =
    "for n in 1 2 3; do echo line $n; until [ -e \"$LP_WORKSPACE/$n\" ]; do sleep 0.01; done; done #";

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn open_gate(site: &Site, key: &AttemptKey, number: u32) {
    fs::write(site.workspace(key).join(number.to_string()), "").unwrap();
}

/// The marks as the node tells them now; `number` names the stream.
async fn ask(site: &Site, key: &AttemptKey, number: u64) -> Marks {
    let what = StreamRequest::LogTimes { attempt: key.clone() };
    site.manager.send(ManagerFrame::OpenStream { stream_id: number, what });
    let ended = |facts: &mut support::manager::Facts| {
        facts.streams.get(&number).filter(|(_, end)| *end).map(|(bytes, _)| bytes.clone())
    };
    Marks::decode(&site.manager.wait("the marks", ended).await).unwrap()
}

/// Waits until the output has a mark at `offset`.
async fn marked(site: &Site, key: &AttemptKey, offset: u64, streams: std::ops::Range<u64>) -> Mark {
    for number in streams {
        if let Some(mark) = ask(site, key, number).await.last().filter(|mark| mark.offset == offset) {
            return mark;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no mark at {offset}");
}

fn told(finish: &Finish) -> Vec<Mark> {
    let told = finish.log_times.as_ref().map(|text| Marks::decode(&STANDARD.decode(text).unwrap()).unwrap());
    told.unwrap_or_default().iter().collect()
}

#[tokio::test]
async fn each_line_after_a_pause_has_its_mark_live_and_with_the_end() {
    let site = Site::start("").await;
    let key = site.assign_line(GATED);
    let first = marked(&site, &key, 7, 1..1000).await;
    let opened = now_ms();
    open_gate(&site, &key, 1);
    let second = marked(&site, &key, 14, 1000..2000).await;
    open_gate(&site, &key, 2);
    open_gate(&site, &key, 3);

    let finish = site.manager.finish_of(&key).await;

    assert!(first.at_ms <= opened && second.at_ms + TICK_MS >= opened, "{first:?} {opened} {second:?}");
    let marks = told(&finish);
    assert_eq!(marks.iter().map(|mark| mark.offset).collect::<Vec<_>>(), [7, 14, 21]);
    assert_eq!(marks[..2], [first, second]);
    let (start, end) = (finish.start_at.unwrap().timestamp_millis(), finish.end_at.timestamp_millis());
    let within = |mark: &Mark| (start as u64 - TICK_MS..=end as u64).contains(&mark.at_ms);
    assert!(marks.iter().all(within), "{marks:?} not in {start}..{end}");
    // until the manager has it the node still knows
    assert_eq!(fs::read_dir(site.data().join("log-times")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_short_program_is_told_without_marks() {
    let site = Site::start("").await;

    for _ in 0..5 {
        let key = site.assign_line("echo hi #");
        let finish = site.manager.finish_of(&key).await;
        let took = finish.end_at - finish.start_at.unwrap();
        assert_eq!(finish.log_times.is_some(), took.num_milliseconds() >= 100, "{took}");
    }
}

#[tokio::test]
async fn a_node_that_was_killed_goes_on_with_its_marks_and_dates_what_it_has_missed() {
    let mut site = Site::start("").await;
    let key = site.assign_line(GATED);
    let first = marked(&site, &key, 7, 1..1000).await;
    open_gate(&site, &key, 1);
    marked(&site, &key, 14, 1000..2000).await;
    let name = format!("{}.{}.{}", key.task_id, key.action, key.attempt);
    let file = site.data().join("log-times").join(name);
    until("the first mark is written down", || fs::metadata(&file).is_ok_and(|facts| facts.len() > 2)).await;
    site.kill_node();
    // what is sent before it is noticed goes nowhere
    site.manager.wait("the end of the link", |facts| facts.link.is_none().then_some(())).await;
    open_gate(&site, &key, 2);
    let output = site.workspace(&key).join("stdout.data");
    until("the third line", || fs::metadata(&output).unwrap().len() == 21).await;
    let missed = now_ms();

    site.manager.facts().streams.clear();
    site.start_node();
    site.manager.linked().await;
    let third = marked(&site, &key, 21, 2000..3000).await;
    open_gate(&site, &key, 3);
    let finish = site.manager.finish_of(&key).await;

    assert!(third.at_ms <= missed, "{third:?} {missed}");
    let marks = told(&finish);
    assert_eq!((marks.first(), marks.last()), (Some(&first), Some(&third)));
    until("its file is gone", || !file.exists()).await;
}

#[tokio::test]
async fn of_an_attempt_it_does_not_have_the_node_tells_nothing() {
    let site = Site::start("").await;
    let attempt = AttemptKey { task_id: TaskId::random(), action: "a".into(), attempt: 1 };

    site.manager.send(ManagerFrame::OpenStream { stream_id: 9, what: StreamRequest::LogTimes { attempt } });

    let failed = |facts: &mut support::manager::Facts| {
        facts.others.iter().find_map(|frame| match frame {
            lp_protocol::frames::NodeFrame::StreamFailed { stream_id: 9, error } => Some(error.code),
            _ => None,
        })
    };
    assert_eq!(site.manager.wait("a refusal", failed).await, ErrorCode::Gone);
}
