//! What is wrong with a venv, as the manager's doctor finds it, and which nodes hold a package.

use actix_web::{HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use lp_protocol::views::{FindingSeverity, HolderView, VenvReport};

use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::{Visit, html};
use crate::parts::{Badge, Command, Facts, Look, Prose, Value, bytes, clip, plural, shell_word, visible};

/// Rows of each list.
const MAX_ROWS: usize = 200;

#[derive(Template)]
#[template(path = "packages/doctor.html")]
struct Page {
    frame: Frame,
    base: String,
    name: String,
    findings: Vec<Finding>,
    facts: Facts,
    holders: Holders,
    command: Command,
}

struct Finding {
    badge: Badge,
    text: Prose,
    hint: Prose,
}

/// Nodes that hold a package, or could not make use of it.
#[derive(Template)]
#[template(path = "packages/holders.html")]
pub(super) struct Holders {
    rows: Vec<Holder>,
}

impl HtmlSafe for Holders {}

struct Holder {
    url: String,
    name: String,
    size: String,
    python: String,
    fault: Option<Prose>,
}

impl Holders {
    pub(super) fn new(holders: &[HolderView]) -> Self {
        let row = |holder: &HolderView| Holder {
            url: format!("/nodes/{}", holder.node_id),
            name: visible(&holder.name),
            size: if holder.fault.is_some() { String::new() } else { bytes(holder.bytes) },
            python: holder.python.as_deref().map(|python| clip(python, 100)).unwrap_or_default(),
            fault: holder.fault.as_ref().map(|fault| Prose::new(fault, 300)),
        };
        Self { rows: holders.iter().take(MAX_ROWS).map(row).collect() }
    }
}

pub(crate) async fn show(visit: Visit, venv: web::Path<String>) -> Result<HttpResponse, Failure> {
    let report = visit.client().check_venv(&venv, None).await?;
    let base = format!("/venvs/{}", report.venv_id);
    let frame = visit
        .frame_below(Section::Venvs, &clip(&format!("{}: check", report.name), 80))
        .crumb(visible(&report.name), base.clone());
    html(&Page {
        frame,
        base,
        findings: report.findings.iter().take(MAX_ROWS).map(Finding::new).collect(),
        facts: facts(&report),
        holders: Holders::new(&report.nodes),
        command: Command::new(format!("lp venv doctor {}", shell_word(&report.name))),
        name: visible(&report.name),
    })
}

impl Finding {
    fn new(finding: &lp_protocol::views::VenvFinding) -> Self {
        let look = match finding.severity {
            FindingSeverity::Error => Look::Fail,
            FindingSeverity::Warning => Look::Stopping,
        };
        Self {
            badge: Badge { look, word: finding.severity.as_str() },
            text: Prose::new(&finding.text, 500),
            hint: Prose::new(&finding.hint, 500),
        }
    }
}

fn facts(report: &VenvReport) -> Facts {
    let platforms = match report.platforms.is_empty() {
        true => "any".to_owned(),
        false => clip(&report.platforms.join(", "), 200),
    };
    Facts::default()
        .row("Version", Value::Text(format!("{}, {}", report.version, bytes(report.size_bytes))))
        .row("Form", Value::Text(visible(&report.form)))
        .maybe("Python", report.python.as_ref().map(|python| Value::Text(visible(python))))
        .row("Platform", Value::Text(platforms))
        .row(
            "Contents",
            Value::Text(format!(
                "{}, {}, {} unpacked",
                plural(report.packages, "package"),
                plural(report.files, "file"),
                bytes(report.unpacked_bytes)
            )),
        )
        .row("Digest", Value::Code(visible(&report.digest)))
}
