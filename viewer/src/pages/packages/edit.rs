//! Name and description of an application or a venv.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{UpdateApp, UpdateVenv};
use serde::Deserialize;

use super::one::{frame, list_url};
use super::{Kind, Package};
use crate::failure::Failure;
use crate::frame::Signed;
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::parts::{Field, FormCommand, Prose, shell_word, visible};
use crate::state::State;

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
}

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let kind = Kind::parse(&kind)?;
    let package = kind.fetch(&signed.session.client, &wanted).await?;
    let fields = Fields { name: package.name.clone(), description: package.description.clone() };
    let problem = Problem::none();
    answer(&sheet(&state, &request, kind, &package, &fields, &problem), &problem)
}

pub(crate) async fn carry_out(
    state: web::Data<State>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let (kind, client, fields) = (Kind::parse(&kind)?, &form.signed.session.client, form.fields);
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
        Ok(()) => Ok(go_on(&format!("/{}/{}", kind.segment(), package.id))),
        Err(error) => {
            let problem = Problem::of(error.into(), &[("description", "description"), ("name", "name")]);
            answer(&sheet(&state, &request, kind, &package, &fields, &problem), &problem)
        }
    }
}

fn sheet(
    state: &State,
    request: &HttpRequest,
    kind: Kind,
    package: &Package,
    fields: &Fields,
    problem: &Problem,
) -> Sheet {
    let base = format!("/{}/{}", kind.segment(), package.id);
    let name = visible(&package.name);
    let word = shell_word(&package.name);
    Sheet {
        frame: frame(state, request, kind, &format!("{}: edit", package.name))
            .crumb(kind.plural(), list_url(kind))
            .crumb(name.clone(), base.clone()),
        title: format!("Edit {name}"),
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
            FormCommand::new(format!("{} update {word}", kind.verb()))
                .flag("name", "-n", fields.name.clone(), "")
                .flag("description", "-d", fields.description.clone(), ""),
        ),
    }
}
