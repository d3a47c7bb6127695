//! Running an application: its input as JSON, checked while one types and again when it is sent, with the latest inputs to choose from.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{CreateTask, ListTasks};
use serde::Deserialize;

use super::one::{frame, list_url};
use super::{Kind, Package};
use crate::failure::Failure;
use crate::frame::Signed;
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, given, go_on, number, object};
use crate::parts::{Field, FormCommand, Prose, clip, json, shell_word, title_of, visible};
use crate::state::State;

/// Earlier tasks whose inputs can be chosen.
const EARLIER: u32 = 5;

/// A longer input is not worth a button.
const MAX_EARLIER_BYTES: usize = 4 << 10;

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    input: String,
    #[serde(default)]
    priority: String,
}

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    app: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let client = &signed.session.client;
    let package = Kind::App.fetch(client, &app).await?;
    let earlier = earlier(&signed, &package).await?;
    let input = earlier.first().map_or_else(|| "{}".to_owned(), |(_, text)| text.clone());
    let fields = Fields { name: String::new(), input, priority: "0".to_owned() };
    let problem = Problem::none();
    answer(&sheet(&state, &request, &package, &fields, earlier, &problem), &problem)
}

pub(crate) async fn carry_out(
    state: web::Data<State>,
    request: HttpRequest,
    app: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let package = Kind::App.fetch(client, &app).await?;
    let problem = match body(&package, &fields) {
        Err(problem) => problem,
        Ok(body) => match client.create_task(&body).await {
            Ok(created) => return Ok(go_on(&format!("/tasks/{}", created.task_id))),
            Err(error) => {
                Problem::of(error.into(), &[("input", "input"), ("name", "name"), ("priority", "priority")])
            }
        },
    };
    let earlier = earlier(&form.signed, &package).await?;
    answer(&sheet(&state, &request, &package, &fields, earlier, &problem), &problem)
}

fn body(package: &Package, fields: &Fields) -> Result<CreateTask, Problem> {
    let app_id = package.id.parse().map_err(|_| Problem::field("name", Failure::no_page()))?;
    Ok(CreateTask {
        app_id,
        task_name: given(&fields.name),
        input_data: object("input", &fields.input)?,
        priority: number("priority", &fields.priority)?.unwrap_or(0),
        key: None,
    })
}

/// Names and inputs of the latest tasks, each input once.
async fn earlier(signed: &Signed, package: &Package) -> Result<Vec<(String, String)>, Failure> {
    let client = &signed.session.client;
    let app_id = package.id.parse().map_err(|_| Failure::no_page())?;
    let latest = ListTasks { app_id: Some(app_id), limit: Some(EARLIER), ..ListTasks::default() };
    let mut out: Vec<(String, String)> = Vec::new();
    for task in client.list_tasks(&latest).await?.items {
        let Ok(input) = client.fetch_task_input(&task.task_id.to_string()).await else { continue };
        let raw = input.get();
        if raw.len() <= MAX_EARLIER_BYTES {
            let text = json(raw).text;
            if !out.iter().any(|(_, known)| *known == text) {
                out.push((clip(&title_of(&task.task_name), 40), text));
            }
        }
    }
    Ok(out)
}

fn sheet(
    state: &State,
    request: &HttpRequest,
    package: &Package,
    fields: &Fields,
    earlier: Vec<(String, String)>,
    problem: &Problem,
) -> Sheet {
    let base = format!("/apps/{}", package.id);
    let name = visible(&package.name);
    let input = Field::json_object("input", "Input", fields.input.clone(), 10)
        .help("A JSON object. Every action finds it in the file input.data of its workspace.")
        .error(problem.at("input"));
    let mut pieces = vec![Piece::field(input)];
    if !earlier.is_empty() {
        pieces.push(Piece::Fill { field: "f-input", label: "The input of", texts: earlier });
    }
    let task_name = Field::line("name", "Name of the task", fields.name.clone())
        .help("Left empty: run and the application's name.")
        .error(problem.at("name"));
    let priority = Field::number("priority", "Priority", fields.priority.clone())
        .help("Higher goes first; 0 is ordinary.")
        .error(problem.at("priority"));
    pieces.push(Piece::Row(vec![task_name, priority]));
    Sheet {
        frame: frame(state, request, Kind::App, &format!("Run {}", package.name))
            .crumb(Kind::App.plural(), list_url(Kind::App))
            .crumb(name.clone(), base.clone()),
        title: format!("Run {name}"),
        intro: Prose::new(&format!("Makes a task of version {}.", package.version.number), 200),
        refusal: problem.refusal(),
        action: format!("{base}/run"),
        pieces,
        button: "Run it",
        back: base,
        command: Some(
            FormCommand::new(format!("lp task create -a {}", shell_word(&package.name)))
                .flag("name", "-n", fields.name.clone(), "")
                .flag("input", "-i", fields.input.clone(), "{}")
                .flag("priority", "-p", fields.priority.clone(), "0"),
        ),
    }
}
