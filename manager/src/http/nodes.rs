//! Nodes as users see them: what is stored about each, and what the core knows of it now.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use lp_protocol::NodeId;
use lp_protocol::views::{DEFAULT_PAGE, DrainView, MAX_PAGE, NodeState, NodeView, Page};
use serde::Deserialize;

use super::failure::Failure;
use super::input::Query;
use super::names;
use super::state::State;
use crate::core::record::Drain;
use crate::engine::NodeOverview;
use crate::store::StoredNode;

/// Query of lists that have no filters.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
    /// Largest number of items, at most 1000; default 50.
    pub(crate) limit: Option<u32>,
}

impl PageQuery {
    /// Cuts the page out of a list that is at hand; the cursor is the name of the last item of the page before.
    pub(crate) fn cut<T>(&self, items: Vec<T>, name: impl Fn(&T) -> String) -> Result<Page<T>, Failure> {
        let limit = self.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE) as usize;
        let start = match &self.cursor {
            None => 0,
            Some(cursor) => {
                let last = items.iter().position(|item| name(item) == *cursor);
                last.ok_or_else(|| Failure::invalid(format!("`{cursor}` is not a cursor of this list")))? + 1
            }
        };
        let has_more = items.len() > start + limit;
        let items: Vec<T> = items.into_iter().skip(start).take(limit).collect();
        let next_cursor = items.last().filter(|_| has_more).map(name);
        Ok(Page { items, next_cursor })
    }
}

/// Query of the list of nodes.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListNodes {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Largest number of items, at most 1000; default 50.
    limit: Option<u32>,
    /// Each with the attempts it holds.
    #[serde(default)]
    attempts: bool,
}

/// Lists the nodes that ever joined, newest first.
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", params(ListNodes), responses((status = 200, body = Page<NodeView>)))]
pub(crate) async fn list(state: web::Data<State>, query: Query<ListNodes>) -> Result<HttpResponse, Failure> {
    let ListNodes { cursor, limit, attempts } = query.0;
    let mut stored = state.store.list_nodes().await?;
    stored.reverse();
    let page = PageQuery { cursor, limit }.cut(stored, |node| node.node_id.to_string())?;
    let now = now_of(&state).await?;
    let items = page.items.into_iter().map(|node| {
        let now = now.get(&node.node_id);
        let cache = state.link.cache_of(node.node_id);
        let node = NodeView { cache, ..view(node, now) };
        if attempts { node } else { NodeView { attempts: Vec::new(), ..node } }
    });
    Ok(HttpResponse::Ok().json(Page { items: items.collect(), next_cursor: page.next_cursor }))
}

/// Shows a node with the attempts it holds.
#[utoipa::path(
    get,
    path = "/api/v1/nodes/{node}",
    tag = "nodes",
    params(("node" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, body = NodeView))
)]
pub(crate) async fn show(state: web::Data<State>, node: web::Path<String>) -> Result<HttpResponse, Failure> {
    let stored = state.store.list_nodes().await?;
    let node = names::node(&stored, &node)?.clone();
    let now = now_of(&state).await?;
    let now = now.get(&node.node_id);
    let cache = state.link.cache_of(node.node_id);
    Ok(HttpResponse::Ok().json(NodeView { cache, ..view(node, now) }))
}

/// A node as `GET /nodes/{node}` shows it, after a change.
pub(super) async fn shown(state: &State, node_id: NodeId) -> Result<NodeView, Failure> {
    let stored = state.store.list_nodes().await?.into_iter().find(|node| node.node_id == node_id);
    let stored = stored.ok_or_else(|| Failure::not_found("node", node_id))?;
    let now = now_of(state).await?;
    Ok(NodeView { cache: state.link.cache_of(node_id), ..view(stored, now.get(&node_id)) })
}

async fn now_of(state: &State) -> Result<HashMap<NodeId, NodeOverview>, Failure> {
    Ok(state.engine.overview().await?.nodes.into_iter().map(|node| (node.node_id, node)).collect())
}

fn view(stored: StoredNode, now: Option<&NodeOverview>) -> NodeView {
    let StoredNode { node_id, name, facts, create_at, seen_at, drain } = stored;
    let facts = facts.unwrap_or_default();
    let connected = now.is_some_and(|now| now.state == NodeState::Connected);
    let is_idle = now.is_none_or(|now| now.attempts.is_empty());
    NodeView {
        node_id,
        name,
        drain: drain.map(|Drain { since, deadline }| DrainView { since, deadline, drained: is_idle }),
        cache: None,
        // one the core does not know has no attempts that could be lost
        state: now.map_or(NodeState::Disconnected, |now| now.state),
        create_at,
        seen_at: if connected {
            now.map(|now| chrono::Utc::now() - ago(now.seconds_since_heard))
        } else {
            seen_at
        },
        facts,
        load: now.map(|now| now.load.clone()).unwrap_or_default(),
        in_use: now.map_or_else(nothing, |now| now.in_use.clone()),
        attempts: now.map(|now| now.attempts.clone()).unwrap_or_default(),
    }
}

fn ago(seconds: f64) -> chrono::TimeDelta {
    chrono::TimeDelta::milliseconds((seconds.clamp(0.0, 1e9) * 1000.0) as i64)
}

fn nothing() -> lp_protocol::plan::Resources {
    lp_protocol::plan::Resources { slots: 0, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        let items: Vec<u32> = (0..5).collect();
        let page = |cursor: Option<String>| {
            PageQuery { cursor, limit: Some(2) }.cut(items.clone(), u32::to_string).unwrap()
        };
        let first = page(None);
        let second = page(first.next_cursor.clone());
        let third = page(second.next_cursor.clone());

        assert_eq!((first.items, second.items, third.items), (vec![0, 1], vec![2, 3], vec![4]));
        assert_eq!(third.next_cursor, None);
        assert!(
            PageQuery { cursor: Some("x".into()), limit: None }.cut(items.clone(), u32::to_string).is_err()
        );
    }
}
