//! The form that makes a service or changes one.

use actix_web::{HttpResponse, web};
use lp_protocol::views::ServiceInfo;
use serde::Deserialize;

use super::LIST;
use super::fields::Fields;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::pages::{Visit, sources};
use crate::parts::{Field, FormCommand, shell_word};

/// What the manager's refusals are about.
const WORDS: &[(&str, &str)] = &[
    ("name is", "name"),
    ("`name`", "name"),
    ("input_data", "input"),
    ("health", "health"),
    ("max_delay", "max_delay"),
    ("delay", "delay"),
    ("reset_after", "reset_after"),
    ("max_restarts", "max_restarts"),
    ("grace", "grace"),
    ("signal", "signal"),
    ("description", "description"),
    ("application", "app"),
];

#[derive(Deserialize)]
pub(crate) struct Query {
    /// What is to be chosen already.
    app: Option<String>,
}

pub(crate) async fn ask(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Failure> {
    let fields = Fields::new(query.into_inner().app);
    Form { visit, of: None, fields, problem: Problem::none() }.show().await
}

pub(crate) async fn create(visit: Visit, form: Checked<Fields>) -> Result<HttpResponse, Failure> {
    let fields = form.fields;
    let problem = match fields.create() {
        Err(problem) => problem,
        Ok(body) => match visit.client().create_service(&body).await {
            Ok(made) => return Ok(go_on(&format!("{LIST}/{}", made.service_id))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    Form { visit, of: None, fields, problem }.show().await
}

pub(crate) async fn ask_change(visit: Visit, service: web::Path<String>) -> Result<HttpResponse, Failure> {
    let info = visit.client().fetch_service(&service).await?;
    let fields = Fields::of(&info);
    Form { visit, of: Some(info), fields, problem: Problem::none() }.show().await
}

pub(crate) async fn change(
    visit: Visit,
    service: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (visit.client(), form.fields);
    let info = client.fetch_service(&service).await?;
    let id = info.service.service_id.to_string();
    let problem = match fields.update(&Fields::of(&info)) {
        Err(problem) => problem,
        Ok(body) => match client.update_service(&id, &body).await {
            Ok(_) => return Ok(go_on(&format!("{LIST}/{id}"))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    Form { visit, of: Some(info), fields, problem }.show().await
}

struct Form {
    visit: Visit,
    /// None: a new one.
    of: Option<ServiceInfo>,
    fields: Fields,
    problem: Problem,
}

impl Form {
    async fn show(&self) -> Result<HttpResponse, Failure> {
        let options = sources::apps(self.visit.client()).await?;
        let app = sources::named(&options, &self.fields.app);
        let pieces = self.pieces(options);
        let (visit, section) = (&self.visit, Section::Services);
        let sheet = match &self.of {
            None => Sheet::to_create(
                visit,
                section,
                "service",
                "Keeps one task of an application running: however it ends, another follows after a wait that doubles.",
            ),
            Some(info) => Sheet::to_change(
                visit,
                section,
                &info.service.name,
                format!("{LIST}/{}", info.service.service_id),
                "Saving takes the application's active version; a task that runs another one is replaced.",
            ),
        };
        let refusal = self.problem.refusal();
        answer(&Sheet { refusal, pieces, command: Some(self.command(app)), ..sheet }, &self.problem)
    }

    fn pieces(&self, options: sources::Options) -> Vec<Piece> {
        let (fields, problem) = (&self.fields, &self.problem);
        let app_name = self.of.as_ref().map(|info| info.service.app_name.clone()).unwrap_or_default();
        let options = sources::choice(options, &fields.app, &app_name);
        vec![
            Piece::Row(vec![
                Field::line("name", "Name", fields.name.clone()).required().error(problem.at("name")),
                Field::choice("app", "Application", fields.app.clone(), options).error(problem.at("app")),
            ]),
            Piece::field(
                Field::line("description", "Description", fields.description.clone())
                    .error(problem.at("description")),
            ),
            Piece::field(
                Field::json_object("input", "Input", fields.input.clone(), 6)
                    .help("A JSON object: what each of its tasks gets.")
                    .error(problem.at("input")),
            ),
            self.restarts(),
            self.health(),
            Piece::field(Field::check(
                "follow_active",
                "Take each version of the application as it becomes active",
                !fields.follow_active.is_empty(),
            )),
            Piece::field(Field::check("enable", "Enabled: its task runs", !fields.enable.is_empty())),
        ]
    }

    fn restarts(&self) -> Piece {
        let (fields, problem) = (&self.fields, &self.problem);
        let line = |name, label, value: &str, help| {
            Field::line(name, label, value).help(help).error(problem.at(name))
        };
        let signals = [("15", "SIGTERM, then SIGKILL"), ("9", "SIGKILL at once")];
        let signals = signals.map(|(value, word)| (value.to_owned(), word.to_owned())).to_vec();
        let rules = vec![
            line(
                "delay",
                "Seconds before a restart",
                &fields.delay,
                "Doubled with each further one; default 1.",
            ),
            line("max_delay", "Longest wait", &fields.max_delay, "Seconds; default 300."),
            line(
                "reset_after",
                "Ends forgotten after",
                &fields.reset_after,
                "Seconds a task has to run; default 600.",
            ),
            line(
                "max_restarts",
                "Given up after",
                &fields.max_restarts,
                "Restarts in a row; left empty: never.",
            ),
            Field::choice("signal", "Stopped with", fields.signal.clone(), signals)
                .error(problem.at("signal")),
            line("grace", "Seconds until SIGKILL", &fields.grace, "Left empty: what each action says."),
        ];
        let names = ["delay", "max_delay", "reset_after", "max_restarts", "signal", "grace"];
        let is_open = self.of.is_some() || names.iter().any(|name| problem.at(name).is_some());
        Piece::More { legend: "Stops and restarts", fields: rules, is_open }
    }

    fn health(&self) -> Piece {
        let (fields, problem) = (&self.fields, &self.problem);
        let line = |name, label, value: &str, help| {
            Field::line(name, label, value).help(help).error(problem.at(name))
        };
        let rules = vec![
            line(
                "health",
                "Command",
                &fields.health,
                "Run beside the program, as main is; a JSON list is run as written.",
            ),
            line("health_interval", "Seconds between runs", &fields.health_interval, "Default 10."),
            line("health_timeout", "Seconds a run may take", &fields.health_timeout, "Default 5."),
            line(
                "health_failures",
                "Failures in a row",
                &fields.health_failures,
                "That end the program; default 3.",
            ),
            line(
                "health_grace",
                "Seconds after the start",
                &fields.health_grace,
                "In which failures do not count; default 10.",
            ),
        ];
        let is_open = !fields.health.is_empty() || problem.at("health").is_some();
        Piece::More { legend: "Health command", fields: rules, is_open }
    }

    fn command(&self, app: String) -> FormCommand {
        let fields = &self.fields;
        let base = match &self.of {
            None => "lp service create".to_owned(),
            Some(info) => format!("lp service update {}", shell_word(&info.service.name)),
        };
        FormCommand::new(base)
            .flag("name", "-n", fields.name.clone(), "")
            .flag("app", "-a", app, "")
            .flag("description", "-d", fields.description.clone(), "")
            .flag("input", "-i", fields.input.clone(), "{}")
            .flag("signal", "-g", fields.signal.clone(), "15")
            .flag("grace", "--grace", fields.grace.clone(), "")
            .flag("delay", "--delay", fields.delay.clone(), "")
            .flag("max_delay", "--max-delay", fields.max_delay.clone(), "")
            .flag("reset_after", "--reset-after", fields.reset_after.clone(), "")
            .flag("max_restarts", "--max-restarts", fields.max_restarts.clone(), "")
            .flag("health", "--health", fields.health.clone(), "")
            .flag("health_interval", "--health-interval", fields.health_interval.clone(), "")
            .flag("health_timeout", "--health-timeout", fields.health_timeout.clone(), "")
            .flag("health_failures", "--health-failures", fields.health_failures.clone(), "")
            .flag("health_grace", "--health-grace", fields.health_grace.clone(), "")
            .flag("follow_active", "--follow-active*", fields.follow_active.clone(), "")
            .flag("enable", "-e*", fields.enable.clone(), "")
    }
}
