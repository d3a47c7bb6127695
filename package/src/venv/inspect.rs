//! What is wrong with an environment, seen before it is run anywhere.
//!
//! An archive is read once, as at upload, and only the begins of files are looked at. What is found is told in sentences with what to do
//! about each; whether the environment suits the nodes there are is for the caller, who knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::ArchiveError;
use crate::limits::{LinkPolicy, RootPolicy, Rules};
use crate::read::{Archive, Entry, EntryKind};

use super::elf::{self, Made};
use super::form::Form;
use super::script::{HEAD_BYTES, Named};

/// Larger ones are no `pyvenv.cfg`, `.pth` or `direct_url.json`.
const MAX_SMALL_BYTES: u64 = 64 << 10;
/// Examples named in a sentence; the rest is counted.
pub(super) const EXAMPLES: usize = 3;
/// Files of one kind remembered, so that a hostile archive fills no memory.
const MAX_REMEMBERED: usize = 10_000;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Actions will fail.
    Error,
    /// Actions may fail.
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// A sentence without a full stop.
    pub text: String,
    /// What to do.
    pub hint: String,
}

/// What an environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    pub form: Form,
    /// `3.11`, of a venv or an environment that brings its Python.
    pub python: Option<String>,
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// The platforms of its programs and libraries as `uname -m` writes them; empty where it has none.
    pub platforms: BTreeSet<String>,
    /// Python packages installed in it.
    pub packages: u64,
    pub findings: Vec<Finding>,
}

/// Reads a whole archive and says what it is.
///
/// # Errors
/// As a survey of it would be refused.
pub fn inspect_archive(path: &Path) -> Result<Inspection, ArchiveError> {
    let rules = Rules { links: LinkPolicy::AllowAbsoluteTargets, root: RootPolicy::Keep, ..Rules::venv() };
    let mut inspector = Inspector::default();
    let contents = Archive::open(path, rules)?.visit(|entry| inspector.see(entry))?;
    let root = contents.tree.single_root().map(str::to_owned);
    let kind_of = |path: &str| contents.tree.kind_of(path).is_some();
    let flat = Form::of(kind_of);
    let beside_activate =
        kind_of("activate.sh") && Form::of(|path| kind_of(&format!("env/{path}"))) != Form::Nothing;
    Ok(match root {
        _ if flat != Form::Nothing => inspector.conclude("", kind_of),
        _ if beside_activate => inspector.conclude("env/", |path| kind_of(&format!("env/{path}"))),
        Some(root) => inspector.conclude(&format!("{root}/"), |path| kind_of(&format!("{root}/{path}"))),
        None => inspector.conclude("", kind_of),
    })
}

/// Gathers what matters while the entries go by; where the root is, is known at the end only.
#[derive(Debug, Default)]
pub struct Inspector {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// By path.
    pub(super) configs: BTreeMap<String, String>,
    /// Interpreters that scripts name by absolute paths, by the script's path.
    pub(super) scripts: BTreeMap<String, Interpreter>,
    pub(super) made: BTreeMap<Made, Vec<String>>,
    /// `cp311` and the like of extension modules.
    pub(super) abis: BTreeMap<String, String>,
    /// Absolute targets of links.
    pub(super) links: BTreeMap<String, String>,
    /// What leads to a place outside, by the path of the file that says so.
    pub(super) leads_out: BTreeMap<String, String>,
    pub(super) packages: u64,
    pub(super) pythons: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Interpreter {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) is_python: bool,
}

impl Inspector {
    /// Looks at one entry.
    ///
    /// # Errors
    /// Whatever reading it fails with.
    pub fn see(&mut self, entry: &mut Entry<'_>) -> Result<(), ArchiveError> {
        let path = entry.path().as_str().to_owned();
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        if let Some(python) = python_of(&path) {
            self.pythons.insert(python.to_owned());
        }
        match entry.kind().clone() {
            EntryKind::Dir => {}
            EntryKind::Hardlink { .. } => self.files += 1,
            EntryKind::Symlink { target } => {
                if target.starts_with('/') {
                    remember(&mut self.links, path, target);
                }
            }
            EntryKind::File { size, executable } => {
                self.files += 1;
                self.bytes += size;
                self.packages += u64::from(name == "METADATA" && is_in_dist_info(&path));
                if size <= MAX_SMALL_BYTES && is_small(&path, &name) {
                    let text = String::from_utf8_lossy(&entry.read_small(MAX_SMALL_BYTES)?).into_owned();
                    self.see_small(path, &name, text);
                } else if is_in_bin(&path) || executable || is_library(&name) {
                    let head = read_head(entry)?;
                    self.see_program(path, &name, &head);
                }
            }
        }
        Ok(())
    }

    fn see_small(&mut self, path: String, name: &str, text: String) {
        if name == "pyvenv.cfg" {
            remember(&mut self.configs, path, text);
        } else if name == "direct_url.json" {
            // {"dir_info": {"editable": true}, "url": "file:///home/me/src"} (PEP 610)
            let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if dense.contains(r#""editable":true"#) {
                let url = dense.split(r#""url":""#).nth(1).and_then(|rest| rest.split('"').next());
                let place = url.map_or("elsewhere", |url| url.trim_start_matches("file://")).to_owned();
                remember(&mut self.leads_out, path, place);
            }
        } else if let Some(line) = text.lines().map(str::trim).find(|line| line.starts_with('/')) {
            remember(&mut self.leads_out, path, line.to_owned());
        }
    }

    fn see_program(&mut self, path: String, name: &str, head: &[u8]) {
        if let Some(made) = elf::read(head) {
            if let Some(abi) = abi_of(name) {
                remember(&mut self.abis, abi.to_owned(), path.clone());
            }
            let files = self.made.entry(made).or_default();
            if files.len() < EXAMPLES {
                files.push(path);
            }
        } else if is_in_bin(&path)
            && let Some(named) = Named::read(head)
            && !named.is_of_the_machine()
        {
            let interpreter = Interpreter {
                path: named.path.to_owned(),
                name: named.name().to_owned(),
                is_python: named.is_python(),
            };
            remember(&mut self.scripts, path, interpreter);
        }
    }
}

fn remember<V>(map: &mut BTreeMap<String, V>, key: String, value: V) {
    if map.len() < MAX_REMEMBERED {
        map.insert(key, value);
    }
}

fn read_head(entry: &mut Entry<'_>) -> Result<Vec<u8>, ArchiveError> {
    let mut head = vec![0; HEAD_BYTES];
    let mut filled = 0;
    while filled < head.len() {
        match entry.read_piece(&mut head[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    head.truncate(filled);
    Ok(head)
}

fn is_in_bin(path: &str) -> bool {
    let mut parts = path.rsplit('/').skip(1);
    parts.next() == Some("bin") && parts.nth(1).is_none()
}

fn is_in_dist_info(path: &str) -> bool {
    path.rsplit('/').nth(1).is_some_and(|dir| dir.ends_with(".dist-info"))
}

fn is_small(path: &str, name: &str) -> bool {
    let in_site = || path.rsplit('/').nth(1) == Some("site-packages");
    match name {
        "pyvenv.cfg" => path.matches('/').count() <= 1,
        "direct_url.json" => is_in_dist_info(path),
        _ => (name.ends_with(".pth") || name.ends_with(".egg-link")) && in_site(),
    }
}

fn is_library(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.") || name.ends_with(".dylib")
}

/// `3.11` of `lib/python3.11/site-packages/...`.
fn python_of(path: &str) -> Option<&str> {
    let (before, rest) = path.split_once("lib/python")?;
    let (version, _) = rest.split_once('/')?;
    let is_version = version.starts_with("3.") && version[2..].bytes().all(|byte| byte.is_ascii_digit());
    (before.matches('/').count() <= 1 && is_version).then_some(version)
}

/// `cpython-311` of `_core.cpython-311-x86_64-linux-gnu.so`.
fn abi_of(name: &str) -> Option<&str> {
    let begin = name.find(".cpython-")? + 1;
    let rest = &name[begin..];
    let digits = rest["cpython-".len()..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 1).then(|| &rest[.."cpython-".len() + digits])
}
