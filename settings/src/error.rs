//! What is wrong with a configuration. Every message names the place: the file, the variable or the flag.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{place} is not YAML")]
    NotYaml { place: String, source: serde_norway::Error },
    #[error("{place} is not a list of `key: value` lines")]
    NotAMapping { place: String },
    #[error("{place}: there is no key `{key}`{}", did_you_mean(.nearest.as_deref()))]
    UnknownKey { place: String, key: String, nearest: Option<String> },
    /// One that looks like one of ours.
    #[error("the variable {name} means nothing to lp; did you mean {nearest}?")]
    UnknownVariable { name: String, nearest: String },
    #[error("{place}: the value of `{key}` cannot be read: {why}")]
    Value { place: String, key: String, why: String },
    /// Of the wrong kind, or out of its range.
    #[error("the value of `{key}` is wrong: {source}")]
    Wrong { key: String, source: serde_norway::Error },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}
