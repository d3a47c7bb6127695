//! The keys a manifest may have, and which of them somebody meant who wrote another.

/// Keys of the manifest itself.
pub(super) const TOP: &[&str] = &["actions", "event_actions", "output_action"];

/// Keys of an action.
pub(super) const ACTION: &[&str] = &[
    "name",
    "condition",
    "main",
    "env",
    "docker",
    "target_env",
    "retry",
    "timeout",
    "grace",
    "resources",
    "priority",
    "environ",
    "exclusive",
    "health",
];

/// Keys of an action that an event action does not have: its name is its event, and it waits for the task's end.
pub(super) const NOT_OF_EVENTS: &[&str] = &["name", "condition"];

pub(crate) const EVENTS: &[&str] = &["success", "fail"];
pub(super) const DOCKER: &[&str] = &["name", "tag", "image", "pull", "args"];
pub(super) const TARGET: &[&str] = &["platform", "docker_support", "node_id", "node_ip", "labels"];
/// Keys of an `env` that is an object.
pub(super) const RECIPE: &[&str] = &["uv", "requirements", "packages", "python"];
pub(super) const RETRY: &[&str] = &["attempts", "delay", "backoff", "max_delay", "jitter", "on_exit"];

pub(super) const HEALTH: &[&str] = &["command", "interval", "timeout", "failures", "grace"];

/// The resources that have a meaning of their own; every other key is a resource that the nodes' configuration names.
pub(super) const RESOURCES: &[&str] = &["cpus", "memory", "gpus", "slots"];

/// Words of other systems for a key of ours that no spelling distance would find.
const ALIASES: &[(&str, &[&str])] = &[
    ("actions", &["steps", "tasks", "jobs", "stages"]),
    ("applications", &["apps", "steps", "tasks", "jobs", "stages"]),
    ("app_id", &["application_id"]),
    ("app", &["application", "app_name"]),
    ("version", &["version_id", "app_version"]),
    ("input", &["input_data", "inputs", "parameters", "params"]),
    (
        "condition",
        &["depends_on", "dependson", "depends", "dependencies", "needs", "requires", "after", "upstream"],
    ),
    ("main", &["command", "cmd", "run", "script", "exec", "entrypoint"]),
    ("environ", &["environment", "env_vars", "envs", "vars", "variables"]),
    ("docker", &["container", "image"]),
    ("target_env", &["target", "node_selector", "constraints"]),
    ("retry", &["retries", "max_retries", "restart"]),
    ("grace", &["grace_period", "kill_timeout", "stop_timeout"]),
    ("timeout", &["time_limit", "max_duration", "deadline"]),
    ("resources", &["limits", "requests"]),
    ("success", &["on_success"]),
    ("fail", &["failure", "on_fail", "on_failure", "error"]),
    ("platform", &["arch", "architecture", "machine"]),
    ("uv", &["lock", "uv_lock"]),
    ("requirements", &["pip", "requirement", "file"]),
    ("packages", &["dependencies", "install", "libraries"]),
    ("python", &["python_version", "interpreter"]),
    ("labels", &["label", "match_labels", "tags"]),
    ("attempts", &["count", "limit", "max", "max_attempts", "retries", "tries"]),
    ("on_exit", &["on", "exit_codes", "codes"]),
    ("cpus", &["core", "cores", "vcpu", "vcpus", "processors"]),
    ("memory", &["mem", "ram"]),
    ("health", &["healthcheck", "health_check", "liveness", "probe"]),
    ("command", &["cmd", "main", "test", "exec", "run"]),
    ("args", &["options", "kwargs", "arguments", "parameters"]),
    ("pull", &["pull_policy", "image_pull_policy", "imagepullpolicy"]),
    ("interval", &["period", "every"]),
    ("failures", &["retries", "threshold", "failure_threshold"]),
];

/// Longest word that is compared: bounds the time a hostile manifest takes.
const MAX_COMPARED_BYTES: usize = 64;

/// Returns the key of `known` that was probably meant by `written`.
pub(super) fn nearest_key(written: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let lower = written.to_lowercase();
    let by_alias = ALIASES
        .iter()
        .find(|(key, aliases)| known.contains(key) && aliases.contains(&lower.as_str()))
        .map(|(key, _)| *key);
    by_alias.or_else(|| nearest(written, known.iter().copied()))
}

/// Returns the candidate spelled most like `written`, the first of equals, where about two thirds of it agree.
pub(crate) fn nearest<'c>(written: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    if written.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let written = written.to_lowercase();
    let length = written.chars().count();
    let tolerated = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len() > MAX_COMPARED_BYTES || candidate.chars().count().abs_diff(length) > tolerated {
            continue;
        }
        let distance = strsim::osa_distance(&written, &candidate.to_lowercase());
        if distance <= tolerated && distance < length && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found_by_spelling_case_or_another_systems_word() {
        for (written, known, meant) in [
            ("nmae", ACTION, Some("name")),
            ("Main", ACTION, Some("main")),
            ("conditions", ACTION, Some("condition")),
            ("needs", ACTION, Some("condition")),
            ("cmd", ACTION, Some("main")),
            ("venv", ACTION, Some("env")),
            ("retries", ACTION, Some("retry")),
            ("retries", RETRY, Some("attempts")),
            ("output_actions", TOP, Some("output_action")),
            ("cpu", RESOURCES, Some("cpus")),
            ("ram", RESOURCES, Some("memory")),
            ("author", ACTION, None),
            ("x", ACTION, None),
            ("tapes", RESOURCES, None),
            ("licences", RESOURCES, None),
        ] {
            assert_eq!(nearest_key(written, known), meant, "{written}");
        }
    }
}
