//! `lp venv doctor`, and how users and nodes of a venv are written.

use lp_protocol::views::{FindingSeverity, HolderView, VenvFinding, VenvReport, VenvUsers};

use super::Session;
use super::venv::Doctor;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Tint, text};

/// Names told in one line; the rest is counted.
const FEW: usize = 5;

pub(crate) async fn run(session: &Session, doctor: Doctor) -> Result<(), Failure> {
    let report = session.client()?.check_venv(&doctor.venv, doctor.version).await?;
    session.out.document(&report, || self::report(session, &report))?;
    if report.findings.is_empty() { Ok(()) } else { Err(Failure::Shown) }
}

fn report(session: &Session, checked: &VenvReport) -> String {
    let mut report = Report::on(&session.out);
    let state = match checked.findings.first().map(|finding| finding.severity) {
        None => Cell::new("well", Tint::Good),
        Some(FindingSeverity::Warning) => Cell::new("doubtful", Tint::Warn),
        Some(FindingSeverity::Error) => Cell::new("ill", Tint::Bad),
    };
    let platforms = match &checked.platforms[..] {
        [] => "any".to_owned(),
        some => some.join(", "),
    };
    report
        .head(&state, &checked.name)
        .line("version", &format!("{} ({})", checked.version, &checked.digest.get(..12).unwrap_or_default()))
        .line("form", &checked.form)
        .maybe("python", checked.python.clone())
        .line("platform", &platforms)
        .line("packages", &checked.packages.to_string())
        .line(
            "size",
            &format!(
                "{} packed, {} unpacked in {} files",
                text::size(checked.size_bytes),
                text::size(checked.unpacked_bytes),
                checked.files
            ),
        )
        .line("users", &users(&checked.users))
        .line("nodes", &nodes(Some(&checked.nodes)));
    if !checked.findings.is_empty() {
        report.heading("findings");
    }
    for VenvFinding { severity, text, hint } in &checked.findings {
        let tint = match severity {
            FindingSeverity::Error => Tint::Bad,
            FindingSeverity::Warning => Tint::Warn,
        };
        report.marked(tint, severity.as_str(), text);
        report.marked(Tint::Dim, "  do:", hint);
    }
    report.into_text()
}

/// `apps first (count, sum), second; 3 tasks`.
pub(super) fn users(users: &VenvUsers) -> String {
    let VenvUsers { apps, open_tasks, tasks } = users;
    if apps.is_empty() && *open_tasks == 0 {
        return "none".to_owned();
    }
    let named: Vec<_> =
        apps.iter().map(|app| format!("{} ({})", app.name, few(app.actions.clone()))).collect();
    let apps = match apps.len() {
        0 => "no app".to_owned(),
        1 => format!("app {}", few(named)),
        count => format!("{count} apps: {}", few(named)),
    };
    let tasks: Vec<_> =
        tasks.iter().map(|task| format!("{} ({})", task.name, task.task_id.short())).collect();
    let open = match open_tasks {
        0 => String::new(),
        1 => "\n1 unfinished task".to_owned(),
        count => format!("\n{count} unfinished tasks"),
    };
    let tasks = if tasks.is_empty() { String::new() } else { format!(": {}", few(tasks)) };
    format!("{apps}{open}{tasks}")
}

/// One line for each node.
pub(super) fn nodes(nodes: Option<&[HolderView]>) -> String {
    match nodes {
        None => "unknown to a manager that stands by".to_owned(),
        Some([]) => "none holds it".to_owned(),
        Some(nodes) => nodes.iter().map(node).collect::<Vec<_>>().join("\n"),
    }
}

fn node(node: &HolderView) -> String {
    let HolderView { node_id: _, name, bytes, python, fault } = node;
    match (fault, python) {
        (Some(fault), _) => format!("{name}: {fault}"),
        (None, Some(python)) => format!("{name}: {}, Python {python}", text::size(*bytes)),
        (None, None) => format!("{name}: {}", text::size(*bytes)),
    }
}

fn few(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(FEW);
    names.truncate(FEW);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use lp_protocol::views::VenvApp;
    use lp_protocol::{AppId, NodeId};

    use super::*;

    #[test]
    fn users_are_told_by_name_and_counted() {
        let app = |name: &str| VenvApp {
            app_id: AppId::random(),
            name: name.into(),
            actions: vec!["a".into(), "b".into()],
        };
        let of = |apps: Vec<VenvApp>, open_tasks| users(&VenvUsers { apps, open_tasks, tasks: Vec::new() });

        assert_eq!(of(vec![], 0), "none");
        assert_eq!(of(vec![app("one")], 0), "app one (a, b)");
        assert_eq!(of(vec![], 2), "no app\n2 unfinished tasks");
        let many = of((0..7).map(|n| app(&n.to_string())).collect(), 1);
        assert_eq!(
            many,
            "7 apps: 0 (a, b), 1 (a, b), 2 (a, b), 3 (a, b), 4 (a, b) and 2 more\n1 unfinished task"
        );
    }

    #[test]
    fn a_node_that_failed_says_why() {
        let holder = HolderView {
            node_id: NodeId::random(),
            name: "w1".into(),
            bytes: 0,
            python: None,
            fault: Some("no room".into()),
        };
        assert_eq!(nodes(Some(&[holder])), "w1: no room");
        assert_eq!(nodes(Some(&[])), "none holds it");
    }
}
