//! The calendar against lists that were made without it.

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use sha2::{Digest as _, Sha256};

use crate::core::schedule::Calendar;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn calendar(cron: &str, zone: &str) -> Calendar {
    Calendar::new(cron, zone.parse().unwrap(), time("2000-01-01T00:00:00Z")).unwrap()
}

/// The instants of a time, its beginning excluded and its end included.
fn between(calendar: &Calendar, begin: DateTime<Utc>, end: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut found = Vec::new();
    let mut last = begin;
    while let Some(next) = calendar.next_after(last).filter(|next| *next <= end) {
        assert!(next > last);
        found.push(next);
        last = next;
    }
    found
}

#[test]
fn five_zones_over_years_have_the_instants_that_pythons_zoneinfo_finds() {
    for line in include_str!("instants.txt").lines() {
        let [zone, cron, first, last, count, digest] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let day = |text: &str| text.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();

        let instants = between(&calendar(cron, zone), day(first), day(last));

        let list: String = instants.iter().map(|instant| format!("{}\n", instant.timestamp())).collect();
        assert_eq!(instants.len().to_string(), count, "{line}");
        assert_eq!(format!("{:x}", Hex(&Sha256::digest(list))), digest, "{line}");
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::LowerHex for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[test]
fn every_minute_of_400_days_in_five_zones_is_looked_at_by_itself() {
    let begin = time("2026-01-01T00:00:00Z");
    let end = begin + TimeDelta::days(400);
    for zone in
        ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago"]
    {
        let tz: Tz = zone.parse().unwrap();
        let calendar = calendar("*/10 * * * 1-5", zone);
        let mut expected = Vec::new();
        let mut moment = begin + TimeDelta::minutes(1);
        while moment <= end {
            let wall = moment.with_timezone(&tz);
            let weekday = chrono::Datelike::weekday(&wall).num_days_from_monday();
            if wall.minute().is_multiple_of(10) && weekday < 5 {
                expected.push(moment);
            }
            moment += TimeDelta::minutes(1);
        }

        assert!(between(&calendar, begin, end) == expected, "{zone}");
    }
}

#[test]
fn a_named_time_in_a_gap_happens_at_the_first_moment_after_it() {
    for (zone, cron, from, next) in [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("America/New_York", "15 2 8 3 *", "2026-01-01T00:00:00Z", "2026-03-08T07:00:00Z"),
        // half an hour is skipped
        ("Australia/Lord_Howe", "10 2 * * *", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"),
        // midnight itself is skipped
        ("America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"),
        // a whole day was
        ("Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"),
    ] {
        assert_eq!(calendar(cron, zone).next_after(time(from)), Some(time(next)), "{zone} {cron}");
    }
}

#[test]
fn several_named_times_in_one_gap_are_one_instant() {
    let berlin = calendar("0,20,40 2-3 * * *", "Europe/Berlin");

    let instants = between(&berlin, time("2026-03-29T00:00:00Z"), time("2026-03-29T12:00:00Z"));

    let expected = ["2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z", "2026-03-29T01:40:00Z"];
    assert_eq!(instants, expected.map(time));
}

#[test]
fn a_named_time_in_a_fold_happens_at_its_first_coming_only() {
    let berlin = calendar("30 2 * * *", "Europe/Berlin");

    let instants = between(&berlin, time("2026-10-24T12:00:00Z"), time("2026-10-26T12:00:00Z"));

    assert_eq!(instants, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"].map(time));
    // also where the search begins between the two
    assert_eq!(berlin.next_after(time("2026-10-25T00:45:00Z")), Some(time("2026-10-26T01:30:00Z")));
}

#[test]
fn what_names_no_hour_follows_elapsed_time_through_gap_and_fold() {
    let berlin = calendar("*/30 * * * *", "Europe/Berlin");
    for from in ["2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z"] {
        let instants = between(&berlin, time(from), time(from) + TimeDelta::hours(6));

        assert_eq!(instants.len(), 12, "{from}");
        assert!(instants.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::minutes(30)), "{from}");
    }
}

#[test]
fn the_next_instant_is_the_same_wherever_between_two_one_asks() {
    let calendar = calendar("17 * * * *", "America/New_York");
    let mut moment = time("2026-10-31T20:00:00Z");
    while moment < time("2026-11-02T00:00:00Z") {
        let next = calendar.next_after(moment).unwrap();

        assert_eq!(calendar.next_after(next - TimeDelta::milliseconds(1)), Some(next));
        moment += TimeDelta::seconds(97);
    }
}

#[test]
fn rare_days_are_found_and_days_that_never_come_are_refused() {
    let leap = calendar("0 12 29 2 *", "UTC");
    assert_eq!(leap.next_after(time("2096-03-01T00:00:00Z")), Some(time("2104-02-29T12:00:00Z")));
    let leap_by_the_hour = calendar("0 * 29 2 *", "Europe/Berlin");
    assert_eq!(leap_by_the_hour.next_after(time("2096-03-01T00:00:00Z")), Some(time("2104-02-28T23:00:00Z")));
    let monday = calendar("0 0 29 2 +mon", "UTC");
    assert_eq!(monday.next_after(time("2073-01-01T00:00:00Z")), Some(time("2112-02-29T00:00:00Z")));

    for cron in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 * 31 2 *"] {
        let refused = Calendar::new(cron, Tz::UTC, time("2026-01-01T00:00:00Z"));
        assert!(refused.unwrap_err().to_string().contains("never happens"), "{cron}");
    }
}

#[test]
fn seconds_are_a_sixth_field_in_front() {
    let calendar = calendar("*/20 40 12 * * 1-5", "UTC");

    let instants = between(&calendar, time("2026-11-20T12:00:00Z"), time("2026-11-23T12:40:10Z"));

    let expected =
        ["2026-11-20T12:40:00Z", "2026-11-20T12:40:20Z", "2026-11-20T12:40:40Z", "2026-11-23T12:40:00Z"];
    assert_eq!(instants, expected.map(time));
}
