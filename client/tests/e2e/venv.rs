//! The Python environment of the example `multiple_actions`, made by the example's own script and once for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{copy, example, run};

/// A copy of the example with its environment packed, at this path.
pub fn multiple_actions(to: &Path) -> PathBuf {
    copy(&example("multiple_actions"), to);
    fs::create_dir(to.join("venvs")).unwrap();
    fs::copy(packed(), to.join("venvs/venv.tar.gz")).unwrap();
    to.to_owned()
}

/// `venv.tar.gz`, as `pack-venv.sh` makes it. Kept between runs of the tests: making it takes seconds and the network.
pub fn packed() -> PathBuf {
    let requirements = fs::read(example("multiple_actions").join("requirements.txt")).unwrap();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("multiple_actions");
    fs::create_dir_all(&kept).unwrap();
    // several tests, and processes of tests, want it at the same time
    let lock = fs::File::create(kept.join("lock")).unwrap();
    lock.lock().unwrap();
    let archive = kept.join("venvs/venv.tar.gz");
    let is_current = fs::read(kept.join("requirements.txt")).is_ok_and(|kept| kept == requirements);
    if !(archive.exists() && is_current) {
        fs::copy(example("multiple_actions").join("pack-venv.sh"), kept.join("pack-venv.sh")).unwrap();
        fs::write(kept.join("requirements.txt"), &requirements).unwrap();
        let packed = run(&mut Command::new(kept.join("pack-venv.sh")), "");
        assert_eq!(
            packed.code, 0,
            "the environment of the example multiple_actions cannot be made; `pip install` must be able to reach a package \
             index, and python3 must have venv and pip:\n{}{}",
            packed.stdout, packed.stderr
        );
    }
    archive
}
