//! The form that makes a schedule or changes one: the times in words and the next instants change while one types.

use actix_web::{HttpResponse, web};
use lp_protocol::Overlap;
use lp_protocol::views::ScheduleInfo;
use serde::Deserialize;

use super::LIST;
use super::fields::Fields;
use super::preview::Preview;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::form::Checked;
use crate::pages::sheet::{Markup, Piece, Problem, Sheet, answer, go_on};
use crate::pages::{Visit, sources, text};
use crate::parts::{Field, FormCommand, shell_word};

/// What the manager's refusals are about.
const WORDS: &[(&str, &str)] = &[
    ("schedule_name", "name"),
    ("time zone", "tz"),
    ("`minute`", "minute"),
    ("`hour`", "hour"),
    ("`day_of_month`", "day_of_month"),
    ("`day_of_week`", "day_of_week"),
    ("cron", "cron"),
    ("never happens", "cron"),
    ("jitter", "jitter"),
    ("ends before", "end_at"),
    ("end before", "end_at"),
    ("input_data", "input"),
    ("application", "runs"),
    ("workflow", "runs"),
    ("the field", "cron"),
];

#[derive(Deserialize)]
pub(crate) struct Query {
    /// What is to be chosen already.
    runs: Option<String>,
}

pub(crate) async fn ask(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Failure> {
    let fields = Fields::new(query.into_inner().runs);
    Form { visit, of: None, fields, problem: Problem::none() }.show().await
}

pub(crate) async fn create(visit: Visit, form: Checked<Fields>) -> Result<HttpResponse, Failure> {
    let fields = form.fields;
    let problem = match fields.create() {
        _ if !fields.look.is_empty() => Problem::none(),
        Err(problem) => problem,
        Ok(body) => match visit.client().create_schedule(&body).await {
            Ok(made) => return Ok(go_on(&format!("{LIST}/{}", made.schedule_id))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    Form { visit, of: None, fields, problem }.show().await
}

pub(crate) async fn ask_change(visit: Visit, schedule: web::Path<String>) -> Result<HttpResponse, Failure> {
    let info = visit.client().fetch_schedule(&schedule).await?;
    let fields = Fields::of(&info);
    Form { visit, of: Some(info), fields, problem: Problem::none() }.show().await
}

pub(crate) async fn change(
    visit: Visit,
    schedule: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (visit.client(), form.fields);
    let info = client.fetch_schedule(&schedule).await?;
    let id = info.schedule.schedule_id.to_string();
    let problem = match fields.update(&Fields::of(&info)) {
        _ if !fields.look.is_empty() => Problem::none(),
        Err(problem) => problem,
        Ok(body) => match client.update_schedule(&id, &body).await {
            Ok(_) => return Ok(go_on(&format!("{LIST}/{id}"))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    Form { visit, of: Some(info), fields, problem }.show().await
}

struct Form {
    visit: Visit,
    /// None: a new one.
    of: Option<ScheduleInfo>,
    fields: Fields,
    problem: Problem,
}

impl Form {
    async fn show(&self) -> Result<HttpResponse, Failure> {
        let client = self.visit.client();
        let preview = text(&Preview::load(client, &self.fields).await?)?;
        let mut pieces = self.when();
        let options = sources::all(client).await?;
        let runs = sources::named(&options, &self.fields.runs);
        pieces.insert(0, self.what(options));
        pieces.insert(3, Piece::Part { name: "preview", html: Markup(preview) });
        pieces.extend(self.rules());
        let (visit, section) = (&self.visit, Section::Schedules);
        let sheet = match &self.of {
            None => Sheet::to_create(
                visit,
                section,
                "schedule",
                "Makes a task of an application, or a work of a workflow, at every instant the calendar names.",
            ),
            Some(info) => Sheet::to_change(
                visit,
                section,
                &info.schedule.schedule_name,
                format!("{LIST}/{}", info.schedule.schedule_id),
                "With other times, or enabled, it begins anew now: what came meanwhile is not caught up on.",
            ),
        };
        let refusal = self.problem.refusal();
        answer(&Sheet { refusal, pieces, command: Some(self.command(runs)), ..sheet }, &self.problem)
    }

    fn what(&self, options: sources::Options) -> Piece {
        let (fields, problem) = (&self.fields, &self.problem);
        let source = self.of.as_ref().map(|info| info.schedule.source_name.clone()).unwrap_or_default();
        let options = sources::choice(options, &fields.runs, &source);
        Piece::Row(vec![
            Field::line("name", "Name", fields.name.clone()).required().error(problem.at("name")),
            Field::choice("runs", "Runs", fields.runs.clone(), options).error(problem.at("runs")),
        ])
    }

    fn when(&self) -> Vec<Piece> {
        let (fields, problem) = (&self.fields, &self.problem);
        let number = |name, label, value: &str, help| {
            Field::number(name, label, value).help(help).error(problem.at(name))
        };
        let numbers = vec![
            number("hour", "Hour (-H)", &fields.hour, "0 to 23"),
            number("minute", "Minute (-m)", &fields.minute, "0 to 59"),
            number("day_of_month", "Day of month (-d)", &fields.day_of_month, "1 to 31; empty is any"),
            number(
                "day_of_week",
                "Day of week (-D)",
                &fields.day_of_week,
                "1 to 7, from Monday; empty is any",
            ),
        ];
        vec![
            Piece::Row(vec![
                Field::line("cron", "When, as a cron expression", fields.cron.clone())
                    .help("minute hour day month weekday; six fields with seconds in front; or @hourly, @daily, @weekly, @monthly")
                    .error(problem.at("cron")),
                Field::line("tz", "Time zone", fields.tz.clone())
                    .help("Such as Europe/Berlin. Left empty: the manager's.")
                    .error(problem.at("tz")),
            ]),
            Piece::More {
                legend: "Or as numbers, instead of an expression",
                fields: numbers,
                is_open: fields.has_numbers(),
            },
        ]
    }

    fn rules(&self) -> Vec<Piece> {
        let (fields, problem) = (&self.fields, &self.problem);
        let words = |overlap: &Overlap| match overlap {
            Overlap::Allow => "start one more",
            Overlap::Skip => "skip this instant",
            Overlap::Queue => "wait for its end",
            Overlap::Kill => "stop it, then start",
        };
        let overlaps =
            Overlap::ALL.iter().map(|overlap| (overlap.to_string(), words(overlap).to_owned())).collect();
        let rules = vec![
            Field::choice("overlap", "If an earlier one still runs", fields.overlap.clone(), overlaps)
                .error(problem.at("overlap")),
            Field::line("catchup", "If instants were missed", fields.catchup.clone())
                .help("none, last, all, or all:N for the latest N")
                .error(problem.at("catchup")),
            Field::line("jitter", "Jitter in seconds", fields.jitter.clone())
                .help("Each fires up to so much later.")
                .error(problem.at("jitter")),
            Field::line("start_at", "Not before", fields.start_at.clone())
                .placeholder("2026-11-22T08:00:00Z")
                .error(problem.at("start_at")),
            Field::line("end_at", "Not after", fields.end_at.clone())
                .placeholder("2027-11-22T08:00:00Z")
                .error(problem.at("end_at")),
        ];
        let plain = Fields::new(None);
        let is_open = (&fields.overlap, &fields.catchup, &fields.jitter)
            != (&plain.overlap, &plain.catchup, &plain.jitter)
            || !fields.start_at.is_empty()
            || !fields.end_at.is_empty();
        vec![
            Piece::More { legend: "Rules", fields: rules, is_open },
            Piece::field(
                Field::json_object("input", "Input", fields.input.clone(), 6)
                    .help("A JSON object: what each task or work gets.")
                    .error(problem.at("input")),
            ),
            Piece::field(Field::check("enable", "Enabled: it fires", !fields.enable.is_empty())),
        ]
    }

    fn command(&self, runs: String) -> FormCommand {
        let fields = &self.fields;
        let base = match &self.of {
            None => "lp schedule create".to_owned(),
            Some(info) => format!("lp schedule update {}", shell_word(&info.schedule.schedule_name)),
        };
        FormCommand::new(base)
            .flag("name", "-n", fields.name.clone(), "")
            .flag("runs", "-a|-w", runs, "")
            .flag("hour", "-H", fields.hour.clone(), "")
            .flag("minute", "-m", fields.minute.clone(), "")
            .flag("day_of_month", "-d", fields.day_of_month.clone(), "")
            .flag("day_of_week", "-D", fields.day_of_week.clone(), "")
            .flag("cron", "--cron", fields.cron.clone(), "")
            .flag("tz", "--tz", fields.tz.clone(), "")
            .flag("overlap", "--overlap", fields.overlap.clone(), "allow")
            .flag("catchup", "--catchup", fields.catchup.clone(), "none")
            .flag("jitter", "--jitter", fields.jitter.clone(), "0")
            .flag("start_at", "--start", fields.start_at.clone(), "")
            .flag("end_at", "--end", fields.end_at.clone(), "")
            .flag("input", "-i", fields.input.clone(), "{}")
            .flag("enable", "-e*", fields.enable.clone(), "")
    }
}
