//! `lp service info`.

use lp_protocol::views::{ServiceInfo, ServiceView};

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Row, Tint, text};

pub(super) async fn run(session: &Session, service: &str) -> Result<(), Failure> {
    let info = session.client()?.fetch_service(service).await?;
    if session.out.format == crate::cli::Format::Name {
        return session.out.line(&info.service.name());
    }
    session.out.document(&info, || text(session, &info))
}

/// In a word: whether it does what it should.
fn state(service: &ServiceView) -> Cell {
    match service {
        ServiceView { enable: false, .. } => Cell::new("disabled", Tint::Dim),
        ServiceView { given_up: true, .. } => Cell::new("given up", Tint::Bad),
        ServiceView { retry_at: Some(_), .. } => Cell::new("waiting", Tint::Warn),
        ServiceView { stage: Some(stage), .. } if stage.is_open() => Cell::new(stage.as_str(), Tint::Good),
        ServiceView { .. } => Cell::new("starting", Tint::Busy),
    }
}

fn text(session: &Session, info: &ServiceInfo) -> String {
    let look = &session.out.look();
    let service = &info.service;
    let follows = if service.follow_active { ", follows the active version" } else { "" };
    let app = format!("{} ({}), version {}{follows}", service.app_name, service.app_id, service.version);
    let grace = service.grace.map_or_else(|| "of each action".to_owned(), text::seconds);
    let limit =
        service.max_restarts.map(|most| format!(", given up after {most} in a row")).unwrap_or_default();
    let mut report = Report::on(&session.out);
    report
        .head(&state(service), &service.name)
        .line("id", &service.service_id.to_string())
        .maybe("description", Some(service.description.clone()).filter(|text| !text.is_empty()))
        .line("application", &app)
        .maybe("task", service.task_id.map(|id| id.to_string()))
        .line("restarts", &format!("{}, {} in a row{limit}", service.restarts, service.failures))
        .maybe("last end", service.reason.clone())
        .maybe("next try", service.retry_at.map(text::exact))
        .line(
            "back-off",
            &format!(
                "{} doubling to {}, forgotten after {}",
                text::seconds(service.delay),
                text::seconds(service.max_delay),
                text::seconds(service.reset_after)
            ),
        )
        .maybe("health", service.health.as_ref().map(super::health::sentence))
        .line("stop", &format!("signal {}, grace {grace}", service.signal))
        .line("input", info.input_data.get())
        .line("created", &look.time(service.create_at))
        .line("updated", &look.time(service.update_at));
    report.into_text()
}
