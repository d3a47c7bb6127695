//! Running a workflow: the input every application gets, checked while one types and again when it is sent.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{CreateWork, ListWorks, WorkflowView};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, given, go_on, number, object};
use crate::parts::{Field, FormCommand, Prose, clip, json, shell_word, title_of, visible};
use crate::state::State;

const EARLIER: u32 = 5;
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
    workflow: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let view = signed.session.client.fetch_workflow(&workflow).await?;
    let earlier = earlier(&signed, &view).await?;
    let input = earlier.first().map_or_else(|| "{}".to_owned(), |(_, text)| text.clone());
    let fields = Fields { name: String::new(), input, priority: "0".to_owned() };
    let problem = Problem::none();
    answer(&sheet(&state, &request, &view, &fields, earlier, &problem), &problem)
}

pub(crate) async fn carry_out(
    state: web::Data<State>,
    request: HttpRequest,
    workflow: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let view = client.fetch_workflow(&workflow).await?;
    let problem = match body(&view, &fields) {
        Err(problem) => problem,
        Ok(body) => match client.create_work(&body).await {
            Ok(work) => return Ok(go_on(&format!("/works/{}", work.work_id))),
            Err(error) => Problem::of(error.into(), &[("input_data", "input"), ("name is", "name")]),
        },
    };
    let earlier = earlier(&form.signed, &view).await?;
    answer(&sheet(&state, &request, &view, &fields, earlier, &problem), &problem)
}

fn body(view: &WorkflowView, fields: &Fields) -> Result<CreateWork, Problem> {
    Ok(CreateWork {
        workflow_id: view.workflow_id,
        name: given(&fields.name),
        input_data: object("input", &fields.input)?,
        priority: number("priority", &fields.priority)?.unwrap_or(0),
    })
}

/// Names and inputs of the latest works, each input once.
async fn earlier(signed: &Signed, view: &WorkflowView) -> Result<Vec<(String, String)>, Failure> {
    let client = &signed.session.client;
    let latest =
        ListWorks { workflow_id: Some(view.workflow_id), limit: Some(EARLIER), ..ListWorks::default() };
    let mut out: Vec<(String, String)> = Vec::new();
    for work in client.list_works(&latest).await?.items {
        let Ok(info) = client.fetch_work(&work.work_id.to_string()).await else { continue };
        let raw = info.input_data.get();
        if raw.len() <= MAX_EARLIER_BYTES {
            let text = json(raw).text;
            if !out.iter().any(|(_, known)| *known == text) {
                out.push((clip(&title_of(&work.name), 40), text));
            }
        }
    }
    Ok(out)
}

fn sheet(
    state: &State,
    request: &HttpRequest,
    view: &WorkflowView,
    fields: &Fields,
    earlier: Vec<(String, String)>,
    problem: &Problem,
) -> Sheet {
    let base = format!("{LIST}/{}", view.workflow_id);
    let name = visible(&view.name);
    let title = format!("Run {name}");
    let input = Field::json_object("input", "Input", fields.input.clone(), 10)
        .help("A JSON object. Every application of the workflow gets it.")
        .error(problem.at("input"));
    let mut pieces = vec![Piece::field(input)];
    if !earlier.is_empty() {
        pieces.push(Piece::Fill { field: "f-input", label: "The input of", texts: earlier });
    }
    pieces.push(Piece::Row(vec![
        Field::line("name", "Name of the work", fields.name.clone())
            .help("Left empty: run and the workflow's name.")
            .error(problem.at("name")),
        Field::number("priority", "Priority", fields.priority.clone())
            .help("Higher goes first; 0 is ordinary.")
            .error(problem.at("priority")),
    ]));
    Sheet {
        frame: Frame::new(state, request, Section::Workflows, &clip(&title, 80))
            .crumb("Workflows", LIST)
            .crumb(name, base.clone()),
        title,
        intro: Prose::new(
            "Makes a work: a copy of the workflow as it is now, with the applications' active versions.",
            200,
        ),
        refusal: problem.refusal(),
        action: format!("{base}/run"),
        pieces,
        button: "Run it",
        back: base,
        command: Some(
            FormCommand::new(format!("lp work create -w {}", shell_word(&view.name)))
                .flag("name", "-n", fields.name.clone(), "")
                .flag("input", "-i", fields.input.clone(), "{}")
                .flag("priority", "-p", fields.priority.clone(), "0"),
        ),
    }
}
