//! How a container is known: by its name while its shim lives, by its labels always.

use std::collections::HashMap;

use lp_protocol::AttemptKey;

pub(crate) const NODE: &str = "lp.node";
const TASK: &str = "lp.task";
const ACTION: &str = "lp.action";
const ATTEMPT: &str = "lp.attempt";

/// 60 bytes of the action's name: enough to recognise it, and the whole stays below what engines take.
const MAX_ACTION_BYTES: usize = 60;

/// The labels of an attempt's container.
pub(crate) fn labels(node_id: &str, key: &AttemptKey) -> HashMap<String, String> {
    HashMap::from([
        (NODE.to_owned(), node_id.to_owned()),
        (TASK.to_owned(), key.task_id.to_string()),
        (ACTION.to_owned(), key.action.clone()),
        (ATTEMPT.to_owned(), key.attempt.to_string()),
    ])
}

/// The attempt a container's labels name.
pub(crate) fn parse_labels(labels: &HashMap<String, String>) -> Option<AttemptKey> {
    Some(AttemptKey {
        task_id: labels.get(TASK)?.parse().ok()?,
        action: labels.get(ACTION)?.clone(),
        attempt: labels.get(ATTEMPT)?.parse().ok()?,
    })
}

/// The one name an attempt's container has, so that the engine itself keeps it from being there twice.
pub(crate) fn container(key: &AttemptKey) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut action: String =
        key.action.chars().map(|c| if plain(c) { c } else { '_' }).take(MAX_ACTION_BYTES).collect();
    if action != key.action {
        // two names may look alike after this
        action = format!("{action}.{:08x}", fnv(key.action.as_bytes()));
    }
    format!("lp.{}.{action}.{}", key.task_id, key.attempt)
}

/// FNV-1a: the same in every version of this program, as a name has to be.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::TaskId;

    #[test]
    fn every_attempt_has_a_name_of_its_own_that_an_engine_takes() {
        let task_id = TaskId::random();
        let long = "x".repeat(200);
        let actions = ["a", "a b", "a:b", "größe", "a_b", "first action", long.as_str()];
        let names: std::collections::BTreeSet<String> = actions
            .iter()
            .map(|action| container(&AttemptKey { task_id, action: (*action).into(), attempt: 2 }))
            .collect();

        assert_eq!(names.len(), actions.len());
        for name in names {
            assert!(name.len() < 128, "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)), "{name}");
        }
    }

    #[test]
    fn labels_lead_back_to_the_attempt() {
        let key = AttemptKey { task_id: TaskId::random(), action: "größe a/b".into(), attempt: 7 };

        assert_eq!(parse_labels(&labels("n", &key)), Some(key));
        assert_eq!(parse_labels(&HashMap::new()), None);
    }
}
