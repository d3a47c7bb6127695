//! Running a workflow: the input every application gets.

use actix_web::{HttpResponse, web};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{CreateWork, ListWorks, WorkflowView};

use super::LIST;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::Visit;
use crate::pages::form::Checked;
use crate::pages::run_form::{EARLIER, Inputs, RunFields, Words};
use crate::pages::sheet::{Problem, Sheet, answer, go_on};
use crate::parts::{Prose, clip, shell_word, visible};

const WORDS: Words = Words {
    input_help: "A JSON object. Every application of the workflow gets it.",
    name_label: "Name of the work",
    name_help: "Left empty: run and the workflow's name.",
};

pub(crate) async fn ask(visit: Visit, workflow: web::Path<String>) -> Result<HttpResponse, Failure> {
    let view = visit.client().fetch_workflow(&workflow).await?;
    let earlier = earlier(visit.client(), &view).await?;
    let (fields, problem) = (RunFields::new(&earlier), Problem::none());
    answer(&sheet(&visit, &view, &fields, earlier, &problem), &problem)
}

pub(crate) async fn carry_out(
    visit: Visit,
    workflow: web::Path<String>,
    form: Checked<RunFields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (visit.client(), form.fields);
    let view = client.fetch_workflow(&workflow).await?;
    let problem = match body(&view, &fields) {
        Err(problem) => problem,
        Ok(body) => match client.create_work(&body).await {
            Ok(work) => return Ok(go_on(&format!("/works/{}", work.work_id))),
            Err(error) => Problem::of(error.into(), &[("input_data", "input"), ("name is", "name")]),
        },
    };
    let earlier = earlier(client, &view).await?;
    answer(&sheet(&visit, &view, &fields, earlier, &problem), &problem)
}

fn body(view: &WorkflowView, fields: &RunFields) -> Result<CreateWork, Problem> {
    Ok(CreateWork {
        workflow_id: view.workflow_id,
        name: fields.name(),
        input_data: fields.input()?,
        priority: fields.priority()?,
    })
}

async fn earlier(client: &ManagerClient, view: &WorkflowView) -> Result<Inputs, Failure> {
    let latest =
        ListWorks { workflow_id: Some(view.workflow_id), limit: Some(EARLIER), ..ListWorks::default() };
    let mut inputs = Inputs::default();
    for work in client.list_works(&latest).await?.items {
        if let Ok(info) = client.fetch_work(&work.work_id.to_string()).await {
            inputs.add(&work.name, &info.input_data);
        }
    }
    Ok(inputs)
}

fn sheet(
    visit: &Visit,
    view: &WorkflowView,
    fields: &RunFields,
    earlier: Inputs,
    problem: &Problem,
) -> Sheet {
    let base = format!("{LIST}/{}", view.workflow_id);
    let name = visible(&view.name);
    let title = format!("Run {name}");
    Sheet {
        frame: visit.frame_below(Section::Workflows, &clip(&title, 80)).crumb(name, base.clone()),
        title,
        intro: Prose::new(
            "Makes a work: a copy of the workflow as it is now, with the applications' active versions.",
            200,
        ),
        refusal: problem.refusal(),
        action: format!("{base}/run"),
        pieces: fields.pieces(WORDS, earlier, problem),
        button: "Run it",
        back: base,
        command: Some(fields.command(format!("lp work create -w {}", shell_word(&view.name)))),
    }
}
