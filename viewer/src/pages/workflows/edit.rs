//! The form that makes a workflow or changes one. Its definition is written as JSON or YAML; what the manager says against it stands beside it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{CreateWorkflow, UpdateWorkflow, WorkflowView};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::parts::{Field, FormCommand, Prose, clip, json, shell_word, visible};
use crate::state::State;

/// What an empty form begins with.
const EXAMPLE: &str = r#"{
  "applications": [
    {"name": "import", "app": "APPLICATION"},
    {"name": "report", "app": "APPLICATION", "condition": ["import"]}
  ]
}"#;

/// What the manager's refusals are about.
const WORDS: &[(&str, &str)] =
    &[("name is", "name"), ("`name`", "name"), ("has this name", "name"), ("called", "name")];

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    definition: String,
    #[serde(default)]
    enable: String,
    #[serde(default)]
    strict: String,
}

pub(crate) async fn ask(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let fields = Fields { definition: EXAMPLE.to_owned(), enable: "on".to_owned(), ..Fields::default() };
    let problem = Problem::none();
    answer(&sheet(&state, &request, None, &fields, &problem), &problem)
}

pub(crate) async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let problem = match configuration(&fields) {
        Err(problem) => problem,
        Ok(configuration) => {
            let body = CreateWorkflow {
                name: fields.name.trim().to_owned(),
                description: fields.description.trim().to_owned(),
                configuration,
                enable: !fields.enable.is_empty(),
                strict: !fields.strict.is_empty(),
            };
            match client.create_workflow(&body).await {
                Ok(made) => return Ok(go_on(&format!("{LIST}/{}", made.workflow_id))),
                Err(error) => refusal(error.into()),
            }
        }
    };
    answer(&sheet(&state, &request, None, &fields, &problem), &problem)
}

pub(crate) async fn ask_change(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    workflow: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let view = signed.session.client.fetch_workflow(&workflow).await?;
    let fields = Fields {
        name: view.name.clone(),
        description: view.description.clone(),
        definition: whole(&view),
        enable: if view.enable { "on".to_owned() } else { String::new() },
        strict: String::new(),
    };
    let problem = Problem::none();
    answer(&sheet(&state, &request, Some(&view), &fields, &problem), &problem)
}

pub(crate) async fn change(
    state: web::Data<State>,
    request: HttpRequest,
    workflow: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let view = client.fetch_workflow(&workflow).await?;
    let id = view.workflow_id.to_string();
    let problem = match configuration(&fields) {
        Err(problem) => problem,
        Ok(configuration) => {
            let body = UpdateWorkflow {
                name: Some(fields.name.trim().to_owned()).filter(|name| *name != view.name),
                description: Some(fields.description.trim().to_owned()),
                configuration: Some(configuration),
                enable: Some(!fields.enable.is_empty()),
                strict: !fields.strict.is_empty(),
            };
            match client.update_workflow(&id, &body).await {
                Ok(_) => return Ok(go_on(&format!("{LIST}/{id}"))),
                Err(error) => refusal(error.into()),
            }
        }
    };
    answer(&sheet(&state, &request, Some(&view), &fields, &problem), &problem)
}

/// Most of what can be wrong is wrong with the definition.
fn refusal(failure: Failure) -> Problem {
    let is_about_more = !failure.status.is_client_error() || failure.is_signed_out();
    match WORDS.iter().any(|(word, _)| failure.message.to_lowercase().contains(word)) || is_about_more {
        true => Problem::of(failure, WORDS),
        false => Problem::field("definition", failure),
    }
}

/// A definition longer than a page shows is still a whole one in the form.
fn whole(view: &WorkflowView) -> String {
    let shown = json(view.configuration.get());
    if shown.is_cut { view.configuration.get().to_owned() } else { shown.text }
}

/// Reads the definition: JSON stays as it was typed, YAML becomes JSON.
fn configuration(fields: &Fields) -> Result<Box<RawValue>, Problem> {
    let refuse = |message: String| {
        let message = clip(&message, 500);
        Problem::field("definition", Failure::new(StatusCode::BAD_REQUEST, "Not accepted", message))
    };
    let text = fields.definition.trim();
    if text.starts_with('{') {
        return RawValue::from_string(text.to_owned())
            .map_err(|error| refuse(format!("This is not JSON: {error}.")));
    }
    let value: serde_json::Value = serde_norway::from_str(text)
        .map_err(|error| refuse(format!("This is neither JSON nor YAML: {error}.")))?;
    if !value.is_object() {
        return Err(refuse("A definition has a list of `applications`.".to_owned()));
    }
    serde_json::value::to_raw_value(&value).map_err(|error| refuse(error.to_string()))
}

fn sheet(
    state: &State,
    request: &HttpRequest,
    of: Option<&WorkflowView>,
    fields: &Fields,
    problem: &Problem,
) -> Sheet {
    let name = of.map(|view| visible(&view.name));
    let title = name.as_ref().map_or_else(|| "New workflow".to_owned(), |name| format!("Edit {name}"));
    let mut frame =
        Frame::new(state, request, Section::Workflows, &clip(&title, 80)).crumb("Workflows", LIST);
    let base = of.map(|view| format!("{LIST}/{}", view.workflow_id));
    if let (Some(name), Some(base)) = (&name, &base) {
        frame = frame.crumb(name.clone(), base.clone());
    }
    let definition = Field::area("definition", "Definition", fields.definition.clone(), 18)
        .help("JSON or YAML: applications with name, app, condition, input, version and priority; event_applications with success and fail; fail_fast.")
        .required()
        .error(problem.at("definition"));
    let line = match of {
        None => "lp workflow create -c workflow.json".to_owned(),
        Some(view) => format!("lp workflow update {} -c workflow.json", shell_word(&view.name)),
    };
    Sheet {
        frame,
        title,
        intro: Prose::new(
            match of {
                None => {
                    "A workflow runs applications in the order of their conditions, and gives each what those before it have left."
                }
                Some(_) => "Works that exist keep the copy they were made with; new ones follow this.",
            },
            300,
        ),
        refusal: problem.refusal(),
        action: base.as_ref().map_or_else(|| format!("{LIST}/new"), |base| format!("{base}/edit")),
        pieces: vec![
            Piece::Row(vec![
                Field::line("name", "Name", fields.name.clone()).required().error(problem.at("name")),
                Field::line("description", "Description", fields.description.clone()),
            ]),
            Piece::field(definition),
            Piece::field(Field::check(
                "enable",
                "Enabled: works can be made of it",
                !fields.enable.is_empty(),
            )),
            Piece::field(Field::check(
                "strict",
                "Refuse keys nobody knows, instead of warning",
                !fields.strict.is_empty(),
            )),
        ],
        button: if of.is_some() { "Save" } else { "Create it" },
        back: base.unwrap_or_else(|| LIST.to_owned()),
        command: Some(
            FormCommand::new(line)
                .flag("name", "-n", fields.name.clone(), "")
                .flag("description", "-d", fields.description.clone(), "")
                .flag("strict", "--strict*", fields.strict.clone(), ""),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(definition: &str) -> Result<String, String> {
        let fields = Fields { definition: definition.to_owned(), ..Fields::default() };
        configuration(&fields)
            .map(|raw| raw.get().to_owned())
            .map_err(|problem| problem.at("definition").unwrap_or_default())
    }

    #[test]
    fn a_definition_is_json_as_typed_or_yaml() {
        assert_eq!(read(" {\"applications\": []} ").unwrap(), "{\"applications\": []}");
        assert_eq!(
            read("applications:\n  - name: a\n    app: b\n").unwrap(),
            r#"{"applications":[{"name":"a","app":"b"}]}"#
        );
        for (wrong, said) in [("{", "not JSON"), ("a: [", "neither"), ("- a", "list of"), ("", "list of")] {
            assert!(read(wrong).unwrap_err().contains(said), "{wrong}: {:?}", read(wrong));
        }
    }
}
