//! The fields of a schedule's form, and the requests they stand for.

use chrono::{DateTime, Utc};
use lp_protocol::Source;
use lp_protocol::views::{Catchup, CreateSchedule, PreviewSchedule, ScheduleInfo, UpdateSchedule};
use serde::Deserialize;
use uuid::Uuid;

use crate::pages::sheet::{Problem, empty_object, given, number, object};
use crate::parts::json;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(super) name: String,
    /// `application/ID` or `workflow/ID`.
    pub(super) runs: String,
    pub(super) cron: String,
    pub(super) hour: String,
    pub(super) minute: String,
    pub(super) day_of_month: String,
    pub(super) day_of_week: String,
    pub(super) tz: String,
    pub(super) start_at: String,
    pub(super) end_at: String,
    pub(super) overlap: String,
    pub(super) catchup: String,
    pub(super) jitter: String,
    pub(super) input: String,
    pub(super) enable: String,
    /// Sent by the button that only looks.
    pub(super) look: String,
}

impl Fields {
    /// What an empty form begins with.
    pub(super) fn new(runs: Option<String>) -> Self {
        Self {
            runs: runs.unwrap_or_default(),
            cron: "0 6 * * *".to_owned(),
            overlap: "allow".to_owned(),
            catchup: "none".to_owned(),
            jitter: "0".to_owned(),
            input: "{}".to_owned(),
            enable: "on".to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn of(info: &ScheduleInfo) -> Self {
        let view = &info.schedule;
        let numbers = [view.hour, view.minute, view.day_of_month, view.day_of_week];
        // -1 all over is also what a schedule with an expression says
        let is_daily = numbers.iter().any(|number| *number != -1);
        let part = |number: i32| if number == -1 { String::new() } else { number.to_string() };
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
        let source = view.source.as_str();
        Self {
            name: view.schedule_name.clone(),
            runs: format!("{source}/{}", view.source_id),
            cron: if is_daily { String::new() } else { view.cron.clone() },
            hour: part(view.hour),
            minute: part(view.minute),
            day_of_month: part(view.day_of_month),
            day_of_week: part(view.day_of_week),
            tz: view.tz.clone(),
            start_at: time(view.start_at),
            end_at: time(view.end_at),
            overlap: view.overlap.to_string(),
            catchup: view.catchup.to_string(),
            jitter: view.jitter.to_string(),
            input: json(info.input_data.get()).text,
            enable: if view.enable { "on".to_owned() } else { String::new() },
            look: String::new(),
        }
    }

    pub(super) fn has_numbers(&self) -> bool {
        [&self.hour, &self.minute, &self.day_of_month, &self.day_of_week]
            .iter()
            .any(|part| !part.trim().is_empty())
    }

    /// Hour, minute, day of the month, day of the week.
    fn numbers(&self) -> Result<[Option<i32>; 4], Problem> {
        Ok([
            number("hour", &self.hour)?,
            number("minute", &self.minute)?,
            number("day_of_month", &self.day_of_month)?,
            number("day_of_week", &self.day_of_week)?,
        ])
    }

    pub(super) fn preview(&self) -> Result<PreviewSchedule, Problem> {
        let [hour, minute, day_of_month, day_of_week] = self.numbers()?;
        Ok(PreviewSchedule {
            minute,
            hour,
            day_of_month,
            day_of_week,
            cron: given(&self.cron),
            tz: given(&self.tz),
            start_at: moment("start_at", &self.start_at)?,
            end_at: moment("end_at", &self.end_at)?,
            count: None,
        })
    }

    fn source(&self) -> Result<(Source, Uuid), Problem> {
        let refuse = || Problem::at_field("runs", "Choose what it runs.");
        let (kind, id) = self.runs.split_once('/').ok_or_else(refuse)?;
        Ok((kind.parse().map_err(|_| refuse())?, id.parse().map_err(|_| refuse())?))
    }

    fn catch_up(&self) -> Result<Option<Catchup>, Problem> {
        let parse = |text: String| text.parse().map_err(|error: String| Problem::at_field("catchup", &error));
        given(&self.catchup).map(parse).transpose()
    }

    fn overlaps(&self) -> Result<Option<lp_protocol::Overlap>, Problem> {
        let parse = |text: String| {
            text.parse()
                .map_err(|error: lp_protocol::UnknownWord| Problem::at_field("overlap", &error.to_string()))
        };
        given(&self.overlap).map(parse).transpose()
    }

    pub(super) fn create(&self) -> Result<CreateSchedule, Problem> {
        let (source, source_id) = self.source()?;
        let [hour, minute, day_of_month, day_of_week] = self.numbers()?;
        if given(&self.cron).is_none() && !self.has_numbers() {
            return Err(Problem::at_field("cron", "Say when: a cron expression, or the numbers below."));
        }
        Ok(CreateSchedule {
            schedule_name: self.name.trim().to_owned(),
            source,
            source_id,
            input_data: object("input", &self.input)?,
            minute,
            hour,
            day_of_month,
            day_of_week,
            cron: given(&self.cron),
            tz: given(&self.tz),
            start_at: moment("start_at", &self.start_at)?,
            end_at: moment("end_at", &self.end_at)?,
            catchup: self.catch_up()?,
            overlap: self.overlaps()?,
            jitter: number("jitter", &self.jitter)?,
            enable: !self.enable.is_empty(),
        })
    }

    /// What differs from how it was: a schedule whose times are named anew begins anew.
    pub(super) fn update(&self, before: &Fields) -> Result<UpdateSchedule, Problem> {
        let CreateSchedule { source, source_id, .. } = self.create()?;
        let made = self.create()?;
        let times = |fields: &Fields| {
            [&fields.cron, &fields.hour, &fields.minute, &fields.day_of_month, &fields.day_of_week]
                .map(|text| text.trim().to_owned())
        };
        let is_new_time = times(self) != times(before);
        // a part of the numbers that was emptied is "any" again
        let part = |number: Option<i32>| (is_new_time && made.cron.is_none()).then(|| number.unwrap_or(-1));
        let changed = |now: &str, then: &str| now.trim() != then.trim();
        let runs_other = changed(&self.runs, &before.runs);
        Ok(UpdateSchedule {
            schedule_name: changed(&self.name, &before.name).then_some(made.schedule_name),
            source: runs_other.then_some(source),
            source_id: runs_other.then_some(source_id),
            input_data: if changed(&self.input, &before.input) {
                made.input_data.or_else(empty_object)
            } else {
                None
            },
            minute: part(made.minute),
            hour: part(made.hour),
            day_of_month: part(made.day_of_month),
            day_of_week: part(made.day_of_week),
            cron: made.cron.filter(|_| is_new_time),
            tz: made.tz.filter(|_| changed(&self.tz, &before.tz)),
            start_at: changed(&self.start_at, &before.start_at).then_some(made.start_at),
            end_at: changed(&self.end_at, &before.end_at).then_some(made.end_at),
            catchup: made.catchup,
            overlap: made.overlap,
            jitter: made.jitter,
            enable: Some(made.enable),
        })
    }
}

fn moment(field: &'static str, text: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = given(text) else { return Ok(None) };
    let parsed = DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc());
    let sentence =
        "This is not a time with its zone, such as 2026-11-22T08:00:00Z or 2026-11-22T09:00:00+01:00.";
    parsed.map(Some).map_err(|_| Problem::at_field(field, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields { name: "nightly".to_owned(), ..Fields::new(Some(format!("application/{}", Uuid::nil()))) }
    }

    #[test]
    fn a_form_becomes_a_request_or_says_which_field_is_wrong() {
        let made = fields().create().unwrap();
        assert_eq!((made.cron.as_deref(), made.enable), (Some("0 6 * * *"), true));
        for (field, change) in [
            ("runs", Fields { runs: "x".to_owned(), ..fields() }),
            ("cron", Fields { cron: String::new(), ..fields() }),
            ("hour", Fields { hour: "six".to_owned(), ..fields() }),
            ("start_at", Fields { start_at: "tomorrow".to_owned(), ..fields() }),
            ("input", Fields { input: "{".to_owned(), ..fields() }),
            ("catchup", Fields { catchup: "some".to_owned(), ..fields() }),
            ("overlap", Fields { overlap: "maybe".to_owned(), ..fields() }),
        ] {
            assert!(change.create().unwrap_err().at(field).is_some(), "{field}");
        }
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        let before = fields();
        let same = before.update(&before).unwrap();
        assert_eq!((same.cron, same.schedule_name, same.source_id, same.start_at), (None, None, None, None));

        let daily = Fields { cron: String::new(), hour: "7".to_owned(), ..before.clone() };
        let update = daily.update(&before).unwrap();
        assert_eq!((update.cron, update.hour, update.minute), (None, Some(7), Some(-1)));
        let ended = Fields { end_at: "2026-01-01T00:00:00Z".to_owned(), ..before.clone() };
        assert_eq!(before.update(&ended).unwrap().end_at, Some(None));
    }
}
