//! Running an application: its input, and what its tasks had before.

use actix_web::{HttpResponse, web};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{CreateTask, ListTasks};

use super::{Kind, Package};
use crate::failure::Failure;
use crate::pages::Visit;
use crate::pages::form::Checked;
use crate::pages::run_form::{EARLIER, Inputs, RunFields, Words};
use crate::pages::sheet::{Problem, Sheet, answer, go_on};
use crate::parts::{Prose, shell_word, visible};

const WORDS: Words = Words {
    input_help: "A JSON object. Every action finds it in the file input.data of its workspace.",
    name_label: "Name of the task",
    name_help: "Left empty: run and the application's name.",
};

pub(crate) async fn ask(visit: Visit, app: web::Path<String>) -> Result<HttpResponse, Failure> {
    let package = Kind::App.fetch(visit.client(), &app).await?;
    let earlier = earlier(visit.client(), &package).await?;
    let (fields, problem) = (RunFields::new(&earlier), Problem::none());
    answer(&sheet(&visit, &package, &fields, earlier, &problem), &problem)
}

pub(crate) async fn carry_out(
    visit: Visit,
    app: web::Path<String>,
    form: Checked<RunFields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (visit.client(), form.fields);
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
    let earlier = earlier(client, &package).await?;
    answer(&sheet(&visit, &package, &fields, earlier, &problem), &problem)
}

fn body(package: &Package, fields: &RunFields) -> Result<CreateTask, Problem> {
    let app_id = package.id.parse().map_err(|_| Problem::field("name", Failure::no_page()))?;
    Ok(CreateTask {
        app_id,
        task_name: fields.name(),
        input_data: fields.input()?,
        priority: fields.priority()?,
        key: None,
    })
}

async fn earlier(client: &ManagerClient, package: &Package) -> Result<Inputs, Failure> {
    let app_id = package.id.parse().map_err(|_| Failure::no_page())?;
    let latest = ListTasks { app_id: Some(app_id), limit: Some(EARLIER), ..ListTasks::default() };
    let mut inputs = Inputs::default();
    for task in client.list_tasks(&latest).await?.items {
        if let Ok(input) = client.fetch_task_input(&task.task_id.to_string()).await {
            inputs.add(&task.task_name, &input);
        }
    }
    Ok(inputs)
}

fn sheet(visit: &Visit, package: &Package, fields: &RunFields, earlier: Inputs, problem: &Problem) -> Sheet {
    let base = package.url();
    Sheet {
        frame: package.frame_below(visit, &format!("Run {}", package.name)),
        title: format!("Run {}", visible(&package.name)),
        intro: Prose::new(&format!("Makes a task of version {}.", package.version.number), 200),
        refusal: problem.refusal(),
        action: format!("{base}/run"),
        pieces: fields.pieces(WORDS, earlier, problem),
        button: "Run it",
        back: base,
        command: Some(fields.command(format!("lp task create -a {}", shell_word(&package.name)))),
    }
}
