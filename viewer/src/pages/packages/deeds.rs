//! What is asked about before it is done to an application, a venv or a version of one: delete, activate, roll back.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::VersionRef;

use super::one::{frame, list_url};
use super::{Kind, Package, diff};
use crate::failure::Failure;
use crate::frame::Signed;
use crate::pages::form::Checked;
use crate::pages::sheet::go_on;
use crate::pages::{Nothing, confirm};
use crate::parts::{Command, Confirm, bytes, shell_word, visible};
use crate::state::State;

pub(crate) async fn ask_delete(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let kind = Kind::parse(&kind)?;
    let package = kind.fetch(&signed.session.client, &wanted).await?;
    let consequence = match kind {
        Kind::App => {
            "All its versions are removed from the cluster. Its finished tasks stay with their results and logs; what runs keeps it until it ends. This cannot be undone."
        }
        Kind::Venv => {
            "All its versions are removed from the cluster. Applications that name it cannot run until there is one of this name again. This cannot be undone."
        }
    };
    let line = format!("{} delete {}", kind.verb(), shell_word(&package.name));
    question(
        &state,
        &request,
        kind,
        &package,
        Question {
            deed: format!("Delete the {}", kind.noun()),
            consequence: consequence.to_owned(),
            path: "delete".to_owned(),
            is_danger: true,
            line,
        },
    )
}

pub(crate) async fn delete(
    path: web::Path<(String, String)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (kind, package) = path.into_inner();
    let (kind, client) = (Kind::parse(&kind)?, &form.signed.session.client);
    match kind {
        Kind::App => client.delete_app(&package).await?,
        Kind::Venv => client.delete_venv(&package).await?,
    }
    Ok(go_on(&list_url(kind)))
}

pub(crate) async fn ask_version(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String, String, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted, version, deed) = path.into_inner();
    let (kind, client) = (Kind::parse(&kind)?, &signed.session.client);
    let (version, deed) = (diff::parse(&version)?, Deed::parse(&deed)?);
    let package = kind.fetch(client, &wanted).await?;
    let info = client.fetch_version(kind.of_client(), &package.id, version).await?;
    let (number, active) = (info.version.number, package.version.number);
    let consequence = match deed {
        Deed::Activate => {
            let kept = match info.open_tasks {
                0 => String::new(),
                1 => " The 1 task that runs keeps the version it has.".to_owned(),
                open => format!(" The {open} tasks that run keep the version they have."),
            };
            format!("New tasks run version {number} instead of version {active}.{kept}")
        }
        Deed::Delete => format!(
            "Version {number} ({}) is removed and its number is never given again. Finished tasks that ran it stay. This cannot be undone.",
            bytes(info.version.size_bytes)
        ),
    };
    let verb = match deed {
        Deed::Activate => "rollback",
        Deed::Delete => "history delete",
    };
    question(
        &state,
        &request,
        kind,
        &package,
        Question {
            deed: format!("{} version {number}", deed.word()),
            consequence,
            path: format!("versions/{number}/{}", deed.path()),
            is_danger: deed == Deed::Delete,
            line: format!("{} {verb} {} {number}", kind.verb(), shell_word(&package.name)),
        },
    )
}

pub(crate) async fn carry_out_version(
    path: web::Path<(String, String, String, String)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (kind, package, version, deed) = path.into_inner();
    let (kind, client) = (Kind::parse(&kind)?, &form.signed.session.client);
    let (version, of): (VersionRef, _) = (diff::parse(&version)?, kind.of_client());
    let id = kind.fetch(client, &package).await?.id;
    match Deed::parse(&deed)? {
        Deed::Activate => _ = client.activate_version(of, &id, version).await?,
        Deed::Delete => client.delete_version(of, &id, version).await?,
    }
    Ok(go_on(&format!("/{}/{id}/versions", kind.segment())))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Activate,
    Delete,
}

impl Deed {
    fn parse(word: &str) -> Result<Self, Failure> {
        match word {
            "activate" => Ok(Deed::Activate),
            "delete" => Ok(Deed::Delete),
            _ => Err(Failure::no_page()),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Deed::Activate => "activate",
            Deed::Delete => "delete",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Deed::Activate => "Activate",
            Deed::Delete => "Delete",
        }
    }
}

struct Question {
    deed: String,
    consequence: String,
    /// Behind the package's own address.
    path: String,
    is_danger: bool,
    line: String,
}

fn question(
    state: &State,
    request: &HttpRequest,
    kind: Kind,
    package: &Package,
    question: Question,
) -> Result<HttpResponse, Failure> {
    let base = format!("/{}/{}", kind.segment(), package.id);
    let frame = frame(state, request, kind, &question.deed)
        .crumb(kind.plural(), list_url(kind))
        .crumb(visible(&package.name), base.clone());
    let question = Confirm {
        deed: question.deed,
        badge: None,
        name: visible(&package.name),
        of: String::new(),
        consequence: question.consequence,
        action: format!("{base}/{}", question.path),
        csrf: frame.csrf.clone(),
        fields: Vec::new(),
        is_danger: question.is_danger,
        command: Some(Command::new(question.line)),
        url: base,
    };
    confirm(frame, question)
}
