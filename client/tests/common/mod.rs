//! Clusters of the real `lp` for the end-to-end tests: started on free ports in a directory of their own, killed and started again as a
//! test wants, and gone with everything they have started when the test ends, however it ends.
//!
//! A test sees what a user sees: commands with their output and exit codes, and the API through `ManagerClient`.

#![expect(dead_code, reason = "not every test program uses all of it")]

mod cluster;
pub mod gate;
mod leftovers;
mod part;
mod ran;

pub use cluster::Cluster;
pub use part::Part;
pub use ran::{Ran, Watched, run};

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for anything that should take a second: debug builds, two processors, many tests at once.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// An example application of the repository.
pub fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("client is a folder of the repository")
}

/// Copies the files of a directory, not those below it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Writes an application with `size_bytes` that no archiver makes smaller, and packs it without trying.
pub fn large_archive(directory: &Path, name: &str, size_bytes: usize) -> PathBuf {
    let manifest = r#"{"actions": [{"name": "weigh", "main": "wc -c data"}]}"#;
    let app = write_app(&directory.join(name), &[("configuration.json", manifest)]);
    let mut state = size_bytes as u64 | 1;
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    while bytes.len() < size_bytes {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    std::fs::write(app.join("data"), &bytes[..size_bytes]).unwrap();
    let archive = directory.join(format!("{name}.tar"));
    let mut tar = std::process::Command::new("tar");
    tar.args(["--owner=0", "--group=0", "-cf"]).arg(&archive).arg("-C").arg(directory).arg(name);
    assert!(tar.status().unwrap().success());
    archive
}

/// Writes an application of these files; those that begin with `#!` are programs.
pub fn write_app(directory: &Path, files: &[(&str, &str)]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(directory).unwrap();
    for (name, content) in files {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        let mode = if content.starts_with("#!") { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    directory.to_owned()
}
