//! `cargo xtask test`: every test of the workspace, and how many there were.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::browser;
use crate::command::{self, cargo, find};
use crate::docker::{self, Engine};
use crate::needs;
use crate::postgres::Postgres;

/// The address of the PostgreSQL server that the tests use.
const POSTGRES_URL: &str = "LP_TEST_POSTGRES";

/// The address of the container engine that the tests use.
const DOCKER_HOST: &str = "LP_TEST_DOCKER";

/// Runs the tests; with `arguments` those that they select.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    needs::tests()?;
    browser::fetch_axe()?;
    let scope = scope(arguments);
    // before anything is started that a failure to compile would leave waiting
    command::run(build().args(scope).args(arguments))?;
    let server = match std::env::var_os(POSTGRES_URL) {
        Some(_) => None,
        None => needs::postgres_bin().map(|_| Postgres::start()).transpose()?,
    };
    let engine = start_engine()?;
    let mut total = Count::default();
    let mut succeeded = true;
    for mut runner in runners(arguments) {
        if let Some(server) = &server {
            runner.command.env(POSTGRES_URL, server.url());
        }
        match &engine {
            Containers::Own(engine) => drop(runner.command.env(DOCKER_HOST, engine.host())),
            Containers::Found(host) => drop(runner.command.env(DOCKER_HOST, host)),
            Containers::Given | Containers::None => {}
        }
        runner.command.args(scope).args(arguments);
        succeeded &= runner.run(&mut total)?;
    }
    drop((server, engine));
    eprintln!("{} tests passed, {} failed, {} left out", total.passed, total.failed, total.left_out);
    if !succeeded || total.failed > 0 {
        bail!("not all tests have passed");
    }
    if total.passed == 0 {
        bail!("no test was run");
    }
    Ok(())
}

/// The container engine of a run.
enum Containers {
    /// The caller has named it.
    Given,
    Found(String),
    Own(Engine),
    None,
}

fn start_engine() -> Result<Containers> {
    if std::env::var_os(DOCKER_HOST).is_some() {
        return Ok(Containers::Given);
    }
    if let Some(host) = docker::found() {
        return Ok(Containers::Found(host));
    }
    if !needs::is_root() || find("dockerd").is_none() {
        return Ok(Containers::None);
    }
    match Engine::start(&command::root().join("target")) {
        Ok(engine) => Ok(Containers::Own(engine)),
        Err(error) if command::is_ci() => Err(error),
        Err(error) => {
            eprintln!("xtask: {error:#}; the tests of containers are left out");
            Ok(Containers::None)
        }
    }
}

/// All crates, unless the caller names some.
fn scope(arguments: &[OsString]) -> &'static [&'static str] {
    let names_one = |argument: &OsString| {
        let text = argument.to_string_lossy();
        text == "-p" || text.starts_with("--package")
    };
    if arguments.iter().any(names_one) { &[] } else { &["--workspace"] }
}

/// Compiles what the [`runners`] run.
fn build() -> Command {
    match find("cargo-nextest") {
        Some(_) => cargo(&["nextest", "run", "--no-run"]),
        None => cargo(&["test", "--no-run"]),
    }
}

/// A program that runs tests, and where it counts them.
struct Runner {
    command: Command,
    counts_on: Output,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Stdout,
    Stderr,
}

/// nextest where it is installed: it runs the programs of all crates side by side. It knows no documentation tests, which are run after it
/// unless tests were selected.
fn runners(arguments: &[OsString]) -> Vec<Runner> {
    let standard = |arguments| Runner { command: cargo(arguments), counts_on: Output::Stdout };
    if find("cargo-nextest").is_none() {
        return vec![standard(&["test", "--no-fail-fast"])];
    }
    let next = cargo(&["nextest", "run", "--no-fail-fast", "--no-tests=pass", "--color=never"]);
    let mut runners = vec![Runner { command: next, counts_on: Output::Stderr }];
    if arguments.is_empty() {
        runners.push(standard(&["test", "--doc", "--no-fail-fast"]));
    }
    runners
}

impl Runner {
    /// Runs it, passes on what it says, and adds what it counts; false where it failed.
    fn run(&mut self, total: &mut Count) -> Result<bool> {
        match self.counts_on {
            Output::Stdout => self.command.stdout(Stdio::piped()),
            Output::Stderr => self.command.stderr(Stdio::piped()),
        };
        let mut child =
            self.command.spawn().with_context(|| format!("cannot run {:?}", self.command.get_program()))?;
        let output: Box<dyn Read> = match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), _) => Box::new(stdout),
            (None, Some(stderr)) => Box::new(stderr),
            (None, None) => bail!("the output of the tests is a pipe"),
        };
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            total.add(&String::from_utf8_lossy(&line));
            let mut out = std::io::stdout().lock();
            out.write_all(&line)?;
            out.write_all(b"\n")?;
        }
        Ok(child.wait()?.success())
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    left_out: u64,
}

impl Count {
    /// Reads a summary of `cargo test` (`test result: ok. 3 passed; 0 failed; 1 ignored; ...`) or of nextest
    /// (`     Summary [0.2s] 4 tests run: 3 passed (1 flaky), 1 failed, 2 skipped`); any other line counts nothing. What
    /// nextest repeats of a failed test's output stands further to the right.
    fn add(&mut self, line: &str) {
        if !line.starts_with("test result:") && !line.trim_start().starts_with("Summary [") {
            return;
        }
        let words: Vec<&str> =
            line.split([' ', ';', ',', '(', ')']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" | "timed" | "exec" => self.failed += number,
                "ignored" | "skipped" => self.left_out += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_both_runners_are_counted() {
        for (line, passed, failed, left_out) in [
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.02s",
                3,
                0,
                1,
            ),
            (
                "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
                1,
                2,
                0,
            ),
            ("     Summary [   0.003s] 4 tests run: 3 passed (1 flaky), 1 failed, 2 skipped", 3, 1, 2),
            ("     Summary [  90.003s] 4/9 tests run: 2 passed, 1 failed, 1 timed out, 0 skipped", 2, 2, 0),
            ("test tests::summary ... ok", 0, 0, 0),
            ("    test result: FAILED. 1 passed; 2 failed; 0 ignored", 0, 0, 0),
            ("12 passed", 0, 0, 0),
        ] {
            let mut count = Count::default();
            count.add(line);
            assert_eq!(count, Count { passed, failed, left_out }, "{line}");
        }
    }

    #[test]
    fn all_crates_are_tested_unless_some_are_named() {
        for (arguments, scoped) in
            [(&[][..], true), (&["some_test"], true), (&["-p", "lp"], false), (&["--package=lp"], false)]
        {
            let arguments: Vec<OsString> = arguments.iter().map(|argument| argument.into()).collect();
            assert_eq!(!scope(&arguments).is_empty(), scoped, "{arguments:?}");
        }
    }
}
