//! The form that makes a workflow or changes one. Its definition is written as JSON or YAML; what the manager says against it stands beside it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use lp_protocol::views::{CreateWorkflow, UpdateWorkflow, WorkflowView};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::LIST;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::Visit;
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::parts::{Field, FormCommand, clip, json, shell_word};

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

pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Failure> {
    let fields = Fields { definition: EXAMPLE.to_owned(), enable: "on".to_owned(), ..Fields::default() };
    show(&visit, None, &fields, &Problem::none())
}

pub(crate) async fn create(visit: Visit, form: Checked<Fields>) -> Result<HttpResponse, Failure> {
    let (client, fields) = (visit.client(), form.fields);
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
    show(&visit, None, &fields, &problem)
}

pub(crate) async fn ask_change(visit: Visit, workflow: web::Path<String>) -> Result<HttpResponse, Failure> {
    let view = visit.client().fetch_workflow(&workflow).await?;
    let fields = Fields {
        name: view.name.clone(),
        description: view.description.clone(),
        definition: whole(&view),
        enable: if view.enable { "on".to_owned() } else { String::new() },
        strict: String::new(),
    };
    show(&visit, Some(&view), &fields, &Problem::none())
}

pub(crate) async fn change(
    visit: Visit,
    workflow: web::Path<String>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (visit.client(), form.fields);
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
    show(&visit, Some(&view), &fields, &problem)
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

fn show(
    visit: &Visit,
    of: Option<&WorkflowView>,
    fields: &Fields,
    problem: &Problem,
) -> Result<HttpResponse, Failure> {
    let definition = Field::area("definition", "Definition", fields.definition.clone(), 18)
        .help("JSON or YAML: applications with name, app, condition, input, version and priority; event_applications with success and fail; fail_fast.")
        .required()
        .error(problem.at("definition"));
    let (line, sheet) = match of {
        None => (
            "lp workflow create -c workflow.json".to_owned(),
            Sheet::to_create(
                visit,
                Section::Workflows,
                "workflow",
                "A workflow runs applications in the order of their conditions, and gives each what those before it have left.",
            ),
        ),
        Some(view) => (
            format!("lp workflow update {} -c workflow.json", shell_word(&view.name)),
            Sheet::to_change(
                visit,
                Section::Workflows,
                &view.name,
                format!("{LIST}/{}", view.workflow_id),
                "Works that exist keep the copy they were made with; new ones follow this.",
            ),
        ),
    };
    let sheet = Sheet {
        refusal: problem.refusal(),
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
        command: Some(
            FormCommand::new(line)
                .flag("name", "-n", fields.name.clone(), "")
                .flag("description", "-d", fields.description.clone(), "")
                .flag("strict", "--strict*", fields.strict.clone(), ""),
        ),
        ..sheet
    };
    answer(&sheet, problem)
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
