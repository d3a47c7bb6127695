//! The environment of a program: a clean list, nothing inherited by chance and none of the node's own settings.
//!
//! Later wins: what every program gets, the action's `environ`, the venv as its `activate` would set it, the `LP_*` names, which
//! tell a program what it is and by which its processes are found again; so an action cannot give itself another's.

use std::collections::BTreeMap;
use std::path::Path;

use crate::runner::order::Order;
use crate::supervisor::leftovers::NODE_ID;

/// `task/action/attempt`: marks every process of an attempt, also those that left its process group.
pub(crate) const ATTEMPT_KEY: &str = "LP_ATTEMPT_KEY";

/// Taken from the node's environment where set, beside `LC_*`.
const INHERITED: [&str; 7] = ["PATH", "HOME", "LANG", "LANGUAGE", "TZ", "USER", "TMPDIR"];

/// What a login without a profile has.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What all programs of the node get.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    variables: BTreeMap<String, String>,
    node_id: String,
    /// Programs have no home but their workspace.
    is_homeless: bool,
}

impl Base {
    pub(crate) fn new(variables: impl Iterator<Item = (String, String)>, node_id: String) -> Self {
        let mut variables: BTreeMap<_, _> = variables
            .filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
            .collect();
        variables.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
        Self { variables, node_id, is_homeless: false }
    }

    /// For programs that run as another user, who cannot reach all of the node's PATH: `path` is what is left of it.
    pub(crate) fn with_user(mut self, path: &str, name: Option<&str>, home: Option<&str>) -> Self {
        for name in ["USER", "HOME", "TMPDIR"] {
            self.variables.remove(name);
        }
        let path = if path.is_empty() { DEFAULT_PATH } else { path };
        self.variables.insert("PATH".to_owned(), path.to_owned());
        for (variable, value) in [("USER", name), ("HOME", home)] {
            self.variables.extend(value.map(|value| (variable.to_owned(), value.to_owned())));
        }
        self.is_homeless = home.is_none();
        self
    }

    pub(crate) fn path(&self) -> &str {
        self.variables.get("PATH").map_or(DEFAULT_PATH, String::as_str)
    }

    /// Nothing of this machine: for a program that has another one's files.
    pub(crate) fn empty(node_id: String) -> Self {
        Self { variables: BTreeMap::new(), node_id, is_homeless: false }
    }

    /// As [`Base::new`], from this process's environment; what is not UTF-8 is left out.
    pub(crate) fn from_process(node_id: String) -> Self {
        let variables = std::env::vars_os();
        Self::new(
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
            node_id,
        )
    }
}

/// The whole environment of an attempt.
///
/// # Errors
/// A sentence, where `environ` has a name or value that no environment can hold.
pub(crate) fn build(
    base: &Base,
    order: &Order,
    venv: Option<&Path>,
    workspace: &str,
) -> Result<Vec<(String, String)>, String> {
    let mut variables = base.variables.clone();
    if base.is_homeless {
        variables.insert("HOME".to_owned(), workspace.to_owned());
    }
    for (name, value) in &order.assignment.environ {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("`{}` in its environ is not a name of a variable", name.escape_debug()));
        }
        if value.contains('\0') {
            return Err(format!("the value of `{name}` in its environ holds a NUL"));
        }
        variables.insert(name.clone(), value.clone());
    }
    if let Some(venv) = venv.and_then(Path::to_str) {
        let path = variables.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let path = format!("{venv}/bin:{path}");
        variables.insert("PATH".to_owned(), path);
        variables.insert("VIRTUAL_ENV".to_owned(), venv.to_owned());
        if Path::new(venv).join("conda-meta").is_dir() {
            variables.insert("CONDA_PREFIX".to_owned(), venv.to_owned());
        }
        variables.remove("PYTHONHOME");
    }
    let attempt = &order.assignment.attempt;
    for (name, value) in [
        ("LP_TASK_ID", attempt.task_id.to_string()),
        ("LP_TASK_NAME", order.assignment.task_name.replace('\0', "")),
        ("LP_ACTION", attempt.action.clone()),
        ("LP_ATTEMPT", attempt.attempt.to_string()),
        ("LP_WORKSPACE", workspace.to_owned()),
        (NODE_ID, base.node_id.clone()),
        (ATTEMPT_KEY, order.key.clone()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    Ok(variables.into_iter().collect())
}

/// The value of a variable of a built environment.
pub(crate) fn find<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::order::tests::order;

    fn base() -> Base {
        let own = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("LP_JOIN_TOKEN", "secret"),
            ("PYTHONHOME", "/x"),
            ("AWS_KEY", "s"),
        ];
        Base::new(own.into_iter().map(|(name, value)| (name.into(), value.into())), "node".into())
    }

    #[test]
    fn nothing_of_the_node_but_the_harmless_is_inherited() {
        let environment = build(&base(), &order("a"), None, "/w").unwrap();

        let names: Vec<&str> = environment.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "LC_ALL",
                "LP_ACTION",
                "LP_ATTEMPT",
                "LP_ATTEMPT_KEY",
                "LP_NODE_ID",
                "LP_TASK_ID",
                "LP_TASK_NAME",
                "LP_WORKSPACE",
                "PATH"
            ]
        );
    }

    #[test]
    fn a_venv_comes_first_on_the_path_of_the_environ_and_own_names_win() {
        let mut order = order("a");
        order.assignment.environ = BTreeMap::from(
            [("PATH", "/opt"), ("PYTHONHOME", "/y"), ("LP_ATTEMPT_KEY", "other")]
                .map(|(n, v)| (n.into(), v.into())),
        );

        let environment = build(&base(), &order, Some(Path::new("/v")), "/w").unwrap();

        assert_eq!(find(&environment, "PATH"), Some("/v/bin:/opt"));
        assert_eq!(find(&environment, "VIRTUAL_ENV"), Some("/v"));
        assert_eq!(find(&environment, "PYTHONHOME"), None);
        assert_eq!(find(&environment, "LP_ATTEMPT_KEY"), Some(order.key.as_str()));
    }

    #[test]
    fn names_and_values_no_environment_can_hold_are_refused() {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
            let mut order = order("a");
            order.assignment.environ = BTreeMap::from([(name.into(), value.into())]);
            assert!(build(&base(), &order, None, "/w").is_err(), "{name:?}={value:?}");
        }
    }
}
