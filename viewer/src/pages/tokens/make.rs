//! A new token. Its secret is on the page that answers the form, and nowhere else: in no address, in no store of the browser, and gone when
//! the page is loaded again.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;
use lp_protocol::units::parse_duration;
use lp_protocol::views::{CreateToken, CreatedToken, Role};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer};
use crate::pages::text;
use crate::parts::{Field, FormCommand, Moment, Prose, visible};
use crate::state::State;

/// How long a token may be good for, as the command line has it, and the words for it.
const LASTING: [(&str, &str); 6] = [
    ("1d", "A day"),
    ("7d", "A week"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("365d", "A year"),
    ("", "Until it is revoked"),
];

#[derive(Debug, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    expire_after: String,
}

#[derive(Template)]
#[template(path = "tokens/made.html")]
struct Made {
    frame: Frame,
    name: String,
    role: &'static str,
    secret: String,
    expires: Option<Moment>,
    manager: String,
}

pub(crate) async fn ask(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let fields = Fields {
        name: String::new(),
        role: Role::Reader.as_str().to_owned(),
        expire_after: "90d".to_owned(),
    };
    let problem = Problem::none();
    answer(&sheet(&state, &request, &fields, &problem), &problem)
}

pub(crate) async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let problem = match body(&fields) {
        Err(problem) => problem,
        Ok(body) => match client.create_token(&body).await {
            Ok(made) => return made_page(&state, &request, made, client.base_url()),
            Err(error) => Problem::of(error.into(), &[("`expire_after`", "expire_after"), ("name", "name")]),
        },
    };
    answer(&sheet(&state, &request, &fields, &problem), &problem)
}

fn body(fields: &Fields) -> Result<CreateToken, Problem> {
    let role = fields.role.parse().map_err(|_| Problem::at_field("role", "choose a role"))?;
    let expire_after = match fields.expire_after.trim() {
        "" => None,
        text => {
            let after = parse_duration(text)
                .map_err(|error| Problem::at_field("expire_after", &error.to_string()))?;
            Some(after.as_secs_f64())
        }
    };
    Ok(CreateToken { name: fields.name.trim().to_owned(), role, expire_after })
}

fn made_page(
    state: &State,
    request: &HttpRequest,
    made: CreatedToken,
    manager: &str,
) -> Result<HttpResponse, Failure> {
    let CreatedToken { secret, token } = made;
    let page = Made {
        frame: frame(state, request, "Token made"),
        name: visible(&token.name),
        role: token.role.as_str(),
        secret: visible(&secret),
        expires: token.expire_at.map(|at| Moment::new(at, Utc::now())),
        manager: manager.to_owned(),
    };
    Ok(HttpResponse::Created()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text(&page)?))
}

fn frame(state: &State, request: &HttpRequest, title: &str) -> Frame {
    Frame::new(state, request, Section::Elsewhere, title).crumb("Account", "/account").crumb("Tokens", LIST)
}

fn sheet(state: &State, request: &HttpRequest, fields: &Fields, problem: &Problem) -> Sheet {
    let choices = |options: &[(&str, &str)]| {
        options.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
    };
    let name = Field::line("name", "Name", fields.name.clone())
        .required()
        .placeholder("dashboard")
        .help("What uses it: it stands beside what is done with it, and tells you which one to revoke.")
        .error(problem.at("name"));
    let roles = [
        (Role::Reader.as_str(), "Reader: sees everything but tokens, changes nothing"),
        (Role::Administrator.as_str(), "Administrator: may do everything"),
    ];
    let role = Field::choice("role", "Role", fields.role.clone(), choices(&roles))
        .help("Give a dashboard a reader's, and an administrator's only to what has to change something.")
        .error(problem.at("role"));
    let lasting = Field::choice("expire_after", "Good for", fields.expire_after.clone(), choices(&LASTING))
        .help("Afterwards it is refused. It can be revoked at any time before.")
        .error(problem.at("expire_after"));
    Sheet {
        frame: frame(state, request, "New token"),
        title: "New token".to_owned(),
        intro: Prose::new(
            "A program, or a person, calls the manager with a token of their own. You see its secret once, on the next page.",
            300,
        ),
        refusal: problem.refusal(),
        action: format!("{LIST}/new"),
        pieces: vec![Piece::field(name), Piece::field(role), Piece::field(lasting)],
        button: "Make the token",
        back: LIST.to_owned(),
        command: Some(
            FormCommand::new("lp token create")
                .flag("name", "-n", fields.name.clone(), "")
                .flag("role", "--role", fields.role.clone(), "")
                .flag("expire_after", "--expire-after", fields.expire_after.clone(), ""),
        ),
    }
}
