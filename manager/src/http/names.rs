//! From what a path says to the one thing it means, and what new names may be.

use lp_protocol::{AppId, NodeId, TaskId, VenvId, WorkId, WorkflowId};
use uuid::Uuid;

use super::failure::Failure;
use super::state::State;
use crate::store::StoredNode;

/// Longest name of an app, a venv, a task or a node, and longest idempotency key.
const MAX_NAME_CHARS: usize = 255;

/// Longest description.
const MAX_DESCRIPTION_BYTES: usize = 16 << 10;

/// A task by id, unique beginning of one, or `@last`. A whole id is not looked up: whoever uses it will find out.
pub(crate) async fn task(state: &State, text: &str) -> Result<TaskId, Failure> {
    match text.parse() {
        Ok(task_id) => Ok(task_id),
        Err(_) => Ok(state.store.resolve_task(text).await?),
    }
}

pub(crate) async fn app(state: &State, text: &str) -> Result<AppId, Failure> {
    Ok(state.store.resolve_app(text).await?)
}

/// A workflow by id, exact name, or unique beginning of its id.
pub(crate) async fn workflow(state: &State, text: &str) -> Result<WorkflowId, Failure> {
    Ok(state.store.resolve_workflow(text).await?)
}

/// A work by id, unique beginning of one, or `@last`; a whole id is not looked up, as for tasks.
pub(crate) async fn work(state: &State, text: &str) -> Result<WorkId, Failure> {
    match text.parse() {
        Ok(work_id) => Ok(work_id),
        Err(_) => Ok(state.store.resolve_work(text).await?),
    }
}

pub(crate) async fn venv(state: &State, text: &str) -> Result<VenvId, Failure> {
    Ok(state.store.resolve_venv(text).await?)
}

/// A node by id, exact name, or unique beginning of its id.
pub(crate) fn node<'a>(nodes: &'a [StoredNode], text: &str) -> Result<&'a StoredNode, Failure> {
    if let Ok(node_id) = text.parse::<NodeId>() {
        return nodes
            .iter()
            .find(|node| node.node_id == node_id)
            .ok_or_else(|| Failure::not_found("node", text));
    }
    let named: Vec<_> = nodes.iter().filter(|node| node.name == text).collect();
    let fitting = match named.is_empty() {
        false => named,
        true if text.len() < 4 => named,
        true => nodes
            .iter()
            .filter(|node| node.node_id.to_string().starts_with(&text.to_ascii_lowercase()))
            .collect(),
    };
    match fitting[..] {
        [] => Err(Failure::not_found("node", text)),
        [node] => Ok(node),
        _ => {
            let candidates: Vec<String> =
                fitting.iter().take(10).map(|node| format!("{} ({})", node.node_id, node.name)).collect();
            Err(Failure::new(lp_protocol::ErrorCode::Ambiguous, format!("more than one node fits `{text}`"))
                .hint(format!("Candidates: {}.", candidates.join(", "))))
        }
    }
}

/// Names of apps and venvs also stand in paths and on command lines, where these would mean something else.
pub(crate) fn check_package_name(name: &str) -> Result<(), Failure> {
    check_name("name", name)?;
    if name.starts_with('@')
        || name.starts_with('-')
        || matches!(name, "." | "..")
        || name.contains(['/', '\\'])
    {
        return Err(Failure::invalid(format!(
            "the name `{name}` cannot be used: it must not begin with `@` or `-`, be `.` or `..`, or contain a slash"
        )));
    }
    if Uuid::try_parse(name).is_ok() {
        return Err(Failure::invalid(format!("the name `{name}` cannot be used: it looks like an id")));
    }
    Ok(())
}

/// What any name must keep: it is shown in lists and on terminals.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() {
        return Err(Failure::invalid(format!("the {what} is empty")));
    }
    if name.trim() != name {
        return Err(Failure::invalid(format!("the {what} begins or ends with a blank")));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(Failure::invalid(format!("the {what} has more than {MAX_NAME_CHARS} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Failure::invalid(format!("the {what} contains a control character")));
    }
    Ok(())
}

pub(crate) fn check_description(text: &str) -> Result<(), Failure> {
    if text.len() > MAX_DESCRIPTION_BYTES {
        return Err(Failure::invalid(format!("the description has more than {MAX_DESCRIPTION_BYTES} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_cannot_be_taken_for_anything_else() {
        for name in ["hello", "my app 2", "größe", "a.b-c_d", "<script>"] {
            assert!(check_package_name(name).is_ok(), "{name}");
        }
        let long = "x".repeat(256);
        for name in [
            "",
            " ",
            " a",
            "a\n",
            "a\u{1b}[2J",
            "@last",
            "-x",
            ".",
            "..",
            "a/b",
            "a\\b",
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            &long,
        ] {
            assert!(check_package_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_node_is_meant_by_id_name_or_beginning() {
        let stored = |name: &str| StoredNode {
            node_id: NodeId::random(),
            name: name.to_owned(),
            facts: None,
            create_at: chrono::Utc::now(),
            seen_at: None,
            drain: None,
        };
        let nodes = [stored("one"), stored("two"), stored("two")];

        assert_eq!(node(&nodes, "one").unwrap().node_id, nodes[0].node_id);
        assert_eq!(node(&nodes, &nodes[1].node_id.to_string()).unwrap().node_id, nodes[1].node_id);
        assert_eq!(node(&nodes, &nodes[2].node_id.short()).unwrap().node_id, nodes[2].node_id);
        assert_eq!(node(&nodes, "two").unwrap_err().error.code, lp_protocol::ErrorCode::Ambiguous);
        assert_eq!(node(&nodes, "thr").unwrap_err().error.code, lp_protocol::ErrorCode::NotFound);
    }
}
