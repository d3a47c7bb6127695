//! Schedules over more than a year in five zones, against a list made by looking at every minute.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use lp_protocol::InstantState;
use lp_protocol::views::Catchup;
use uuid::Uuid;

use super::random::Random;
use super::schedule_rules::{bench, create, time};
use super::standing::schedule;
use crate::core::schedule::record::ScheduleRecord;

/// Looks at every minute by itself: a named time happens at its first coming, and a skipped one in the first minute after the gap.
fn oracle(
    tz: Tz,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    named: impl Fn(NaiveDateTime) -> bool,
) -> Vec<DateTime<Utc>> {
    let minute = TimeDelta::minutes(1);
    let mut latest = begin.with_timezone(&tz).naive_local();
    let mut found = Vec::new();
    let mut moment = begin + minute;
    while moment <= end {
        let wall = moment.with_timezone(&tz).naive_local();
        let mut fires = wall > latest && named(wall);
        while latest + minute < wall {
            latest += minute;
            fires |= named(latest);
        }
        latest = latest.max(wall);
        if fires {
            found.push(moment);
        }
        moment += minute;
    }
    found
}

/// Must-show 5: whatever restarts, losses of a batch and absences there are, each instant of 400 days fires exactly once.
#[test]
fn four_hundred_days_in_five_zones_fire_each_instant_exactly_once_whatever_restarts() {
    let begin = time("2026-01-01T00:00:00Z");
    let end = begin + TimeDelta::days(400);
    let zones =
        ["Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata"];
    let seed = Uuid::new_v4().as_u64_pair().0;
    let mut random = Random::new(seed);
    for (number, zone) in zones.into_iter().enumerate() {
        let mut bench = bench("2026-01-01T00:00:00Z");
        let record = ScheduleRecord {
            catchup: Catchup::All(Catchup::MOST),
            ..schedule(number as u64, "30 0,2,12 * * *", zone, begin)
        };
        create(&mut bench, record);
        while bench.now.wall < end {
            let wait = if random.one_in(20) { random.below(200_000) } else { random.below(9000) };
            let left = (end - bench.now.wall).num_seconds() as f64;
            bench.pass((wait as f64).min(left));
            match random.below(30) {
                // dies before it has committed what it decided
                0 => {
                    let sources = bench.model.standing.sources(&bench.core.wanted_sources(bench.now));
                    bench.core.fire_timers(bench.now, &sources);
                    bench.reload();
                }
                1 => bench.reload(),
                _ => {}
            }
            bench.commit();
        }
        bench.turns();

        let rows = bench.model.standing.instants.values();
        let fired: Vec<_> =
            rows.filter(|row| row.state == InstantState::Fired).map(|row| row.instant).collect();
        let named = |wall: NaiveDateTime| wall.minute() == 30 && [0, 2, 12].contains(&wall.hour());
        assert!(fired == oracle(zone.parse().unwrap(), begin, end, named), "{zone}, seed {seed}");
        assert_eq!(bench.made().len(), fired.len(), "{zone}, seed {seed}");
    }
}
