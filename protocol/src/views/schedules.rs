//! Schedules: tasks and works by the calendar, and the history of their instants.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{InstantState, Overlap, ScheduleId, Source, TaskId, WorkId};

/// What becomes of instants that were missed while the manager did not run: `none`, `last`, `all`, or `all:N` for the latest N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catchup {
    None,
    Last,
    All(u32),
}

impl Catchup {
    /// What `all` is: as many as the history keeps.
    pub const MOST: u32 = 1000;
}

impl fmt::Display for Catchup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Catchup::None => f.write_str("none"),
            Catchup::Last => f.write_str("last"),
            Catchup::All(Self::MOST) => f.write_str("all"),
            Catchup::All(most) => write!(f, "all:{most}"),
        }
    }
}

impl FromStr for Catchup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let most = |number: &str| number.parse().ok().filter(|most| (1..=Self::MOST).contains(most));
        match text.split_once(':') {
            None if text == "none" => Ok(Catchup::None),
            None if text == "last" => Ok(Catchup::Last),
            None if text == "all" => Ok(Catchup::All(Self::MOST)),
            Some(("all", number)) => most(number)
                .map(Catchup::All)
                .ok_or_else(|| format!("`{number}` is not a number from 1 to {}", Self::MOST)),
            _ => Err(format!("`{text}` is not one of none, last, all, and all:N")),
        }
    }
}

impl Serialize for Catchup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Catchup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Body of `POST /schedules`. The times are either LitePipeline's four numbers, of which -1 is "any" and one that is left out is -1, or `cron`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSchedule {
    /// Also the name of what it makes.
    pub schedule_name: String,
    pub source: Source,
    /// Of the application or workflow.
    pub source_id: Uuid,
    /// A JSON object; default `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub input_data: Option<Box<RawValue>>,
    /// 0-59; -1 is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<i32>,
    /// 0-23; -1 is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<i32>,
    /// 1-31; wins over the day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<i32>,
    /// 1-7, Monday to Sunday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<i32>,
    /// A cron expression of five fields, or six with seconds in front, or `@daily` and its like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// IANA name of the time zone; default the manager's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// Nothing fires before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<DateTime<Utc>>,
    /// Nothing fires after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// `none` (default), `last`, `all` or `all:N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub catchup: Option<Catchup>,
    /// Default `allow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Seconds by which an instant may fire later, drawn for each; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    #[serde(default)]
    pub enable: bool,
}

/// Body of `PATCH /schedules/{schedule}`: what is left out stays; `null` takes `start_at` and `end_at` away.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSchedule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_name: Option<String>,
    /// With `source_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub input_data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub start_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub end_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub catchup: Option<Catchup>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
}

/// A field that is there, if with null.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Query of `GET /schedules`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListSchedules {
    /// Beginning of a schedule's id, at least 4 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<String>,
    /// Of an application or a workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Uuid>,
    /// A glob over the name: `*` and `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScheduleView {
    pub schedule_id: ScheduleId,
    pub schedule_name: String,
    pub source: Source,
    pub source_id: Uuid,
    /// Empty where it was deleted.
    pub source_name: String,
    pub minute: i32,
    pub hour: i32,
    pub day_of_month: i32,
    pub day_of_week: i32,
    /// The expression it was made with, or the one that says the same as the four numbers.
    pub cron: String,
    /// The same in words: "at 12:40, Monday to Friday".
    #[serde(default)]
    pub words: String,
    pub tz: String,
    pub start_at: Option<DateTime<Utc>>,
    pub end_at: Option<DateTime<Utc>>,
    #[schema(value_type = String)]
    pub catchup: Catchup,
    pub overlap: Overlap,
    pub jitter: f64,
    pub enable: bool,
    /// Absent where it is disabled or has ended.
    pub next_at: Option<DateTime<Utc>>,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScheduleInfo {
    #[serde(flatten)]
    pub schedule: ScheduleView,
    #[schema(value_type = Object)]
    pub input_data: Box<RawValue>,
    /// The latest instants, newest first.
    pub instants: Vec<InstantView>,
}

/// An instant that has come.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InstantView {
    pub instant: DateTime<Utc>,
    /// The same by the clock of the schedule's zone.
    pub wall: String,
    /// Somebody triggered it.
    pub manual: bool,
    pub state: InstantState,
    /// When it was fired or skipped.
    pub decide_at: Option<DateTime<Utc>>,
    /// Why it was skipped, or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The task it has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    /// The work it has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_id: Option<WorkId>,
}

/// Query of `GET /schedules/{schedule}/instants`, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ListInstants {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Query of `GET /schedules/{schedule}/next`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct NextInstants {
    /// How many, at most 1000; default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Those after this time; default now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime<Utc>>,
}

/// An instant to come.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NextInstant {
    pub instant: DateTime<Utc>,
    /// The same by the clock of the schedule's zone.
    pub wall: String,
    /// When it fires: the same, but for the jitter.
    pub fire_at: DateTime<Utc>,
}

/// Query of `GET /schedule-preview`: the times of a schedule that is not made yet, as in [`CreateSchedule`].
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PreviewSchedule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Default: the manager's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// How many instants, at most 1000; default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// When a schedule with these times would fire.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SchedulePreview {
    /// The expression given, or the one that says the same as the four numbers.
    pub cron: String,
    /// The same in words.
    pub words: String,
    /// The zone they are meant in.
    pub tz: String,
    /// The next ones, in order, without jitter.
    pub instants: Vec<NextInstant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catch_up_is_none_the_last_all_or_so_many() {
        for (text, catchup) in [
            ("none", Catchup::None),
            ("last", Catchup::Last),
            ("all", Catchup::All(1000)),
            ("all:5", Catchup::All(5)),
        ] {
            assert_eq!(text.parse(), Ok(catchup));
            assert_eq!(catchup.to_string(), text);
        }
        for text in ["", "some", "all:", "all:0", "all:-1", "all:1001", "last:2"] {
            assert!(text.parse::<Catchup>().is_err(), "{text}");
        }
    }

    #[test]
    fn null_takes_an_end_away_and_nothing_leaves_it() {
        let update = |text: &str| serde_json::from_str::<UpdateSchedule>(text).unwrap().end_at;

        assert_eq!(update("{}"), None);
        assert_eq!(update(r#"{"end_at": null}"#), Some(None));
        assert!(update(r#"{"end_at": "2026-01-01T00:00:00Z"}"#).flatten().is_some());
    }
}
