//! What the viewer is looked at with: axe-core for the browser tests, pictures of every page, a database like a large cluster's.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{self, cargo, is_ci, root};
use crate::needs;

/// Names the one version of axe-core that is used.
const PACKAGE: &str = "client/tests/browser/package.json";

/// Fetches axe-core into `target/axe`, once for each version.
pub(crate) fn fetch_axe() -> Result<()> {
    let directory = root().join("target/axe");
    let wanted = std::fs::read(root().join(PACKAGE)).with_context(|| format!("cannot read {PACKAGE}"))?;
    let package = directory.join("package.json");
    let script = directory.join("node_modules/axe-core/axe.min.js");
    if std::fs::read(&package).is_ok_and(|there| there == wanted) && script.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(&directory).context("cannot make target/axe")?;
    // only what npm has finished counts as there
    std::fs::remove_file(&package).ok();
    let stage = directory.join("wanted");
    std::fs::create_dir_all(&stage)?;
    std::fs::write(stage.join("package.json"), &wanted)?;
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]);
    match command::run(install.current_dir(&stage)) {
        Ok(()) => {
            std::fs::remove_dir_all(directory.join("node_modules")).ok();
            std::fs::rename(stage.join("node_modules"), directory.join("node_modules"))?;
            std::fs::write(&package, &wanted)?;
            Ok(())
        }
        Err(error) if is_ci() => Err(error),
        Err(error) => {
            eprintln!(
                "xtask: axe-core was not fetched ({error:#}); the accessibility of the pages is not checked"
            );
            Ok(())
        }
    }
}

/// Pictures of every page into `target/screenshots`. Words in `arguments` choose pages by their names.
pub(crate) fn screenshots(arguments: &[OsString]) -> Result<()> {
    needs::browser()?;
    let only: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let test = "screenshots::no_page_is_wider_than_its_screen";
    let mut run = cargo(&["test", "--package", "lp", "--test", "browser", "--", "--nocapture"]);
    command::run(run.args(["--exact", test]).env("LP_SCREENSHOTS", only.join(",")).env("CI", "true"))
}

/// Fills the manager's database below a data directory of `lp up` with the past of a large cluster.
pub(crate) fn fill(arguments: &[OsString]) -> Result<()> {
    let Some((data, rest)) = arguments.split_first() else {
        bail!("say where: cargo xtask fill DIRECTORY [--seed N] [--tasks N] [--actions N] [--nodes N]");
    };
    needs::compiler()?;
    let manager = Path::new(data).join("manager");
    std::fs::create_dir_all(&manager).with_context(|| format!("cannot make {}", manager.display()))?;
    let database = std::path::absolute(manager.join("manager.db"))?;
    let mut run = cargo(&["run", "--release", "--package", "lp-manager", "--example", "fill", "--"]);
    command::run(run.arg(&database).args(rest))?;
    eprintln!("look at it: cargo run --release -- up --data {}", Path::new(data).display());
    Ok(())
}

/// Times every page of the viewer over a data directory of `lp up`; with `--limit MS` it fails where one takes longer.
pub(crate) fn pages(arguments: &[OsString]) -> Result<()> {
    if arguments.is_empty() {
        bail!("say where: cargo xtask pages DIRECTORY [--times N] [--limit MS] [--only WORD]");
    }
    needs::compiler()?;
    command::run(&mut cargo(&["build", "--release", "--package", "lp", "--bin", "lp"]))?;
    let program = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |target| root().join(target));
    // what only measures need not be optimised
    let mut run = cargo(&["run", "--package", "lp", "--example", "pages", "--"]);
    command::run(run.args(arguments).arg("--lp").arg(program.join("release/lp")))
}
