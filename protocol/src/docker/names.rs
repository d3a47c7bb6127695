//! The names of arguments: those that are understood, those that are not and why, and which one was meant.

use serde_json::{Map, Value};

use super::reader::ArgError;
use crate::manifest::grammar;
use crate::manifest::names::shown;

/// What is understood.
pub(super) const KNOWN: &[&str] = &[
    "cap_add",
    "cap_drop",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpuset_cpus",
    "cpuset_mems",
    "device_requests",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "entrypoint",
    "environment",
    "extra_hosts",
    "gpus",
    "group_add",
    "hostname",
    "init",
    "ipc_mode",
    "labels",
    "mem_limit",
    "mem_reservation",
    "memswap_limit",
    "nano_cpus",
    "network",
    "network_mode",
    "pid_mode",
    "pids_limit",
    "platform",
    "ports",
    "privileged",
    "publish_all_ports",
    "read_only",
    "runtime",
    "security_opt",
    "shm_size",
    "tmpfs",
    "ulimits",
    "user",
    "userns_mode",
    "uts_mode",
    "volumes",
    "working_dir",
];

/// Arguments docker-py has and an action has not, and why.
const REFUSED: &[(&str, &str)] = &[
    ("name", "lp names its containers itself, after task, action and attempt"),
    ("detach", "lp itself watches the container"),
    ("remove", "lp removes its containers always"),
    ("auto_remove", "lp removes its containers always"),
    ("stdout", "both outputs go to the action's log"),
    ("stderr", "both outputs go to the action's log"),
    ("stream", "the log can be followed while the action runs"),
    ("stdin_open", "an action has no standard input"),
    ("tty", "an action has no terminal"),
    ("image", "the image is `docker.image`, or `docker.name` and `docker.tag`"),
    ("command", "the command is the action's `main`"),
    ("restart_policy", "lp starts an action again as its `retry` says"),
    ("healthcheck", "lp watches an action as its `health` says"),
    ("log_config", "the output is the action's log"),
    ("logs", "the output is the action's log"),
    ("mounts", "write `volumes`"),
    ("volumes_from", "an action shares no mounts of other containers"),
    ("volume_driver", "name a volume that the node's engine has"),
    ("links", "join the containers by a `network`"),
    ("cgroup_parent", "resources are limited by the other arguments or `resources`"),
    ("stop_signal", "an action is stopped with SIGTERM, its grace, SIGKILL"),
    ("stop_timeout", "it is the action's `grace`"),
];

/// Other words for an argument that no spelling distance would find.
const ALIASES: &[(&str, &[&str])] = &[
    ("mem_limit", &["memory", "mem", "memory_limit"]),
    ("memswap_limit", &["memory_swap", "swap", "memory_swap_limit"]),
    ("nano_cpus", &["cpus", "cpu", "cpu_limit"]),
    ("cpuset_cpus", &["cpuset"]),
    ("environment", &["env", "environ", "envs"]),
    ("volumes", &["mount", "binds", "bind", "v"]),
    ("working_dir", &["workdir", "cwd", "working_directory"]),
    ("ports", &["publish", "port", "p", "expose"]),
    ("network", &["net", "networks"]),
    ("extra_hosts", &["add_host", "hosts"]),
    ("gpus", &["gpu"]),
    ("read_only", &["readonly", "read_only_rootfs"]),
];

/// Refuses the first argument that means nothing.
pub(super) fn check(args: &Map<String, Value>) -> Result<(), ArgError> {
    let Some(key) = args.keys().find(|key| !KNOWN.contains(&key.as_str())) else { return Ok(()) };
    let problem = match (REFUSED.iter().find(|(name, _)| name == key), nearest(key)) {
        (Some((_, reason)), _) => format!("must be left out: {reason}"),
        (None, Some(meant)) => format!("is not known; did you mean `{meant}`?"),
        (None, None) => format!("is not known; known are {}", KNOWN.join(", ")),
    };
    Err(ArgError::new(shown(key), problem))
}

fn nearest(written: &str) -> Option<&'static str> {
    let lower = written.to_lowercase();
    let by_alias = ALIASES.iter().find(|(_, aliases)| aliases.contains(&lower.as_str())).map(|(key, _)| *key);
    by_alias.or_else(|| grammar::nearest(written, KNOWN.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(key: &str) -> String {
        let args = Map::from_iter([(key.to_owned(), Value::Bool(true))]);
        check(&args).unwrap_err().to_string()
    }

    #[test]
    fn what_is_lps_own_is_refused_with_the_reason() {
        for key in ["name", "detach", "remove", "auto_remove", "stdout", "stderr", "stdin_open", "tty"] {
            let text = refusal(key);
            assert!(text.starts_with(&format!("`docker.args.{key}` must be left out: ")), "{text}");
        }
    }

    #[test]
    fn a_slip_is_refused_with_a_guess() {
        for (written, meant) in [
            ("mem_limt", "mem_limit"),
            ("MEM_LIMIT", "mem_limit"),
            ("memory", "mem_limit"),
            ("cpus", "nano_cpus"),
            ("env", "environment"),
            ("enviroment", "environment"),
            ("port", "ports"),
            ("priviledged", "privileged"),
        ] {
            assert_eq!(
                refusal(written),
                format!("`docker.args.{written}` is not known; did you mean `{meant}`?")
            );
        }
        assert!(refusal("frobnicate").contains("is not known; known are cap_add, "));
    }

    #[test]
    fn no_name_is_both_known_and_refused() {
        assert!(KNOWN.is_sorted());
        assert!(REFUSED.iter().all(|(name, _)| !KNOWN.contains(name)));
        assert!(ALIASES.iter().all(|(name, _)| KNOWN.contains(name)));
    }
}
