//! What a request says about times, checked: LitePipeline's four numbers or a cron expression, a zone, a jitter.

use std::sync::OnceLock;
use std::time::Duration;

use chrono_tz::Tz;
use lp_protocol::units::duration_from_seconds;

use super::super::failure::Failure;
use crate::core::schedule::parse_zone;
use crate::core::schedule::record::{Daily, Times};

/// A later firing than this is another time.
const MAX_JITTER: Duration = Duration::from_secs(24 * 3600);

/// The numbers and the expression of a request, as they came.
pub(super) struct Given {
    pub(super) minute: Option<i32>,
    pub(super) hour: Option<i32>,
    pub(super) day_of_month: Option<i32>,
    pub(super) day_of_week: Option<i32>,
    pub(super) cron: Option<String>,
}

impl Given {
    /// The times; what is not given is as in `before`. None where nothing is given.
    pub(super) fn times(self, before: Daily) -> Result<Option<Times>, Failure> {
        let Given { minute, hour, day_of_month, day_of_week, cron } = self;
        let numbers = [minute, hour, day_of_month, day_of_week];
        let is_daily = numbers.iter().any(Option::is_some);
        match cron {
            // -1 is what LitePipeline's clients send for what they were not given
            Some(cron) if numbers.iter().all(|number| number.unwrap_or(-1) == -1) => {
                Ok(Some(Times::Cron(cron.trim().into())))
            }
            Some(_) => Err(Failure::invalid(
                "give either `cron`, or `minute`, `hour`, `day_of_month` and `day_of_week`, not both",
            )),
            None if !is_daily => Ok(None),
            None => {
                let part = |name, given, lowest, highest, before| match given {
                    None => Ok(before),
                    Some(number) => part(name, number, lowest, highest),
                };
                Ok(Some(Times::Daily(Daily {
                    minute: part("minute", minute, 0, 59, before.minute)?,
                    hour: part("hour", hour, 0, 23, before.hour)?,
                    day_of_month: part("day_of_month", day_of_month, 1, 31, before.day_of_month)?,
                    day_of_week: part("day_of_week", day_of_week, 1, 7, before.day_of_week)?,
                })))
            }
        }
    }
}

fn part(name: &str, number: i32, lowest: u8, highest: u8) -> Result<Option<u8>, Failure> {
    if number == -1 {
        return Ok(None);
    }
    let fits = u8::try_from(number).ok().filter(|number| (lowest..=highest).contains(number));
    let days = if name == "day_of_week" { ", Monday to Sunday" } else { "" };
    fits.map(Some).ok_or_else(|| {
        Failure::invalid(format!(
            "`{name}` is {number}; it goes from {lowest} to {highest}{days}, and -1 is any"
        ))
    })
}

/// The name of a zone as the database has it; where none is given, the manager's.
pub(super) fn zone(given: Option<String>) -> Result<Box<str>, Failure> {
    let Some(given) = given else { return Ok(manager_zone().name().into()) };
    if let Ok(zone) = parse_zone(&given) {
        return Ok(zone.name().into());
    }
    let lower = given.to_ascii_lowercase();
    let near = |zone: &&Tz| strsim::jaro_winkler(&zone.name().to_ascii_lowercase(), &lower);
    let best = chrono_tz::TZ_VARIANTS.iter().max_by(|one, other| near(one).total_cmp(&near(other)));
    let shown: String = given.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let failure = Failure::invalid(format!("`{shown}` is not a time zone of the IANA database"));
    Err(match best.filter(|zone| near(zone) > 0.85) {
        Some(zone) => failure.hint(format!("Did you mean {}?", zone.name())),
        None => failure.hint("For example Europe/Berlin, America/New_York or UTC."),
    })
}

/// The zone of the machine: `TZ` where that names one, else what the system says, else UTC.
fn manager_zone() -> Tz {
    static ZONE: OnceLock<Tz> = OnceLock::new();
    *ZONE.get_or_init(|| {
        let named = std::env::var("TZ").ok().and_then(|name| name.trim_start_matches(':').parse().ok());
        let system = || iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok());
        named.or_else(system).unwrap_or(Tz::UTC)
    })
}

pub(super) fn jitter(seconds: f64) -> Result<Duration, Failure> {
    duration_from_seconds(seconds)
        .filter(|jitter| *jitter <= MAX_JITTER)
        .ok_or_else(|| Failure::invalid(format!("{seconds} seconds is not a jitter; it is at most a day")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(numbers: [Option<i32>; 4], cron: Option<&str>) -> Result<Option<String>, String> {
        let [minute, hour, day_of_month, day_of_week] = numbers;
        let given = Given { minute, hour, day_of_month, day_of_week, cron: cron.map(str::to_owned) };
        let times = given.times(Daily::default()).map_err(|failure| failure.to_string())?;
        Ok(times.map(|times| times.cron()))
    }

    #[test]
    fn litepipelines_numbers_mean_one_time_of_the_day() {
        for (numbers, cron) in [
            ([Some(40), Some(12), None, None], "40 12 * * *"),
            ([Some(40), None, None, None], "40 0 * * *"),
            ([None, Some(12), None, None], "0 12 * * *"),
            ([Some(-1), Some(-1), Some(-1), Some(-1)], "0 0 * * *"),
            ([Some(0), Some(6), Some(31), None], "0 6 31 * *"),
            // Sunday
            ([Some(0), Some(6), None, Some(7)], "0 6 * * 7"),
            // the day of the month wins
            ([Some(0), Some(6), Some(1), Some(3)], "0 6 1 * *"),
        ] {
            assert_eq!(times(numbers, None), Ok(Some(cron.to_owned())));
        }
        assert_eq!(times([None; 4], None), Ok(None));
        assert_eq!(times([Some(-1); 4], Some(" @daily ")), Ok(Some("@daily".to_owned())));
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_name() {
        for (numbers, name) in [
            ([Some(60), None, None, None], "`minute` is 60"),
            ([None, Some(24), None, None], "`hour` is 24"),
            ([None, None, Some(0), None], "`day_of_month` is 0"),
            ([None, None, Some(32), None], "`day_of_month` is 32"),
            ([None, None, None, Some(0)], "`day_of_week` is 0"),
            ([None, None, None, Some(8)], "`day_of_week` is 8"),
            ([Some(-2), None, None, None], "`minute` is -2"),
        ] {
            assert!(times(numbers, None).unwrap_err().contains(name), "{name}");
        }
        assert!(times([Some(5), None, None, None], Some("@daily")).unwrap_err().contains("not both"));
    }

    #[test]
    fn a_zone_is_one_of_the_database_or_the_managers() {
        assert_eq!(&*zone(Some("Europe/Berlin".to_owned())).unwrap(), "Europe/Berlin");
        assert!(zone(None).unwrap().parse::<Tz>().is_ok());
        let refused = zone(Some("europe/berlin".to_owned())).unwrap_err();
        assert_eq!(refused.error.hint.as_deref(), Some("Did you mean Europe/Berlin?"));
        assert!(zone(Some("Mars/Olympus".to_owned())).is_err());
        assert!(zone(Some("+02:00".to_owned())).is_err());
    }
}
