//! The stylesheet, the script and the icon, embedded in the binary.
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

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("lp", "css", "text/css; charset=utf-8", include_bytes!("../../static/lp.css"))
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("lp", "js", "text/javascript; charset=utf-8", include_bytes!("../../static/lp.js"))
});
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../static/icon.svg")));

/// Finds what stands under a path.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.url == path)
}
