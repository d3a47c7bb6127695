//! The directions of imports (ARCHITECTURE.md, "Layout") hold: who may use whom, and which crate has one importer only.

use std::path::{Path, PathBuf};

/// Crates of the workspace, and which of ours each may depend on.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("package", &[]),
    ("settings", &["lp-protocol"]),
    ("manager", &["lp-protocol", "lp-package", "lp-settings"]),
    ("node", &["lp-protocol", "lp-package", "lp-settings"]),
    ("viewer", &["lp-protocol", "lp-package", "lp-settings"]),
    ("client", &["lp-protocol", "lp-package", "lp-settings", "lp-manager", "lp-node", "lp-viewer"]),
];

/// A name, and the only folders below which it may stand in code.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sea_orm", &["manager/src/store", "manager/examples", "manager/tests"]),
    ("sea_orm_migration", &["manager/src/store"]),
    ("actix_web", &["manager/src/http", "manager/tests", "viewer"]),
    ("actix_ws", &["manager/src/http"]),
    ("anyhow", &["client/src/main.rs", "client/tests", "xtask"]),
];

/// What must not stand in a part of the manager.
const NEVER_IN: &[(&str, &[&str])] = &[
    // pure: no I/O, no clock, no async, nothing of the manager but itself
    (
        "manager/src/core",
        &[
            "crate::engine",
            "crate::store",
            "crate::http",
            "crate::link",
            "tokio",
            "std::fs",
            "std::net",
            "Instant::now",
            "Utc::now",
            "SystemTime",
        ],
    ),
    ("manager/src/engine", &["crate::http"]),
    ("manager/src/store", &["crate::engine", "crate::http", "crate::link"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("client is a folder of the workspace").to_owned()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with("target") {
            rust_files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The files of all crates, with their path from the root, and their code without comments.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    for folder in ["protocol", "package", "settings", "manager", "node", "viewer", "client", "xtask"] {
        rust_files(&root.join(folder), &mut files);
    }
    assert!(files.len() > 50, "the sources were found");
    let code = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), code(path))).collect()
}

/// Stands in the code as a path or a name of its own, not as a part of another word or text.
fn uses(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        let is_word =
            |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"' || c == '`');
        !is_word(before) && !is_word(after)
    })
}

#[test]
fn crates_depend_only_on_those_below_them() {
    for (folder, allowed) in MAY_USE {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let ours = dependencies.lines().filter(|line| line.starts_with("lp-"));
        for line in ours {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(allowed.contains(&name), "{folder} must not depend on {name}");
        }
    }
}

#[test]
fn a_library_of_one_part_is_imported_there_only() {
    let this_file = "client/tests/import_directions.rs";
    for (path, code) in sources().iter().filter(|(path, _)| path != this_file) {
        for (name, folders) in ONLY_IN {
            let is_allowed = folders.iter().any(|folder| path.starts_with(folder));
            assert!(is_allowed || !uses(code, name), "{path} must not use {name}");
        }
    }
}

#[test]
fn the_parts_of_the_manager_keep_their_directions() {
    for (path, code) in sources() {
        for (folder, names) in NEVER_IN.iter().filter(|(folder, _)| path.starts_with(folder)) {
            for name in names.iter() {
                let is_test = path.contains("/tests");
                assert!(is_test || !uses(&code, name), "{path} in {folder} must not use {name}");
            }
        }
    }
}
