//! What is asked about before it is done to an application, a venv or a version of one: delete, activate, roll back.

use actix_web::{HttpResponse, web};
use lp_protocol::views::VersionRef;
use serde::Deserialize;

use super::{Kind, diff};
use crate::failure::Failure;
use crate::pages::form::Checked;
use crate::pages::sheet::go_on;
use crate::pages::{Nothing, Visit, confirm};
use crate::parts::{Command, Confirm, bytes, shell_word, visible};

/// What is done to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    Activate,
    Delete,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Deed::Activate => "activate",
            Deed::Delete => "delete",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Deed::Activate => "Activate",
            Deed::Delete => "Delete",
        }
    }
}

pub(crate) async fn ask_delete(
    visit: Visit,
    path: web::Path<(Kind, String)>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let package = kind.fetch(visit.client(), &wanted).await?;
    let consequence = match kind {
        Kind::App => {
            "All its versions are removed from the cluster. Its finished tasks stay with their results and logs; what runs keeps it until it ends. This cannot be undone."
        }
        Kind::Venv => {
            "All its versions are removed from the cluster. Applications that name it cannot run until there is one of this name again. This cannot be undone."
        }
    };
    let deed = format!("Delete the {}", kind.noun());
    let question = Confirm {
        consequence: consequence.to_owned(),
        is_danger: true,
        command: Some(Command::new(format!("{} delete {}", kind.verb(), shell_word(&package.name)))),
        ..Confirm::new(&deed, "delete", visible(&package.name), package.url())
    };
    confirm(package.frame_below(&visit, &deed), question)
}

pub(crate) async fn delete(
    path: web::Path<(Kind, String)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (kind, package) = path.into_inner();
    let client = &form.signed.session.client;
    match kind {
        Kind::App => client.delete_app(&package).await?,
        Kind::Venv => client.delete_venv(&package).await?,
    }
    Ok(go_on(kind.list_url()))
}

pub(crate) async fn ask_version(
    visit: Visit,
    path: web::Path<(Kind, String, String, Deed)>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted, version, deed) = path.into_inner();
    let (client, version) = (visit.client(), diff::parse(&version)?);
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
    let command = match deed {
        Deed::Activate => "rollback",
        Deed::Delete => "history delete",
    };
    let title = format!("{} version {number}", deed.verb());
    let line = format!("{} {command} {} {number}", kind.verb(), shell_word(&package.name));
    let path = format!("versions/{number}/{}", deed.word());
    let question = Confirm {
        consequence,
        is_danger: deed == Deed::Delete,
        command: Some(Command::new(line)),
        ..Confirm::new(&title, &path, visible(&package.name), package.url())
    };
    confirm(package.frame_below(&visit, &title), question)
}

pub(crate) async fn carry_out_version(
    path: web::Path<(Kind, String, String, Deed)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (kind, package, version, deed) = path.into_inner();
    let client = &form.signed.session.client;
    let (version, of): (VersionRef, _) = (diff::parse(&version)?, kind.of_client());
    let id = kind.fetch(client, &package).await?.id;
    match deed {
        Deed::Activate => _ = client.activate_version(of, &id, version).await?,
        Deed::Delete => client.delete_version(of, &id, version).await?,
    }
    Ok(go_on(&format!("/{}/{id}/versions", kind.segment())))
}
