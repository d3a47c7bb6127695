//! What is wrong with an environment: with its archive, and with it on the nodes there are.

use actix_web::{HttpResponse, web};
use lp_package::venv::inspect::{Finding, Severity};
use lp_package::venv::{Inspection, inspect_archive};
use lp_protocol::frames::PackageKind;
use lp_protocol::views::{
    FindingSeverity, HolderView, VenvFinding, VenvReport, VenvView, VersionRef, VersionView,
};
use serde::Deserialize;

use super::failure::Failure;
use super::input::Query;
use super::names;
use super::packages::SURVEYS;
use super::state::State;
use crate::blobs::Key;
use crate::store::{PackageId, StoredNode};

/// Nodes named in a sentence; the rest is counted.
const FEW: usize = 5;

/// Query of the doctor.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DoctorQuery {
    /// Number of the version, `active` (the default) or `previous`.
    version: Option<String>,
}

/// Says what is wrong with a venv. Its whole archive is read.
#[utoipa::path(
    get,
    path = "/api/v1/venvs/{venv}/doctor",
    tag = "venvs",
    params(("venv" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"), DoctorQuery),
    responses((status = 200, body = VenvReport))
)]
pub(crate) async fn check(
    state: web::Data<State>,
    venv: web::Path<String>,
    query: Query<DoctorQuery>,
) -> Result<HttpResponse, Failure> {
    let venv_id = names::venv(&state, &venv).await?;
    let which = match &query.0.version {
        None => VersionRef::Active,
        Some(text) => text
            .parse()
            .map_err(|error: lp_protocol::views::NotAVersion| Failure::invalid(error.to_string()))?,
    };
    let found =
        state.store.find_venv(venv_id).await?.ok_or_else(|| Failure::not_found("venv", venv.as_str()))?;
    let mut found = [found];
    state.store.load_venv_users(&mut found).await?;
    let [VenvView { name, users, .. }] = found;
    let version = state.store.load_version(PackageId::Venv(venv_id), which).await?.version;
    let inspection = inspect(&state, &version).await?;
    let nodes = state.link.holders(PackageKind::Venv, &version.digest);
    let mut findings: Vec<_> = inspection.findings.iter().map(view).collect();
    findings.extend(of_nodes(&nodes));
    let known: Vec<_> = state.store.list_nodes().await?;
    let connected: Vec<_> = known.iter().filter(|node| state.link.is_connected(node.node_id)).collect();
    findings.extend(of_platforms(&inspection, &connected));
    findings.sort_by_key(|finding| finding.severity);
    let Inspection { form, python, files, bytes, platforms, packages, findings: _ } = inspection;
    Ok(HttpResponse::Ok().json(VenvReport {
        venv_id,
        name,
        version: version.number,
        digest: version.digest,
        size_bytes: version.size_bytes,
        form: form.as_str().to_owned(),
        python,
        platforms: platforms.into_iter().collect(),
        packages,
        files,
        unpacked_bytes: bytes,
        users,
        nodes,
        findings,
    }))
}

async fn inspect(state: &State, version: &VersionView) -> Result<Inspection, Failure> {
    let digest = super::blobs::parse_digest(&version.digest)?;
    let path = state.blobs.path_of(&Key::package(&digest));
    let _turn = SURVEYS.acquire().await.map_err(|error| Failure::internal(&error))?;
    let read = tokio::task::spawn_blocking(move || inspect_archive(&path));
    Ok(read.await.map_err(|error| Failure::internal(&error))??)
}

fn view(finding: &Finding) -> VenvFinding {
    let Finding { severity, text, hint } = finding;
    let severity = match severity {
        Severity::Error => FindingSeverity::Error,
        Severity::Warning => FindingSeverity::Warning,
    };
    VenvFinding { severity, text: text.clone(), hint: hint.clone() }
}

/// What nodes said when they tried to use it.
fn of_nodes(nodes: &[HolderView]) -> Vec<VenvFinding> {
    let faults = nodes.iter().filter_map(|node| {
        let text = format!("the node {} cannot use it: {}", node.name, node.fault.as_ref()?);
        let hint =
            "Do what the sentence says; the node tries again with the next action that needs it.".to_owned();
        Some(VenvFinding { severity: FindingSeverity::Error, text, hint })
    });
    faults.collect()
}

/// Nodes that cannot run what is in it.
fn of_platforms(inspection: &Inspection, connected: &[&StoredNode]) -> Option<VenvFinding> {
    let platform = |node: &StoredNode| node.facts.as_ref().map(|facts| facts.platform.clone());
    let runs =
        |node: &&&StoredNode| platform(node).is_none_or(|platform| inspection.platforms.contains(&platform));
    if inspection.platforms.is_empty() || connected.is_empty() {
        return None;
    }
    let others: Vec<_> = connected.iter().filter(|node| !runs(node)).collect();
    let made: Vec<_> = inspection.platforms.iter().map(String::as_str).collect();
    let named: Vec<_> = others
        .iter()
        .take(FEW)
        .map(|node| format!("{} ({})", node.name, platform(node).unwrap_or_default()))
        .collect();
    let more = if others.len() > FEW { format!(" and {} more", others.len() - FEW) } else { String::new() };
    let text =
        format!("it is made for {} and these nodes are not: {}{more}", made.join(", "), named.join(", "));
    let hint =
        "Make an environment for their platform too, or keep its actions off them with labels.".to_owned();
    let severity =
        if others.len() == connected.len() { FindingSeverity::Error } else { FindingSeverity::Warning };
    (!others.is_empty()).then_some(VenvFinding { severity, text, hint })
}
