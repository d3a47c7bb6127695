//! The form that makes a schedule or changes one: the times in words and the next instants change while one types.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::Overlap;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::ScheduleInfo;
use serde::Deserialize;

use super::LIST;
use super::fields::Fields;
use super::preview::Preview;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::sheet::{Markup, Piece, Problem, Sheet, answer, go_on};
use crate::pages::{sources, text};
use crate::parts::{Field, FormCommand, Prose, clip, shell_word, visible};
use crate::state::State;

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

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let fields = Fields::new(query.into_inner().runs);
    let problem = Problem::none();
    let sheet = Form { state: &state, request: &request, of: None, fields: &fields, problem: &problem };
    answer(&sheet.sheet(&signed.session.client).await?, &problem)
}

pub(crate) async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let problem = match fields.create() {
        _ if !fields.look.is_empty() => Problem::none(),
        Err(problem) => problem,
        Ok(body) => match client.create_schedule(&body).await {
            Ok(made) => return Ok(go_on(&format!("{LIST}/{}", made.schedule_id))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    let sheet = Form { state: &state, request: &request, of: None, fields: &fields, problem: &problem };
    answer(&sheet.sheet(client).await?, &problem)
}

pub(crate) async fn ask_change(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    schedule: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let client = &signed.session.client;
    let info = client.fetch_schedule(&schedule).await?;
    let (fields, problem) = (Fields::of(&info), Problem::none());
    let sheet =
        Form { state: &state, request: &request, of: Some(&info), fields: &fields, problem: &problem };
    answer(&sheet.sheet(client).await?, &problem)
}

pub(crate) async fn change(
    state: web::Data<State>,
    request: HttpRequest,
    schedule: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
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
    let sheet =
        Form { state: &state, request: &request, of: Some(&info), fields: &fields, problem: &problem };
    answer(&sheet.sheet(client).await?, &problem)
}

struct Form<'a> {
    state: &'a State,
    request: &'a HttpRequest,
    /// None: a new one.
    of: Option<&'a ScheduleInfo>,
    fields: &'a Fields,
    problem: &'a Problem,
}

impl Form<'_> {
    async fn sheet(&self, client: &ManagerClient) -> Result<Sheet, Failure> {
        let preview = text(&Preview::load(client, self.fields).await?)?;
        let options = sources::all(client).await?;
        let name = self.of.map(|info| visible(&info.schedule.schedule_name));
        let base = self.of.map(|info| format!("{LIST}/{}", info.schedule.schedule_id));
        let title = name.as_ref().map_or_else(|| "New schedule".to_owned(), |name| format!("Edit {name}"));
        let mut frame = Frame::new(self.state, self.request, Section::Schedules, &clip(&title, 80))
            .crumb("Schedules", LIST);
        if let (Some(name), Some(base)) = (name, &base) {
            frame = frame.crumb(name, base.clone());
        }
        let intro = match self.of {
            None => {
                "Makes a task of an application, or a work of a workflow, at every instant the calendar names."
            }
            Some(_) => {
                "With other times, or enabled, it begins anew now: what came meanwhile is not caught up on."
            }
        };
        let mut pieces = self.when();
        pieces.insert(0, self.what(options));
        pieces.insert(3, Piece::Part { name: "preview", html: Markup(preview) });
        pieces.extend(self.rules());
        Ok(Sheet {
            frame,
            title,
            intro: Prose::new(intro, 300),
            refusal: self.problem.refusal(),
            action: base.as_ref().map_or_else(|| format!("{LIST}/new"), |base| format!("{base}/edit")),
            pieces,
            button: if self.of.is_some() { "Save" } else { "Create it" },
            back: base.unwrap_or_else(|| LIST.to_owned()),
            command: Some(self.command()),
        })
    }

    fn what(&self, options: sources::Options) -> Piece {
        let (fields, problem) = (self.fields, self.problem);
        let source = self.of.map(|info| info.schedule.source_name.clone()).unwrap_or_default();
        let options = sources::choice(options, &fields.runs, &source);
        Piece::Row(vec![
            Field::line("name", "Name", fields.name.clone()).required().error(problem.at("name")),
            Field::choice("runs", "Runs", fields.runs.clone(), options).error(problem.at("runs")),
        ])
    }

    fn when(&self) -> Vec<Piece> {
        let (fields, problem) = (self.fields, self.problem);
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
        let (fields, problem) = (self.fields, self.problem);
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

    fn command(&self) -> FormCommand {
        let fields = self.fields;
        let base = match self.of {
            None => "lp schedule create".to_owned(),
            Some(info) => format!("lp schedule update {}", shell_word(&info.schedule.schedule_name)),
        };
        FormCommand::new(base)
            .flag("name", "-n", fields.name.clone(), "")
            .flag("runs", "-a|-w", fields.runs.clone(), "")
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
