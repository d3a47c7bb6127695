//! Rules of schedules, one by one, and their instants over a year and more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use lp_protocol::views::Catchup;
use lp_protocol::{AppId, Exit, InstantState, Overlap, ScheduleId, Stage, TaskId};
use uuid::Uuid;

use super::bench::Bench;
use super::plans;
use super::standing::schedule;
use crate::core::record::Origin;
use crate::core::schedule::record::{InstantRecord, ScheduleRecord};
use crate::core::schedule::{ScheduleEdit, sources_of};
use crate::core::{Core, Settings};

pub(super) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A bench at this time, with an application, that has a way to run it.
pub(super) fn bench(at: &str) -> Bench {
    let mut bench = Bench::new();
    bench.now.wall = time(at);
    bench.model.plans.insert(1, Arc::new(plans::plan("a")));
    let app = AppId(Uuid::from_u64_pair(3, 7));
    bench.model.standing.apps.insert(app, (1, Arc::new(plans::plan("a"))));
    bench
}

pub(super) fn create(bench: &mut Bench, record: ScheduleRecord) -> ScheduleId {
    bench.core.create_schedule(bench.now, record.clone(), None).unwrap();
    bench.turn();
    record.schedule_id
}

impl Bench {
    /// The wall clock goes to this time, and the other as far.
    pub(super) fn reach(&mut self, at: &str) {
        let wait = (time(at) - self.now.wall).to_std().unwrap();
        self.pass(wait.as_secs_f64());
    }

    pub(super) fn reload(&mut self) {
        self.core = Core::load(self.now, Settings::default(), self.model.load());
    }

    /// A turn without a look at everything.
    pub(super) fn commit(&mut self) {
        let sources = self.model.standing.sources(&self.core.wanted_sources(self.now));
        self.core.fire_timers(self.now, &sources);
        let outcome = self.core.take_outcome();
        self.model.commit(&outcome.changes);
    }

    /// Turns until nothing more is due.
    pub(super) fn turns(&mut self) {
        for _ in 0..20 {
            self.turn();
        }
    }

    /// The history, as `day hour:minute state`.
    pub(super) fn history(&self) -> Vec<String> {
        let told = |row: &InstantRecord| format!("{} {}", row.instant.format("%d %H:%M"), row.state.as_str());
        self.model.standing.instants.values().map(told).collect()
    }

    pub(super) fn made(&self) -> Vec<TaskId> {
        let made = self.model.tasks.values().filter(|task| matches!(task.origin, Some(Origin::Schedule(_))));
        made.map(|task| task.task_id).collect()
    }
}

#[test]
fn an_instant_fires_once_when_it_has_come() {
    let mut bench = bench("2026-11-22T12:00:00Z");
    let now = bench.now.wall;
    create(&mut bench, schedule(1, "40 12 * * *", "UTC", now));

    bench.reach("2026-11-22T12:39:59Z");
    bench.turns();
    assert!(bench.made().is_empty());
    bench.reach("2026-11-22T12:40:00Z");
    bench.turns();

    assert_eq!(bench.history(), ["22 12:40 fired"]);
    assert_eq!(bench.made().len(), 1);
    let row = bench.model.standing.instants.values().next().unwrap();
    assert_eq!(row.task_id, Some(bench.made()[0]));
}

#[test]
fn a_schedule_made_disabled_never_fires_and_one_enabled_later_begins_then() {
    let mut bench = bench("2026-11-22T12:00:00Z");
    let record = ScheduleRecord { enable: false, ..schedule(1, "@hourly", "UTC", bench.now.wall) };
    let id = create(&mut bench, record);

    bench.reach("2026-11-22T15:30:00Z");
    bench.turns();
    bench.reload();
    bench.turns();
    assert!(bench.history().is_empty());
    let enable = ScheduleEdit { enable: Some(true), ..ScheduleEdit::default() };
    bench.core.update_schedule(bench.now, id, enable).unwrap();
    bench.turns();
    bench.reach("2026-11-22T16:00:00Z");
    bench.turns();

    assert_eq!(bench.history(), ["22 16:00 fired"]);
}

#[test]
fn missed_instants_are_caught_up_on_as_the_schedule_says() {
    for (catchup, expected) in [
        (Catchup::None, "13 skipped, 14 skipped, 15 skipped, 16 skipped, 17 fired"),
        (Catchup::Last, "13 skipped, 14 skipped, 15 skipped, 16 fired, 17 fired"),
        (Catchup::All(2), "13 skipped, 14 skipped, 15 fired, 16 fired, 17 fired"),
        (Catchup::All(1000), "13 fired, 14 fired, 15 fired, 16 fired, 17 fired"),
    ] {
        let mut bench = bench("2026-11-22T12:30:00Z");
        let record = ScheduleRecord { catchup, ..schedule(1, "@hourly", "UTC", bench.now.wall) };
        create(&mut bench, record);

        // nobody was there from 13:00 to 16:00, and 17:00 is half a minute late
        bench.reach("2026-11-22T17:00:30Z");
        bench.reload();
        bench.turns();

        let rows = bench.model.standing.instants.values();
        let told = rows.map(|row| format!("{} {}", row.instant.hour(), row.state.as_str()));
        assert_eq!(told.collect::<Vec<_>>().join(", "), expected, "{catchup}");
    }
}

#[test]
fn after_a_year_away_the_newest_thousand_are_looked_at_and_no_more() {
    let mut bench = bench("2026-01-01T00:00:30Z");
    let record =
        ScheduleRecord { catchup: Catchup::All(5), ..schedule(1, "* * * * * *", "UTC", bench.now.wall) };
    create(&mut bench, record);

    bench.reach("2027-01-01T00:00:00.5Z");
    bench.reload();
    bench.turns();

    assert_eq!(bench.history().len(), 1000);
    // a minute's worth was not missed but late
    assert_eq!(bench.made().len(), 5 + 60);
}

#[test]
fn a_clock_set_back_fires_nothing_twice_and_one_set_forward_loses_nothing() {
    let mut bench = bench("2026-11-22T12:30:00Z");
    let record =
        ScheduleRecord { catchup: Catchup::All(1000), ..schedule(1, "@hourly", "UTC", bench.now.wall) };
    create(&mut bench, record);
    bench.reach("2026-11-22T14:00:00Z");
    bench.turns();

    bench.now.wall -= TimeDelta::hours(2);
    for _ in 0..300 {
        bench.pass(60.0);
        bench.turn();
    }
    bench.now.wall += TimeDelta::hours(2);
    for _ in 0..2 {
        bench.pass(60.0);
        bench.turn();
    }

    let fired: Vec<u32> = bench.model.standing.instants.values().map(|row| row.instant.hour()).collect();
    assert_eq!(fired, (13..=19).collect::<Vec<_>>());
    assert_eq!(bench.made().len(), 7);
}

#[test]
fn overlapping_instants_are_allowed_skipped_queued_or_kill_the_earlier_ones() {
    for (overlap, history, open) in [
        (Overlap::Allow, ["fired", "fired", "fired"], 3),
        (Overlap::Skip, ["fired", "skipped", "skipped"], 1),
        (Overlap::Queue, ["fired", "waiting", "waiting"], 1),
        (Overlap::Kill, ["fired", "skipped", "waiting"], 1),
    ] {
        let mut bench = bench("2026-11-22T12:30:00Z");
        let node = bench.connect(1, 8);
        let record = ScheduleRecord { overlap, ..schedule(1, "@hourly", "UTC", bench.now.wall) };
        create(&mut bench, record);
        for hour in 13..=15 {
            bench.reach(&format!("2026-11-22T{hour}:00:00Z"));
            bench.core.take_frames(
                bench.now,
                node,
                vec![lp_protocol::frames::NodeFrame::Heartbeat { load: Default::default() }],
            );
            bench.turns();
        }

        let states: Vec<&str> =
            bench.model.standing.instants.values().map(|row| row.state.as_str()).collect();
        assert_eq!(states, history, "{overlap}");
        assert_eq!(bench.model.tasks.values().filter(|task| task.stage != Stage::Finished).count(), open);
        if overlap == Overlap::Kill {
            assert_eq!(bench.model.tasks.values().next().unwrap().stage, Stage::Stopping);
        }

        // the first one ends: what waits follows, one after the other
        let first = bench.made()[0];
        bench.finish(node, first, "a", 1, Exit::Code { code: 0 });
        bench.turns();
        let fired =
            bench.model.standing.instants.values().filter(|row| row.state == InstantState::Fired).count();
        let expected = if matches!(overlap, Overlap::Queue | Overlap::Kill) { 2 } else { open };
        assert_eq!(fired, expected, "{overlap}");
    }
}

#[test]
fn what_waits_is_bounded_and_survives_a_restart() {
    let mut bench = bench("2026-11-22T12:30:00Z");
    let record = ScheduleRecord {
        overlap: Overlap::Queue,
        catchup: Catchup::All(1000),
        ..schedule(1, "* * * * *", "UTC", bench.now.wall)
    };
    create(&mut bench, record);
    bench.reach("2026-11-22T14:30:00Z");
    bench.turns();
    bench.reload();
    bench.turns();

    let count = |state| bench.model.standing.instants.values().filter(|row| row.state == state).count();
    assert_eq!(count(InstantState::Fired), 1);
    assert_eq!(count(InstantState::Waiting), 100);
    assert_eq!(count(InstantState::Skipped), 19);
}

#[test]
fn a_trigger_fires_beside_the_calendar_and_by_the_rule_of_overlap() {
    let mut bench = bench("2026-11-22T12:30:00Z");
    let record = ScheduleRecord {
        overlap: Overlap::Skip,
        enable: false,
        ..schedule(1, "@hourly", "UTC", bench.now.wall)
    };
    let id = create(&mut bench, record.clone());
    let sources = bench.model.standing.sources(&sources_of(&record));

    let first = bench.core.trigger_schedule(bench.now, id, &sources).unwrap();
    let second = bench.core.trigger_schedule(bench.now, id, &sources).unwrap();
    bench.turns();

    assert_eq!((first.state, first.manual), (InstantState::Fired, true));
    assert_eq!(second.state, InstantState::Skipped);
    assert!(second.instant > first.instant);
    assert_eq!(bench.made().len(), 1);
}

#[test]
fn jitter_makes_later_by_up_to_its_length_and_the_same_after_a_restart() {
    let mut delays = BTreeSet::new();
    for restart in [false, true] {
        let mut bench = bench("2026-11-22T12:30:00Z");
        let record = ScheduleRecord {
            jitter: Duration::from_secs(600),
            ..schedule(1, "0 13 * * *", "UTC", bench.now.wall)
        };
        create(&mut bench, record);
        bench.reach("2026-11-22T13:00:00Z");
        let mut passed = 0;
        while bench.made().is_empty() {
            if restart {
                bench.reload();
            }
            bench.turn();
            bench.pass(1.0);
            passed += 1;
            assert!(passed <= 602);
        }
        delays.insert(passed);
    }

    assert_eq!(delays.len(), 1, "{delays:?}");
}

#[test]
fn start_and_end_bound_a_schedule() {
    let mut bench = bench("2026-11-22T12:30:00Z");
    let record = ScheduleRecord {
        start_at: Some(time("2026-11-22T14:00:00Z")),
        end_at: Some(time("2026-11-22T16:00:00Z")),
        ..schedule(1, "@hourly", "UTC", bench.now.wall)
    };
    create(&mut bench, record);
    for _ in 0..400 {
        bench.pass(60.0);
        bench.turn();
    }

    assert_eq!(bench.history(), ["22 14:00 fired", "22 15:00 fired", "22 16:00 fired"]);
}

#[test]
fn an_instant_of_a_deleted_application_is_skipped_with_the_reason() {
    let mut bench = bench("2026-11-22T12:30:00Z");
    let now = bench.now.wall;
    create(&mut bench, schedule(1, "@hourly", "UTC", now));
    bench.model.standing.apps.clear();

    bench.reach("2026-11-22T13:00:00Z");
    bench.turns();

    let row = bench.model.standing.instants.values().next().unwrap();
    assert_eq!(row.state, InstantState::Skipped);
    assert!(row.reason.as_deref().unwrap().contains("was deleted"));
}

#[test]
fn the_clock_is_looked_at_each_minute_while_there_are_schedules_and_not_at_all_without() {
    let mut bench = bench("2026-11-22T12:30:00Z");
    assert_eq!(bench.core.next_due(), None);
    let now = bench.now.wall;
    let id = create(&mut bench, schedule(1, "@daily", "UTC", now));

    let due = bench.core.next_due().unwrap();
    assert_eq!(due - bench.now.mono, Duration::from_secs(60));
    bench.core.delete_schedule(bench.now, id).unwrap();
    bench.turn();

    assert_eq!(bench.core.next_due(), None);
}
