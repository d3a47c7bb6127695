//! `lp schedule info`.

use lp_protocol::views::{NextInstant, NextInstants, ScheduleInfo};

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Row, Tint, text};

/// Coming instants shown with a schedule.
const NEXT: u32 = 3;

pub(super) async fn run(session: &Session, schedule: &str) -> Result<(), Failure> {
    let client = session.client()?;
    let info = client.fetch_schedule(schedule).await?;
    let mut coming = Vec::new();
    if info.schedule.enable && session.out.is_for_people() {
        let query = NextInstants { count: Some(NEXT), after: None };
        // the report is worth having without it
        coming =
            client.preview_schedule(&info.schedule.schedule_id.to_string(), &query).await.unwrap_or_default();
    }
    if session.out.format == crate::cli::Format::Name {
        return session.out.line(&info.schedule.name());
    }
    session.out.document(&info, || text(session, &info, &coming))
}

fn text(session: &Session, info: &ScheduleInfo, coming: &[NextInstant]) -> String {
    let look = &session.out.look();
    let schedule = &info.schedule;
    let state =
        if schedule.enable { Cell::new("enabled", Tint::Good) } else { Cell::new("disabled", Tint::Dim) };
    let mut report = Report::on(&session.out);
    let source = format!("{} {} ({})", schedule.source, schedule.source_name, schedule.source_id);
    report
        .head(&state, &schedule.schedule_name)
        .line("id", &schedule.schedule_id.to_string())
        .line("runs", &source)
        .line("times", &format!("{}   {}", schedule.cron, schedule.tz))
        .maybe("from", schedule.start_at.map(text::exact))
        .maybe("until", schedule.end_at.map(text::exact))
        .line("catch-up", &schedule.catchup.to_string())
        .line("overlap", schedule.overlap.as_str())
        .maybe("jitter", (schedule.jitter > 0.0).then(|| text::seconds(schedule.jitter)))
        .line("input", info.input_data.get())
        .line("created", &look.time(schedule.create_at))
        .line("updated", &look.time(schedule.update_at));
    let walls: Vec<&str> = coming.iter().map(|next| next.wall.as_str()).collect();
    report.maybe("next", Some(walls.join("\n")).filter(|walls| !walls.is_empty()));
    if !info.instants.is_empty() {
        let rows = info.instants.iter().map(|instant| instant.cells(look)).collect();
        report.table(lp_protocol::views::InstantView::COLUMNS, rows);
    }
    report.into_text()
}
