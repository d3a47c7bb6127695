//! The stylesheets, the scripts and the icon, embedded in the binary.
//!
//! Their addresses carry a hash of their content, so browsers keep them for a year and still never mix two versions.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::LazyLock;

pub(crate) struct Asset {
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: &'static [u8],
}

impl Asset {
    fn new(name: &str, ending: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        // not for safety: only a changed file has to get another address
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self { url: format!("/static/{name}-{:016x}.{ending}", hasher.finish()), content_type, bytes }
    }
}

macro_rules! files {
    ($ending:literal, $content_type:literal: $($name:literal)+) => {
        LazyLock::new(|| {
            vec![$(Asset::new(
                $name,
                $ending,
                $content_type,
                include_bytes!(concat!("../../static/", $name, ".", $ending)),
            )),+]
        })
    };
}

/// Every page has all of them, in this order.
pub(crate) static STYLES: LazyLock<Vec<Asset>> =
    files!("css", "text/css; charset=utf-8": "lp" "frame" "task" "places" "access");

/// As the styles. `core` is what the others build on.
pub(crate) static SCRIPTS: LazyLock<Vec<Asset>> = files!(
    "js", "text/javascript; charset=utf-8":
    "core" "live" "keys" "palette" "dialogs" "tables" "forms" "pieces" "upload" "places" "graph" "lines" "ansi" "log_bytes" "log_times"
    "log" "json_lines" "json"
);

pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../static/icon.svg")));

/// Finds what stands under a path.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    STYLES.iter().chain(SCRIPTS.iter()).chain([&*ICON]).find(|asset| asset.url == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compressed by nobody: the page itself and these are what the first visit costs.
    #[test]
    fn the_first_load_is_small() {
        let bytes: usize = STYLES.iter().chain(SCRIPTS.iter()).map(|asset| asset.bytes.len()).sum();

        assert!(bytes < 200 << 10, "{bytes}");
    }

    #[test]
    fn scripts_make_no_code_from_text() {
        for asset in SCRIPTS.iter() {
            let text = String::from_utf8_lossy(asset.bytes);
            for word in ["eval(", "new Function", "document.write", "outerHTML", "insertAdjacentHTML"] {
                assert!(!text.contains(word), "{} has {word}", asset.url);
            }
        }
    }
}
