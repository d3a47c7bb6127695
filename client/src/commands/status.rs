//! `lp status`.

use lp_protocol::views::ClusterStatus;

use super::Session;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Output, Tint, text};

pub(crate) async fn run(session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let status = client.fetch_status().await?;
    session.out.document(&status, || report(&session.out, client.base_url(), &status))
}

fn report(out: &Output, url: &str, status: &ClusterStatus) -> String {
    let look = &out.look();
    let tint = if status.role == "leader" { Tint::Good } else { Tint::Warn };
    let up = text::duration(text::between(status.start_at, look.now));
    let mut report = Report::on(out);
    report
        .head(&Cell::new(&status.role, tint), url)
        .line("version", &status.version)
        .line("database", &status.database)
        .line("up for", &format!("{up} (since {})", text::exact(status.start_at)))
        .line("tasks", &format!("{} running, {} pending", status.tasks_running, status.tasks_pending))
        .line(
            "actions",
            &format!(
                "{} running, {} could start if there were room",
                status.actions_running, status.actions_queued
            ),
        )
        .line("slots", &format!("{} of {} in use", status.slots_in_use, status.slots))
        .line("nodes", &format!("{} of {} connected", status.nodes_connected, status.nodes));
    report.into_text()
}
