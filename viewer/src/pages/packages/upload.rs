//! Uploading: a new application or venv, or a new version of one. What the manager says against the archive or its manifest stands beside
//! the file.

use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{BlobView, CreateApp, CreateVenv, UpdateApp, UpdateVenv};

use super::form_data::{self, Sent};
use super::one::{frame, list_url};
use super::{Kind, Package};
use crate::failure::Failure;
use crate::frame::{Frame, Signed};
use crate::pages::sheet::{Piece, Problem, Sheet, answer, go_on};
use crate::parts::{Field, FormCommand, Prose, UploadField, shell_word, visible};
use crate::state::State;

/// What the manager's refusals are about.
const WORDS: &[(&str, &str)] = &[
    ("name is", "name"),
    ("already", "name"),
    ("is taken", "name"),
    ("`name`", "name"),
    ("description", "description"),
    ("archive", "file"),
    ("configuration.json", "file"),
    ("manifest", "file"),
    ("action", "file"),
    ("bytes", "file"),
    ("file", "file"),
];

/// The form for a new one.
pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    kind: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let kind = Kind::parse(&kind)?;
    let frame = create_frame(&state, &request, kind);
    answer(&create_sheet(frame, kind, &Sent::default(), &Problem::none()), &Problem::none())
}

pub(crate) async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    kind: web::Path<String>,
    form: Multipart,
) -> Result<HttpResponse, Failure> {
    let kind = Kind::parse(&kind)?;
    let mut sent = form_data::read(form, &signed).await?;
    if sent.name.trim().is_empty() {
        sent.name.clone_from(&sent.file_name);
    }
    let problem = match blob(&mut sent) {
        Err(problem) => problem,
        Ok(blob) => match make(&signed, kind, &sent, blob).await {
            Ok(url) => return Ok(go_on(&url)),
            Err(failure) => refusal(failure),
        },
    };
    let frame = create_frame(&state, &request, kind);
    answer(&create_sheet(frame, kind, &sent, &problem), &problem)
}

/// The form for a new version.
pub(crate) async fn ask_version(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let kind = Kind::parse(&kind)?;
    let package = kind.fetch(&signed.session.client, &wanted).await?;
    let frame = version_frame(&state, &request, kind, &package);
    answer(&version_sheet(frame, kind, &package, false, &Problem::none()), &Problem::none())
}

pub(crate) async fn add_version(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
    form: Multipart,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let (kind, client) = (Kind::parse(&kind)?, &signed.session.client);
    let package = kind.fetch(client, &wanted).await?;
    let mut sent = form_data::read(form, &signed).await?;
    let problem = match blob(&mut sent) {
        Err(problem) => problem,
        Ok(blob) => {
            let digest = Some(blob.digest);
            let updated = match kind {
                Kind::App => {
                    let body = UpdateApp { digest, strict: sent.strict, ..UpdateApp::default() };
                    client.update_app(&package.id, &body).await.map(|_| ())
                }
                Kind::Venv => {
                    let body = UpdateVenv { digest, ..UpdateVenv::default() };
                    client.update_venv(&package.id, &body).await.map(|_| ())
                }
            };
            match updated {
                Ok(()) => return Ok(go_on(&format!("/{}/{}/versions", kind.segment(), package.id))),
                Err(error) => refusal(error.into()),
            }
        }
    };
    let frame = version_frame(&state, &request, kind, &package);
    answer(&version_sheet(frame, kind, &package, sent.strict, &problem), &problem)
}

fn refusal(failure: Failure) -> Problem {
    Problem::of(failure, WORDS)
}

fn blob(sent: &mut Sent) -> Result<BlobView, Problem> {
    match sent.blob.take() {
        Some(Ok(blob)) => Ok(blob),
        Some(Err(failure)) => Err(Problem::field("file", failure)),
        None => {
            let message = "Choose the archive to upload.";
            Err(Problem::field("file", Failure::new(StatusCode::BAD_REQUEST, "Not accepted", message)))
        }
    }
}

/// Creates it and returns its address.
async fn make(signed: &Signed, kind: Kind, sent: &Sent, blob: BlobView) -> Result<String, Failure> {
    let client = &signed.session.client;
    let (name, description) = (sent.name.trim().to_owned(), sent.description.trim().to_owned());
    let digest = blob.digest;
    Ok(match kind {
        Kind::App => {
            let body = CreateApp { name, description, digest, strict: sent.strict };
            format!("/apps/{}", client.create_app(&body).await?.app_id)
        }
        Kind::Venv => {
            let body = CreateVenv { name, description, digest };
            format!("/venvs/{}", client.create_venv(&body).await?.venv_id)
        }
    })
}

fn create_frame(state: &State, request: &HttpRequest, kind: Kind) -> Frame {
    frame(state, request, kind, "Upload").crumb(kind.plural(), list_url(kind))
}

fn create_sheet(frame: Frame, kind: Kind, sent: &Sent, problem: &Problem) -> Sheet {
    let name = Field::line("name", "Name", sent.name.clone())
        .help("Left empty: what the file is called.")
        .error(problem.at("name"));
    let description = Field::line("description", "Description", sent.description.clone())
        .help("What it is for, in a sentence.")
        .error(problem.at("description"));
    let mut pieces = vec![Piece::field(name), Piece::field(description)];
    pieces.extend(file_pieces(kind, sent.strict, problem));
    let base = format!("{} create -f FILE", kind.verb());
    Sheet {
        frame,
        title: match kind {
            Kind::App => "Upload an application".to_owned(),
            Kind::Venv => "Upload a venv".to_owned(),
        },
        intro: Prose::new(intro(kind), 500),
        refusal: problem.refusal(),
        action: format!("/{}/new", kind.segment()),
        pieces,
        button: "Upload",
        back: list_url(kind),
        command: Some(
            FormCommand::new(base)
                .flag("name", "-n", sent.name.clone(), "")
                .flag("description", "-d", sent.description.clone(), "")
                .flag("strict", "--strict*", if sent.strict { "on" } else { "" }, ""),
        ),
    }
}

fn version_frame(state: &State, request: &HttpRequest, kind: Kind, package: &Package) -> Frame {
    frame(state, request, kind, &format!("{}: new version", package.name))
        .crumb(kind.plural(), list_url(kind))
        .crumb(visible(&package.name), format!("/{}/{}", kind.segment(), package.id))
}

fn version_sheet(frame: Frame, kind: Kind, package: &Package, strict: bool, problem: &Problem) -> Sheet {
    let base = format!("/{}/{}", kind.segment(), package.id);
    let line = format!("{} update {} -f FILE", kind.verb(), shell_word(&package.name));
    let active = package.version.number;
    let intro = format!(
        "The archive becomes the next version and is active at once: new tasks run it, those that run keep version {active}, and you can roll back to it."
    );
    Sheet {
        frame,
        title: format!("New version of {}", visible(&package.name)),
        intro: Prose::new(&intro, 500),
        refusal: problem.refusal(),
        action: format!("{base}/upload"),
        pieces: file_pieces(kind, strict, problem),
        button: "Upload",
        back: base,
        command: Some(FormCommand::new(line).flag("strict", "--strict*", if strict { "on" } else { "" }, "")),
    }
}

fn file_pieces(kind: Kind, strict: bool, problem: &Problem) -> Vec<Piece> {
    let strict_field =
        Field::check("strict", "Refuse a manifest with keys nobody knows, instead of warning", strict);
    let upload = UploadField {
        name: "file",
        label: "Archive",
        accept: ".tar.gz,.tgz,.tar,.tar.zst,.zip",
        help: "tar.gz, tar, tar.zst or zip. Choose it, or drop it anywhere on this page.",
        error: problem.at("file"),
    };
    // the file last: what stands after it is read only when all of it has come
    match kind {
        Kind::App => vec![Piece::field(strict_field), Piece::Upload(upload)],
        Kind::Venv => vec![Piece::Upload(upload)],
    }
}

fn intro(kind: Kind) -> &'static str {
    match kind {
        Kind::App => {
            "An application is an archive of programs with a `configuration.json` that says which of them run, in which order and where."
        }
        Kind::Venv => {
            "A venv is an environment packed with venv-pack, conda-pack or the like. Applications name it in their manifest, and every node fetches it once."
        }
    }
}
