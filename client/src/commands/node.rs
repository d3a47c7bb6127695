//! `lp node list|info|drain|undrain|remove|token`; without a verb `lp node` runs a node (see `serve`).

use std::time::Duration;

use clap::{Args, Subcommand};
use lp_protocol::ErrorCode;
use lp_protocol::client::PageQuery;
use lp_protocol::views::{CacheView, CreateJoinToken, DrainNode, DrainView, MAX_PAGE, NodeView};

use super::confirm::Yes;
use super::{Session, args};
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Column, Tint, text};
use crate::serve::NodePart;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  lp node token        on the manager's side: make a token\n  \
    LP_JOIN_TOKEN=... lp node --manager http://host:8000\n                       on the new machine: join and run\n  lp node list\n  lp node drain NODE   give it nothing new; what runs there may end")]
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
    /// Give a node nothing new; what runs there may end
    #[command(
        after_help = "Examples:\n  lp node drain worker-1\n  lp node drain worker-1 --deadline 30m   what still runs then is \
        stopped and runs elsewhere\n\nThe drain stands until `lp node undrain`, also over restarts. `lp node list` says when nothing is left."
    )]
    Drain(Drain),
    /// Give a drained node work again
    Undrain(Undrain),
    /// Forget a node for good; it cannot come back without joining anew
    #[command(
        after_help = "Examples:\n  lp node drain worker-1 && lp node remove worker-1\n  lp node remove worker-1 --force   \
        also while it works: what it runs is given to others"
    )]
    Remove(Remove),
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

/// One node or more.
#[derive(Args, Debug)]
pub(crate) struct Nodes {
    /// Names, ids, or beginnings of ids
    #[arg(value_name = "NODE", required = true)]
    nodes: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Drain {
    #[command(flatten)]
    nodes: Nodes,
    /// Stop what still runs after this long; it runs again elsewhere: 90, "1h 30m"
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    deadline: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct Undrain {
    #[command(flatten)]
    nodes: Nodes,
}

#[derive(Args, Debug)]
pub(crate) struct Remove {
    #[command(flatten)]
    nodes: Nodes,
    /// Also a node that works; what it runs is given to others
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    yes: Yes,
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
        Verb::Drain(drain) => self::drain(session, drain).await,
        Verb::Undrain(undrain) => {
            let client = session.client()?;
            session
                .each(&undrain.nodes.nodes, async |node| {
                    let node = client.undrain_node(node).await?;
                    session.out.note(&format!("node {} gets work again", text::visible(&node.name)));
                    Ok(())
                })
                .await
        }
        Verb::Remove(remove) => self::remove(session, remove).await,
        Verb::Token(token) => {
            let body = CreateJoinToken { lifetime: token.lifetime.map(|lifetime| lifetime.as_secs_f64()) };
            let token = session.client()?.create_join_token(&body).await?;
            session.out.document(&token, || format!("{}\n", token.token))?;
            session.out.note(&format!("good until {}; it is not shown again", text::exact(token.expire_at)));
            Ok(())
        }
    }
}

async fn drain(session: &Session, drain: Drain) -> Result<(), Failure> {
    let client = session.client()?;
    let body = DrainNode { deadline: drain.deadline.map(|deadline| deadline.as_secs_f64()) };
    session
        .each(&drain.nodes.nodes, async |node| {
            let node = client.drain_node(node, &body).await?;
            let name = text::visible(&node.name).into_owned();
            let state = node.drain.as_ref();
            session.out.note(&match state.filter(|drain| !drain.drained) {
                Some(DrainView { deadline: Some(deadline), .. }) => format!(
                    "node {name} is draining; what still runs there at {} runs elsewhere then",
                    text::exact(*deadline)
                ),
                Some(_) => {
                    format!("node {name} is draining: it gets nothing new, and what runs there may end")
                }
                None => format!("node {name} is drained: nothing is with it"),
            });
            Ok(())
        })
        .await
}

async fn remove(session: &Session, remove: Remove) -> Result<(), Failure> {
    let client = session.client()?;
    let Remove { nodes, force, yes } = remove;
    session
        .each(&nodes.nodes, async |node| {
            let node = client.fetch_node(node).await?;
            let (name, id) = (text::visible(&node.name).into_owned(), node.node_id.to_string());
            let with = if force { ", and give what it runs to others" } else { "" };
            yes.confirm(session, &format!("remove the node {name} ({}){with}", node.node_id.short())).await?;
            client.remove_node(&id, force).await.map_err(|error| match error.code() {
                Some(ErrorCode::Conflict) => Failure::Hinted {
                    source: error,
                    hint: format!(
                        "`lp node drain {name}` and wait until `lp node list` calls it drained, or add --force: what it runs is then given to others"
                    ),
                },
                _ => error.into(),
            })?;
            session.out.note(&format!("removed the node {name}; it cannot come back without joining anew"));
            Ok(())
        })
        .await
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
        .head(&crate::output::node_cell(look, node), &node.name)
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
        let names =
            if facts.gpus.is_empty() { String::new() } else { format!(": {}", facts.gpus.join(", ")) };
        let text = format!("{} of {} in use{}", used.gpus, facts.capacity.gpus, text::visible(&names));
        report.line("gpus", &text);
    }
    for (name, count) in &facts.capacity.named {
        let used = used.named.get(name).copied().unwrap_or_default();
        report.line(&text::visible(name), &format!("{used} of {count} in use"));
    }
    report
        .line("docker", if facts.docker_support { "yes" } else { "no" })
        .maybe("drain", node.drain.as_ref().map(|drain| drained_since(look, drain)))
        .maybe("labels", Some(labels.join(", ")).filter(|labels| !labels.is_empty()))
        .line("data", &facts.data_path)
        .maybe("cache", node.cache.as_ref().map(cached));
    let isolation = &facts.isolation;
    for (title, sentence) in [
        ("user", &isolation.user),
        ("files", &isolation.files),
        ("kernel", &isolation.kernel),
        ("limits", &isolation.limits),
    ] {
        report.maybe(title, Some(text::visible(sentence).into_owned()).filter(|text| !text.is_empty()));
    }
    report.line("joined", &look.time(node.create_at)).maybe("seen", node.seen_at.map(|time| look.time(time)));
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

fn cached(cache: &CacheView) -> String {
    let CacheView { packages, used_bytes, limit_bytes } = cache;
    format!("{packages} packages, {} of {}", text::size(*used_bytes), text::size(*limit_bytes))
}

fn drained_since(look: &crate::output::Look, drain: &DrainView) -> String {
    let since = look.time(drain.since);
    match (drain.drained, drain.deadline) {
        (true, _) => format!("since {since}; nothing is left here"),
        (false, Some(deadline)) => {
            format!("since {since}; what still runs at {} is stopped", text::exact(deadline))
        }
        (false, None) => format!("since {since}; what runs may end"),
    }
}
