//! What the list is narrowed by: the same fields in the address, in the form, and in what is done to all that fit.

use actix_web::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::views::{DEFAULT_PAGE, ListTasks};
use lp_protocol::{AppId, ScheduleId, ServiceId, Stage, Status, WorkId};
use serde::Deserialize;

use crate::failure::Failure;
use crate::pages::filters::{glob, parse, query};
use crate::pages::sheet::given;
use crate::parts::{Field, FilterBar, clip, shell_word};

/// As it stands in the address; empty fields are what an unused form field sends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    pub(crate) app: String,
    #[serde(default)]
    work: String,
    #[serde(default)]
    schedule: String,
    #[serde(default)]
    service: String,
    /// `1h`, `24h`, `7d`: created no longer ago.
    #[serde(default)]
    since: String,
    #[serde(default)]
    pub(crate) cursor: String,
}

const SINCE: [(&str, &str, i64); 4] = [
    ("", "any time", 0),
    ("1h", "the last hour", 1),
    ("24h", "the last 24 h", 24),
    ("7d", "the last 7 days", 7 * 24),
];

impl Filter {
    pub(crate) fn is_empty(&self) -> bool {
        self.without_cursor() == Filter::default()
    }

    pub(crate) fn without_cursor(&self) -> Self {
        Self { cursor: String::new(), ..self.clone() }
    }

    pub(super) fn from(&self, cursor: String) -> Self {
        Self { cursor, ..self.clone() }
    }

    pub(crate) fn fields(&self) -> [(&'static str, &String); 9] {
        let Filter { name, stage, status, app, work, schedule, service, since, cursor } = self;
        [
            ("name", name),
            ("stage", stage),
            ("status", status),
            ("app", app),
            ("work", work),
            ("schedule", schedule),
            ("service", service),
            ("since", since),
            ("cursor", cursor),
        ]
    }

    pub(crate) fn query(&self) -> String {
        query(self.fields())
    }

    /// In a few words, for a title.
    pub(crate) fn words(&self) -> String {
        match (self.status.as_str(), self.stage.as_str()) {
            ("", "") => "Tasks".to_owned(),
            ("", word) | (word, _) => format!("Tasks: {}", clip(word, 40)),
        }
    }

    pub(crate) fn bar(&self) -> FilterBar {
        let any = || (String::new(), "any".to_owned());
        let stages = Stage::ALL.iter().map(|stage| (stage.as_str().to_owned(), stage.as_str().to_owned()));
        let statuses =
            Status::ALL.iter().map(|status| (status.as_str().to_owned(), status.as_str().to_owned()));
        let since = SINCE.iter().map(|(value, words, _)| ((*value).to_owned(), (*words).to_owned()));
        let mut bar = FilterBar::new(
            "/tasks",
            vec![
                Field::line("name", "Name", self.name.as_str()).placeholder("any part, or with * and ?"),
                Field::choice(
                    "stage",
                    "Stage",
                    self.stage.as_str(),
                    std::iter::once(any()).chain(stages).collect(),
                ),
                Field::choice(
                    "status",
                    "Status",
                    self.status.as_str(),
                    std::iter::once(any()).chain(statuses).collect(),
                ),
                Field::choice("since", "Created", self.since.as_str(), since.collect()),
            ],
        );
        for (key, value) in self.without_cursor().fields() {
            if !value.is_empty() {
                bar = bar.chip(self.chip(key, value), format!("/tasks?{}", self.without(key).query()));
            }
        }
        bar.keep(self.kept())
    }

    /// What the form has no field for.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let kept = [
            ("app", &self.app),
            ("work", &self.work),
            ("schedule", &self.schedule),
            ("service", &self.service),
        ];
        kept.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key, value.clone()))
            .collect()
    }

    fn chip(&self, key: &str, value: &str) -> String {
        match key {
            "app" | "work" | "schedule" | "service" => {
                let noun = if key == "app" { "application" } else { key };
                format!("{noun} {}", clip(value.split('-').next().unwrap_or(value), 40))
            }
            "since" => SINCE
                .iter()
                .find(|(since, ..)| *since == value)
                .map_or(value, |(_, words, _)| words)
                .to_owned(),
            _ => format!("{key} {}", clip(value, 60)),
        }
    }

    fn without(&self, key: &str) -> Self {
        let mut rest = self.without_cursor();
        let field = match key {
            "name" => &mut rest.name,
            "stage" => &mut rest.stage,
            "status" => &mut rest.status,
            "app" => &mut rest.app,
            "work" => &mut rest.work,
            "schedule" => &mut rest.schedule,
            "service" => &mut rest.service,
            _ => &mut rest.since,
        };
        field.clear();
        rest
    }

    /// The `lp` command that lists the same.
    pub(crate) fn command(&self) -> String {
        let mut line = "lp task list".to_owned();
        let name = glob(&self.name).unwrap_or_default();
        let options = [
            ("-n", &name),
            ("-s", &self.stage),
            ("-S", &self.status),
            ("-a", &self.app),
            ("-w", &self.work),
            ("--since", &self.since),
        ];
        for (option, value) in options {
            if !value.is_empty() {
                line.push_str(&format!(" {option} {}", shell_word(value)));
            }
        }
        line
    }

    pub(crate) fn to_list(&self, now: DateTime<Utc>) -> Result<ListTasks, Failure> {
        let hours = SINCE.iter().find(|(since, ..)| *since == self.since).map(|(_, _, hours)| *hours);
        let Some(hours) = hours else {
            let message = format!("`{}` is no span of time of this list.", clip(&self.since, 40));
            return Err(Failure::new(StatusCode::BAD_REQUEST, "Not accepted", message));
        };
        Ok(ListTasks {
            app_id: parse::<AppId>(&self.app)?,
            work_id: parse::<WorkId>(&self.work)?,
            schedule_id: parse::<ScheduleId>(&self.schedule)?,
            service_id: parse::<ServiceId>(&self.service)?,
            name: glob(&self.name),
            stage: parse::<Stage>(&self.stage)?,
            status: parse::<Status>(&self.status)?,
            since: (hours > 0).then(|| now - TimeDelta::hours(hours)),
            cursor: given(&self.cursor),
            limit: Some(DEFAULT_PAGE),
            ..ListTasks::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_way_through_the_address() {
        let filter = Filter { name: "a&b=*".to_owned(), status: "fail".to_owned(), ..Filter::default() };

        assert_eq!(filter.query(), "name=a%26b%3D%2A&status=fail");
        assert_eq!(filter.to_list(Utc::now()).unwrap().status, Some(Status::Fail));
        assert_eq!(filter.without("name").query(), "status=fail");
        assert_eq!(filter.command(), "lp task list -n 'a&b=*' -S fail");
        for wrong in [
            Filter { stage: "gone".to_owned(), ..Filter::default() },
            Filter { since: "ever".to_owned(), ..Filter::default() },
            Filter { work: "x".to_owned(), ..Filter::default() },
        ] {
            assert!(wrong.to_list(Utc::now()).is_err());
        }
    }
}
