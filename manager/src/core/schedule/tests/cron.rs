//! What cron expressions mean, and what is not one.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::core::schedule::Calendar;

/// A Sunday.
fn begin() -> DateTime<Utc> {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

/// The first instants after the beginning of a Sunday, as `day hour:minute`.
fn first(cron: &str, count: usize) -> Vec<String> {
    let calendar = Calendar::new(cron, Tz::UTC, begin()).unwrap_or_else(|error| panic!("{cron}: {error}"));
    let mut instants = Vec::new();
    let mut last = begin();
    for _ in 0..count {
        last = calendar.next_after(last).unwrap();
        instants.push(last.format("%m-%d %H:%M").to_string());
    }
    instants
}

#[test]
fn fields_names_lists_ranges_and_nicknames_mean_what_crontab_says() {
    for (cron, expected) in [
        ("40 12 * * *", ["11-01 12:40", "11-02 12:40"]),
        ("40 12 * * 1-5", ["11-02 12:40", "11-03 12:40"]),
        ("40 12 * * MON-FRI", ["11-02 12:40", "11-03 12:40"]),
        ("0 0 * * 7", ["11-08 00:00", "11-15 00:00"]),
        ("0 0 * * 0", ["11-08 00:00", "11-15 00:00"]),
        ("0 0 * * sat-sun", ["11-07 00:00", "11-08 00:00"]),
        ("0 6,18 * * *", ["11-01 06:00", "11-01 18:00"]),
        ("5-59/25 8 * * *", ["11-01 08:05", "11-01 08:30"]),
        ("0 0 1 jan,Jul *", ["01-01 00:00", "07-01 00:00"]),
        // either day where both are restricted
        ("0 0 13 * fri", ["11-06 00:00", "11-13 00:00"]),
        // both with a plus
        ("0 0 13 * +fri", ["11-13 00:00", "08-13 00:00"]),
        ("0 0 ? * 2", ["11-03 00:00", "11-10 00:00"]),
        ("0 0 L * *", ["11-30 00:00", "12-31 00:00"]),
        ("0 0 * * 5#2", ["11-13 00:00", "12-11 00:00"]),
        ("@hourly", ["11-01 01:00", "11-01 02:00"]),
        ("@daily", ["11-02 00:00", "11-03 00:00"]),
        ("@Midnight", ["11-02 00:00", "11-03 00:00"]),
        ("@weekly", ["11-08 00:00", "11-15 00:00"]),
        ("@monthly", ["12-01 00:00", "01-01 00:00"]),
        ("@yearly", ["01-01 00:00", "01-01 00:00"]),
        ("  0   5 * *   * ", ["11-01 05:00", "11-02 05:00"]),
    ] {
        assert_eq!(first(cron, 2), expected, "{cron}");
    }
}

#[test]
fn what_is_no_cron_expression_is_refused_by_the_name_of_its_field() {
    for (cron, part) in [
        ("", "is empty"),
        ("   ", "is empty"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("@reboot", "@hourly"),
        ("@dayly", "@daily"),
        ("60 * * * *", "field minute cannot be `60`"),
        ("* 24 * * *", "field hour cannot be `24`"),
        ("* * 0 * *", "field day of month cannot be `0`"),
        ("* * 32 * *", "field day of month cannot be `32`"),
        ("* * * 13 *", "field month cannot be `13`"),
        ("* * * * 8", "field day of week cannot be `8`"),
        ("61 * * * * *", "field second cannot be `61`"),
        ("*/0 * * * *", "field minute cannot be `*/0`"),
        ("5/10 * * * *", "field minute cannot be `5/10`"),
        ("50-10 * * * *", "field minute cannot be `50-10`"),
        ("1,,2 * * * *", "a part of the list is empty"),
        (", * * * *", "a part of the list is empty"),
        ("mon * * * *", "`mon` has no meaning there"),
        ("0 0 * * monday", "`monday` has no meaning there"),
        ("0 0 * january *", "`january` has no meaning there"),
        ("0 0 * * fri-mon", "field day of week cannot be `fri-mon`"),
        ("? 0 * * *", "`?` has no meaning there"),
        ("L 0 * * *", "`l` has no meaning there"),
        ("0 0 +1 * *", "`+` has no meaning there"),
        ("-5 0 * * *", "field minute"),
        ("0 0 * * 1#9", "field day of week"),
        ("x y z w v", "field minute"),
        ("٣ 0 * * *", "field minute"),
        ("0 0 31 2 *", "never happens"),
    ] {
        let refused = Calendar::new(cron, Tz::UTC, begin()).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(part), "{cron}: {refused}");
    }
    let long = format!("{} * * * *", ["0"; 600].join(","));
    assert!(Calendar::new(&long, Tz::UTC, begin()).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[ -~]{0,40}", fields in "([0-9*,/#LW+-]{1,4} ){5}") {
        for text in [text, fields] {
            let _any_answer_will_do = Calendar::new(&text, Tz::UTC, begin());
        }
    }
}
