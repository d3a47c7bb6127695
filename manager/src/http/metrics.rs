//! What the HTTP side counts, and the Prometheus text of everything the manager counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::Method;

use crate::engine::Overview;
use crate::sweep::Swept;

/// Counters since the start of this process. The labels are route patterns of ours, never paths of callers, so their number is bounded.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(String, String, u16), Served>>,
    pub(crate) upload_bytes: AtomicU64,
    pub(crate) download_bytes: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Served {
    count: u64,
    seconds: f64,
}

impl Metrics {
    pub(crate) fn count_request(&self, route: &str, method: &Method, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let served = requests.entry((route.to_owned(), known_method(method).to_owned(), status)).or_default();
        served.count += 1;
        served.seconds += took.as_secs_f64();
    }

    /// Everything as text; `overview` is None where the engine does not answer.
    pub(crate) fn render(&self, overview: Option<&Overview>, swept: &Swept) -> String {
        let mut page = Page::default();
        page.one("lp_up", "gauge", "1 while this process serves.", 1);
        page.one(
            "lp_leading",
            "gauge",
            "1 where this manager leads.",
            u64::from(overview.is_some_and(|overview| overview.leading)),
        );
        if let Some(overview) = overview {
            render_overview(&mut page, overview);
        }
        self.render_requests(&mut page);
        for (name, help, value) in [
            ("lp_swept_packages_total", "Packages nobody referred to that were removed.", &swept.packages),
            (
                "lp_swept_log_segments_total",
                "Log segments of deleted tasks that were removed.",
                &swept.log_segments,
            ),
            ("lp_retention_tasks_total", "Finished tasks that were not kept.", &swept.tasks),
            ("lp_retention_logs_total", "Logs that were not kept.", &swept.logs),
            ("lp_retention_workspaces_total", "Workspaces that were not kept.", &swept.workspaces),
            ("lp_retention_versions_total", "Versions that were not kept.", &swept.versions),
            ("lp_sweep_failures_total", "Sweeps that ended early.", &swept.failures),
        ] {
            page.one(name, "counter", help, value.load(Ordering::Relaxed));
        }
        page.text
    }

    fn render_requests(&self, page: &mut Page) {
        let requests = self.requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        page.head("lp_http_requests_total", "counter", "Requests answered, by route and status.");
        for ((route, method, status), served) in &requests {
            let labels = format!("route=\"{}\",method=\"{method}\",status=\"{status}\"", escape(route));
            page.line("lp_http_requests_total", &labels, served.count);
        }
        page.head("lp_http_request_seconds_total", "counter", "Time until the head of the answer, summed.");
        for ((route, method, status), served) in &requests {
            let labels = format!("route=\"{}\",method=\"{method}\",status=\"{status}\"", escape(route));
            page.line("lp_http_request_seconds_total", &labels, served.seconds);
        }
        let (up, down) =
            (self.upload_bytes.load(Ordering::Relaxed), self.download_bytes.load(Ordering::Relaxed));
        page.one("lp_upload_bytes_total", "counter", "Bytes of packages received.", up);
        page.one("lp_download_bytes_total", "counter", "Bytes of packages sent.", down);
    }
}

/// Anybody may invent methods; the labels may not grow with them.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn render_overview(page: &mut Page, overview: &Overview) {
    page.head("lp_tasks", "gauge", "Open tasks by stage.");
    page.line("lp_tasks", "stage=\"pending\"", overview.tasks_pending);
    page.line("lp_tasks", "stage=\"running\"", overview.tasks_running);
    page.head("lp_actions", "gauge", "Actions that could run or do.");
    page.line("lp_actions", "stage=\"queued\"", overview.actions_queued);
    page.line("lp_actions", "stage=\"running\"", overview.actions_running);

    let counters = &overview.counters;
    for (name, help, value) in [
        ("lp_tasks_created_total", "Tasks created.", counters.tasks_created),
        ("lp_tasks_finished_total", "Tasks finished.", counters.tasks_finished),
        ("lp_attempts_assigned_total", "Attempts given to nodes.", counters.attempts_assigned),
        ("lp_attempts_finished_total", "Attempts whose end was recorded.", counters.attempts_finished),
        ("lp_builds_begun_total", "Builds of environments begun.", counters.builds_begun),
        ("lp_builds_done_total", "Builds of environments that succeeded.", counters.builds_done),
        ("lp_builds_failed_total", "Builds of environments given up.", counters.builds_failed),
        (
            "lp_builds_shared_total",
            "Environments handed to nodes that another one had built.",
            counters.builds_shared,
        ),
        ("lp_attempts_lost_total", "Attempts lost with their node.", counters.attempts_lost),
        (
            "lp_reports_ignored_total",
            "Reports of nodes about attempts that are over.",
            counters.reports_ignored,
        ),
        ("lp_commits_total", "Transactions of the engine.", counters.commits),
        ("lp_commit_rows_total", "Rows they wrote.", counters.commit_rows),
        ("lp_commit_failures_total", "Transactions that failed.", counters.commit_failures),
    ] {
        page.one(name, "counter", help, value);
    }
    page.one("lp_commit_seconds_total", "counter", "Time spent in transactions.", counters.commit_seconds);
    render_nodes(page, overview);
}

fn render_nodes(page: &mut Page, overview: &Overview) {
    page.head("lp_nodes", "gauge", "Nodes by state.");
    let mut states: BTreeMap<&str, u64> =
        ["connected", "disconnected", "lost"].into_iter().map(|state| (state, 0)).collect();
    for node in &overview.nodes {
        *states.entry(node.state.as_str()).or_default() += 1;
    }
    for (state, count) in states {
        page.line("lp_nodes", &format!("state=\"{state}\""), count);
    }
    page.head("lp_node_slots", "gauge", "Slots of each node.");
    for node in &overview.nodes {
        page.line("lp_node_slots", &format!("node_id=\"{}\"", node.node_id), node.capacity.slots);
    }
    page.head("lp_node_slots_in_use", "gauge", "Slots that live attempts occupy.");
    for node in &overview.nodes {
        page.line("lp_node_slots_in_use", &format!("node_id=\"{}\"", node.node_id), node.in_use.slots);
    }
}

/// A page in the text format of Prometheus, version 0.0.4.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _strings_do_not_fail = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _strings_do_not_fail = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let metrics = Metrics::default();
        metrics.count_request("/api/v1/apps/{app}", &Method::GET, 200, Duration::from_millis(500));
        metrics.count_request("/api/v1/apps/{app}", &Method::GET, 200, Duration::from_millis(500));
        metrics.count_request("unmatched", &Method::from_bytes(b"BREW").unwrap(), 404, Duration::ZERO);

        let text =
            metrics.render(Some(&Overview { leading: true, ..Overview::default() }), &Swept::default());

        assert!(
            text.contains(
                "lp_http_requests_total{route=\"/api/v1/apps/{app}\",method=\"GET\",status=\"200\"} 2\n"
            ),
            "{text}"
        );
        assert!(text.contains("lp_http_request_seconds_total{route=\"/api/v1/apps/{app}\",method=\"GET\",status=\"200\"} 1\n"), "{text}");
        assert!(text.contains("method=\"other\",status=\"404\"} 1\n"), "{text}");
        assert!(text.contains("\nlp_leading 1\n"), "{text}");
    }
}
