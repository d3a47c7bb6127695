//! Name and description of an application or a venv.

use actix_web::{HttpResponse, web};
use lp_protocol::views::{UpdateApp, UpdateVenv};
use serde::Deserialize;

use super::{Kind, Package};
use crate::failure::Failure;
use crate::pages::Visit;
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::parts::{Field, FormCommand, Prose, shell_word, visible};

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
}

pub(crate) async fn ask(visit: Visit, path: web::Path<(Kind, String)>) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let package = kind.fetch(visit.client(), &wanted).await?;
    let fields = Fields { name: package.name.clone(), description: package.description.clone() };
    let problem = Problem::none();
    answer(&sheet(&visit, &package, &fields, &problem), &problem)
}

pub(crate) async fn carry_out(
    visit: Visit,
    path: web::Path<(Kind, String)>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let (client, fields) = (visit.client(), form.fields);
    let package = kind.fetch(client, &wanted).await?;
    let name = Some(fields.name.trim().to_owned()).filter(|name| *name != package.name);
    let description = Some(fields.description.trim().to_owned());
    let done = match kind {
        Kind::App => {
            let body = UpdateApp { name, description, ..UpdateApp::default() };
            client.update_app(&package.id, &body).await.map(|_| ())
        }
        Kind::Venv => {
            let body = UpdateVenv { name, description, ..UpdateVenv::default() };
            client.update_venv(&package.id, &body).await.map(|_| ())
        }
    };
    match done {
        Ok(()) => Ok(go_on(&package.url())),
        Err(error) => {
            let problem = Problem::of(error.into(), &[("description", "description"), ("name", "name")]);
            answer(&sheet(&visit, &package, &fields, &problem), &problem)
        }
    }
}

fn sheet(visit: &Visit, package: &Package, fields: &Fields, problem: &Problem) -> Sheet {
    let base = package.url();
    let word = shell_word(&package.name);
    Sheet {
        frame: package.frame_below(visit, &format!("{}: edit", package.name)),
        title: format!("Edit {}", visible(&package.name)),
        intro: Prose::new(
            "Versions and tasks stay as they are; whoever calls it by its old name has to learn the new one.",
            500,
        ),
        refusal: problem.refusal(),
        action: format!("{base}/edit"),
        pieces: vec![
            Piece::field(
                Field::line("name", "Name", fields.name.clone()).required().error(problem.at("name")),
            ),
            Piece::field(
                Field::line("description", "Description", fields.description.clone())
                    .error(problem.at("description")),
            ),
        ],
        button: "Save",
        back: base,
        command: Some(
            FormCommand::new(format!("{} update {word}", package.kind.verb()))
                .flag("name", "-n", fields.name.clone(), "")
                .flag("description", "-d", fields.description.clone(), ""),
        ),
    }
}
