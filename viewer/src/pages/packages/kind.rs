//! An application or a venv: the words that differ, and one shape for both.

use chrono::{DateTime, Utc};
use lp_protocol::client::{ListPackages, ManagerClient, PackageKind};
use lp_protocol::plan::Plan;
use lp_protocol::views::{AppView, HolderView, Page, VenvUsers, VenvView, VersionView};
use serde::Deserialize;

use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::Visit;
use crate::parts::{clip, visible};

/// As the first part of an address says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Kind {
    #[serde(rename = "apps")]
    App,
    #[serde(rename = "venvs")]
    Venv,
}

impl Kind {
    /// As the first part of an address says it.
    pub(crate) fn parse(segment: &str) -> Result<Self, Failure> {
        match segment {
            "apps" => Ok(Kind::App),
            "venvs" => Ok(Kind::Venv),
            _ => Err(Failure::no_page()),
        }
    }

    pub(crate) fn segment(self) -> &'static str {
        match self {
            Kind::App => "apps",
            Kind::Venv => "venvs",
        }
    }

    pub(crate) fn list_url(self) -> &'static str {
        match self {
            Kind::App => "/apps",
            Kind::Venv => "/venvs",
        }
    }

    /// As a sentence and as `lp` says it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Kind::App => "application",
            Kind::Venv => "venv",
        }
    }

    pub(crate) fn verb(self) -> &'static str {
        match self {
            Kind::App => "lp app",
            Kind::Venv => "lp venv",
        }
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Kind::App => "Applications",
            Kind::Venv => "Venvs",
        }
    }

    pub(crate) fn section(self) -> Section {
        match self {
            Kind::App => Section::Apps,
            Kind::Venv => Section::Venvs,
        }
    }

    pub(crate) fn of_client(self) -> PackageKind {
        match self {
            Kind::App => PackageKind::App,
            Kind::Venv => PackageKind::Venv,
        }
    }

    pub(crate) async fn list(
        self,
        client: &ManagerClient,
        query: &ListPackages,
    ) -> Result<Page<Package>, Failure> {
        Ok(match self {
            Kind::App => shaped(client.list_apps(query).await?),
            Kind::Venv => shaped(client.list_venvs(query).await?),
        })
    }

    pub(crate) async fn fetch(self, client: &ManagerClient, text: &str) -> Result<Package, Failure> {
        Ok(match self {
            Kind::App => client.fetch_app_head(text).await?.into(),
            Kind::Venv => client.fetch_venv(text).await?.into(),
        })
    }

    /// The same with an application's plan and manifest, which may be large.
    pub(crate) async fn fetch_whole(self, client: &ManagerClient, text: &str) -> Result<Package, Failure> {
        Ok(match self {
            Kind::App => client.fetch_app(text).await?.into(),
            Kind::Venv => client.fetch_venv(text).await?.into(),
        })
    }
}

fn shaped<T: Into<Package>>(page: Page<T>) -> Page<Package> {
    Page { items: page.items.into_iter().map(Into::into).collect(), next_cursor: page.next_cursor }
}

#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) create_at: DateTime<Utc>,
    pub(crate) update_at: DateTime<Utc>,
    pub(crate) version: VersionView,
    /// Of an application all of which was asked for.
    pub(crate) plan: Option<Plan>,
    pub(crate) manifest: Option<String>,
    /// Of a venv.
    pub(crate) users: VenvUsers,
    /// Nodes that hold the active version, or failed to; None where the manager that was asked does not know.
    pub(crate) nodes: Option<Vec<HolderView>>,
}

impl Package {
    /// Its page.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.kind.list_url(), self.id)
    }

    /// The frame of a page below its own.
    pub(crate) fn frame_below(&self, visit: &Visit, title: &str) -> Frame {
        visit.frame_below(self.kind.section(), &clip(title, 80)).crumb(visible(&self.name), self.url())
    }
}

impl From<AppView> for Package {
    fn from(view: AppView) -> Self {
        let AppView { app_id, name, description, create_at, update_at, version, plan, manifest, nodes } =
            view;
        let (id, short) = (app_id.to_string(), app_id.short());
        let (kind, users) = (Kind::App, VenvUsers::default());
        Self {
            kind,
            id,
            short,
            name,
            description,
            create_at,
            update_at,
            version,
            plan,
            manifest,
            users,
            nodes,
        }
    }
}

impl From<VenvView> for Package {
    fn from(view: VenvView) -> Self {
        let VenvView { venv_id, name, description, create_at, update_at, version, users, nodes } = view;
        let (id, short) = (venv_id.to_string(), venv_id.short());
        let (kind, plan, manifest) = (Kind::Venv, None, None);
        Self {
            kind,
            id,
            short,
            name,
            description,
            create_at,
            update_at,
            version,
            plan,
            manifest,
            users,
            nodes,
        }
    }
}
