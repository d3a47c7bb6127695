//! What macOS puts beside the real content of an archive.
//!
//! Finder's "Compress" adds `__MACOSX/`, `.DS_Store` and AppleDouble files (`._name`). At the top level of an archive
//! they would make "exactly one root directory" false for every package made on a Mac, so they are treated as absent:
//! checked like everything else, then neither listed nor unpacked. Deeper down they are ordinary files.

/// Returns whether a top-level name is macOS metadata rather than content.
pub(crate) fn is_junk(top: &str) -> bool {
    top == "__MACOSX" || top == ".DS_Store" || top.starts_with("._")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_macos_adds_is_junk() {
        for name in ["__MACOSX", ".DS_Store", "._app"] {
            assert!(is_junk(name), "{name}");
        }
        for name in ["app", "__macosx", ".DS_Store2", ".hidden", "_._"] {
            assert!(!is_junk(name), "{name}");
        }
    }
}
