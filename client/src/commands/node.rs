//! `lp node list|info|token`; without a verb `lp node` runs a node (see `serve`).

use std::time::Duration;

use clap::{Args, Subcommand};
use lp_protocol::client::PageQuery;
use lp_protocol::views::{CreateJoinToken, MAX_PAGE, NodeView};

use super::{Session, args};
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Column, Tint, text};
use crate::serve::NodePart;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  lp node token        on the manager's side: make a token\n  \
    LP_JOIN_TOKEN=... lp node --manager http://host:8000\n                       on the new machine: join and run\n  lp node list")]
pub(crate) struct Node {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    #[command(flatten)]
    pub(crate) part: NodePart,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List the nodes
    List,
    /// Show a node and what runs on it
    Info(Info),
    /// Make a token new nodes can join with
    Token(Token),
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Info {
    /// Name, id, or beginning of an id
    #[arg(value_name = "NODE")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short, long, value_name = "NODE", hide_short_help = true)]
    name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Token {
    /// How long nodes can join with it: 90, "1h 30m"; default: a day
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    lifetime: Option<Duration>,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List => list(session).await,
        Verb::Info(info) => {
            let node = info.bare.or(info.name).unwrap_or_default();
            let node = session.client()?.fetch_node(&node).await?;
            session.out.document_or_name(&node, || report(session, &node))
        }
        Verb::Token(token) => {
            let body = CreateJoinToken { lifetime: token.lifetime.map(|lifetime| lifetime.as_secs_f64()) };
            let token = session.client()?.create_join_token(&body).await?;
            session.out.document(&token, || format!("{}\n", token.token))?;
            session.out.note(&format!("good until {}; it is not shown again", text::exact(token.expire_at)));
            Ok(())
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let mut query = PageQuery { cursor: None, limit: Some(MAX_PAGE) };
    let mut rows = session.out.list::<NodeView>();
    loop {
        let page = client.list_nodes(&query).await?;
        for node in &page.items {
            rows.push(node)?;
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return rows.finish();
        }
    }
}

const ATTEMPTS: &[Column] = &[
    Column { title: "task_id", is_wide: false },
    Column { title: "action", is_wide: false },
    Column { title: "attempt", is_wide: false },
    Column { title: "stage", is_wide: false },
];

fn report(session: &Session, node: &NodeView) -> String {
    let look = &session.out.look();
    let (facts, used, load) = (&node.facts, &node.in_use, &node.load);
    let cpus = |millis: u64| format!("{:.1}", millis as f64 / 1000.0);
    let labels: Vec<_> = facts.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut report = Report::on(&session.out);
    report
        .head(&crate::output::node_cell(look, node.state), &node.name)
        .line("id", &node.node_id.to_string())
        .line(
            "machine",
            &format!("{} ({}), {}, lp {}", facts.hostname, facts.ip, facts.platform, facts.version),
        )
        .line("slots", &format!("{} of {} in use", used.slots, facts.capacity.slots))
        .line(
            "cpus",
            &format!(
                "{} of {} in use, load {:.2}",
                cpus(used.cpu_millis),
                cpus(facts.capacity.cpu_millis),
                load.load1
            ),
        )
        .line(
            "memory",
            &format!(
                "{} of {} in use, {} available",
                text::size(used.memory_bytes),
                text::size(facts.capacity.memory_bytes),
                text::size(load.memory_available_bytes)
            ),
        )
        .line(
            "disk",
            &format!("{} of {} free", text::size(load.disk_free_bytes), text::size(load.disk_total_bytes)),
        );
    if facts.capacity.gpus > 0 {
        report.line("gpus", &format!("{} of {} in use", used.gpus, facts.capacity.gpus));
    }
    for (name, count) in &facts.capacity.named {
        let used = used.named.get(name).copied().unwrap_or_default();
        report.line(&text::visible(name), &format!("{used} of {count} in use"));
    }
    report
        .line("docker", if facts.docker_support { "yes" } else { "no" })
        .maybe("labels", Some(labels.join(", ")).filter(|labels| !labels.is_empty()))
        .line("data", &facts.data_path)
        .line("joined", &look.time(node.create_at))
        .maybe("seen", node.seen_at.map(|time| look.time(time)));
    if !node.attempts.is_empty() {
        let row = |entry: &lp_protocol::views::NodeAttempt| {
            vec![
                Cell::new(look.id(entry.attempt.task_id.0), Tint::Plain),
                Cell::new(&entry.attempt.action, Tint::Plain),
                Cell::new(entry.attempt.attempt.to_string(), Tint::Plain),
                crate::output::stage_cell(look, entry.stage, None),
            ]
        };
        report.table(ATTEMPTS, node.attempts.iter().map(row).collect());
    }
    report.into_text()
}
