//! Names of objects.

use lp_package::Digest;
use lp_protocol::TaskId;

/// The name of an object: a relative path made of digits and our own words only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// A package. Two characters of the digest as a directory keep any one directory below a few thousand entries.
    pub fn package(digest: &Digest) -> Self {
        let digest = digest.to_string();
        let (head, rest) = digest.split_at(2);
        Self(format!("packages/sha256/{head}/{rest}"))
    }

    /// A segment of an attempt's log; `action` is the action's position in its plan, `digest` that of the segment.
    pub fn log_segment(task: TaskId, action: u32, attempt: u32, offset: u64, digest: &Digest) -> Self {
        let (task, digest) = (task.to_string(), digest.to_string());
        Self(format!("logs/{}/{task}/{action}.{attempt}.{offset}.{}", &task[..2], &digest[..16]))
    }

    /// Takes a name that was stored; None where it is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let known = text.starts_with("packages/sha256/") || text.starts_with("logs/");
        let part_is_ours = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        };
        (known && text.split('/').all(part_is_ours)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_nothing_else_is() {
        let task = TaskId::random();
        for key in [Key::package(&Digest::of(b"x")), Key::log_segment(task, 3, 1, 4096, &Digest::of(b"x"))] {
            assert_eq!(Key::parse(key.as_str()), Some(key));
        }
        for text in [
            "",
            "x",
            "/etc/passwd",
            "logs/../../x",
            "logs//x",
            "logs/a\0b",
            "packages/sha256/..",
            "logs/.hidden",
        ] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }
}
