//! The form that makes a service or changes one.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::ServiceInfo;
use serde::Deserialize;

use super::LIST;
use super::fields::Fields;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::pages::sources;
use crate::parts::{Field, FormCommand, Prose, clip, shell_word, visible};
use crate::state::State;

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

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let (fields, problem) = (Fields::new(query.into_inner().app), Problem::none());
    let form = Form { state: &state, request: &request, of: None, fields: &fields, problem: &problem };
    answer(&form.sheet(&signed.session.client).await?, &problem)
}

pub(crate) async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let problem = match fields.create() {
        Err(problem) => problem,
        Ok(body) => match client.create_service(&body).await {
            Ok(made) => return Ok(go_on(&format!("{LIST}/{}", made.service_id))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    let form = Form { state: &state, request: &request, of: None, fields: &fields, problem: &problem };
    answer(&form.sheet(client).await?, &problem)
}

pub(crate) async fn ask_change(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    service: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let client = &signed.session.client;
    let info = client.fetch_service(&service).await?;
    let (fields, problem) = (Fields::of(&info), Problem::none());
    let form = Form { state: &state, request: &request, of: Some(&info), fields: &fields, problem: &problem };
    answer(&form.sheet(client).await?, &problem)
}

pub(crate) async fn change(
    state: web::Data<State>,
    request: HttpRequest,
    service: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let info = client.fetch_service(&service).await?;
    let id = info.service.service_id.to_string();
    let problem = match fields.update(&Fields::of(&info)) {
        Err(problem) => problem,
        Ok(body) => match client.update_service(&id, &body).await {
            Ok(_) => return Ok(go_on(&format!("{LIST}/{id}"))),
            Err(error) => Problem::of(error.into(), WORDS),
        },
    };
    let form = Form { state: &state, request: &request, of: Some(&info), fields: &fields, problem: &problem };
    answer(&form.sheet(client).await?, &problem)
}

struct Form<'a> {
    state: &'a State,
    request: &'a HttpRequest,
    /// None: a new one.
    of: Option<&'a ServiceInfo>,
    fields: &'a Fields,
    problem: &'a Problem,
}

impl Form<'_> {
    async fn sheet(&self, client: &ManagerClient) -> Result<Sheet, Failure> {
        let options = sources::apps(client).await?;
        let name = self.of.map(|info| visible(&info.service.name));
        let base = self.of.map(|info| format!("{LIST}/{}", info.service.service_id));
        let title = name.as_ref().map_or_else(|| "New service".to_owned(), |name| format!("Edit {name}"));
        let mut frame = Frame::new(self.state, self.request, Section::Services, &clip(&title, 80))
            .crumb("Services", LIST);
        if let (Some(name), Some(base)) = (name, &base) {
            frame = frame.crumb(name, base.clone());
        }
        let intro = match self.of {
            None => {
                "Keeps one task of an application running: however it ends, another follows after a wait that doubles."
            }
            Some(_) => {
                "Saving takes the application's active version; a task that runs another one is replaced."
            }
        };
        Ok(Sheet {
            frame,
            title,
            intro: Prose::new(intro, 300),
            refusal: self.problem.refusal(),
            action: base.as_ref().map_or_else(|| format!("{LIST}/new"), |base| format!("{base}/edit")),
            pieces: self.pieces(options),
            button: if self.of.is_some() { "Save" } else { "Create it" },
            back: base.unwrap_or_else(|| LIST.to_owned()),
            command: Some(self.command()),
        })
    }

    fn pieces(&self, options: sources::Options) -> Vec<Piece> {
        let (fields, problem) = (self.fields, self.problem);
        let app_name = self.of.map(|info| info.service.app_name.clone()).unwrap_or_default();
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
        let (fields, problem) = (self.fields, self.problem);
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
        let (fields, problem) = (self.fields, self.problem);
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

    fn command(&self) -> FormCommand {
        let fields = self.fields;
        let base = match self.of {
            None => "lp service create".to_owned(),
            Some(info) => format!("lp service update {}", shell_word(&info.service.name)),
        };
        FormCommand::new(base)
            .flag("name", "-n", fields.name.clone(), "")
            .flag("app", "-a", fields.app.clone(), "")
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
