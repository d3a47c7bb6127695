//! The manager's answer to why a task or a work stands where it stands.

use lp_protocol::views::WhyAction;

use crate::output::report::Report;
use crate::output::{Cell, Output, text};

/// The summary, and a line for each action or application that has a reason of its own.
pub(super) fn report(out: &Output, state: &Cell, summary: &str, reasons: &[WhyAction]) -> Report {
    let mut report = Report::on(out);
    report.head(state, summary);
    for WhyAction { name, reason, hint } in reasons {
        let hint = hint.as_ref().map(|hint| format!("\n{hint}")).unwrap_or_default();
        report.line(&text::visible(name), &format!("{reason}{hint}"));
    }
    report
}
