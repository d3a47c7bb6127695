//! From what was seen of an environment to sentences about it.

use std::collections::{BTreeMap, BTreeSet};

use super::config::Config;
use super::elf::Made;
use super::form::{CONDA_UNPACK, Form};
use super::inspect::{EXAMPLES, Finding, Inspection, Inspector, Severity};

/// Files with the place that they name.
type Places = BTreeMap<String, String>;

impl Inspector {
    /// Says what it is. `root` is the environment's place in the archive, empty or with a `/` at its end; `has` tells whether a path
    /// relative to it is there.
    pub fn conclude(mut self, root: &str, has: impl Fn(&str) -> bool) -> Inspection {
        let form = Form::of(&has);
        let config = self.configs.get(&format!("{root}pyvenv.cfg")).map(|text| Config::parse(text));
        let python = config.as_ref().and_then(Config::python).or_else(|| self.pythons.first().cloned());
        let platforms: BTreeSet<_> = self.made.keys().filter_map(linux).map(str::to_owned).collect();
        let mut findings = Findings { root, list: Vec::new() };
        findings.of_form(form, &has);
        findings.of_config(config.as_ref());
        findings.of_places(std::mem::take(&mut self.leads_out), std::mem::take(&mut self.links));
        findings.of_scripts(&mut self, &has);
        findings.of_programs(&self, &platforms);
        if let (Some(python), Form::Venv | Form::Conda) = (&python, form) {
            findings.of_modules(python, std::mem::take(&mut self.abis));
        }
        let mut findings = findings.list;
        findings.sort_by_key(|finding| finding.severity);
        let Self { files, bytes, packages, .. } = self;
        Inspection { form, python, files, bytes, platforms, packages, findings }
    }
}

struct Findings<'a> {
    root: &'a str,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn error(&mut self, text: impl Into<String>, hint: &str) {
        self.list.push(Finding { severity: Severity::Error, text: text.into(), hint: hint.to_owned() });
    }

    fn warning(&mut self, text: impl Into<String>, hint: &str) {
        self.list.push(Finding { severity: Severity::Warning, text: text.into(), hint: hint.to_owned() });
    }

    fn of_form(&mut self, form: Form, has: &impl Fn(&str) -> bool) {
        // a pack is made an environment by the node that unpacks it
        if let Some(refusal) = form.refusal().filter(|_| form != Form::PixiPack) {
            self.error(format!("it is {}", form.as_str()), refusal);
        }
        if form == Form::Venv && !has("bin/python") && !has("bin/python3") {
            self.error(
                "it is a venv and has no `bin/python`",
                "Pack it again with `lp venv pack DIR`, which keeps links.",
            );
        }
        if form == Form::Conda && !has(CONDA_UNPACK) {
            self.warning(
                "it is a conda environment without `bin/conda-unpack`: what knows its place still names the old one",
                "If a program of it fails, pack it with conda-pack, which adds that script.",
            );
        }
    }

    fn of_config(&mut self, config: Option<&Config>) {
        if config.is_some_and(Config::has_system_packages) {
            self.warning(
                "it takes packages of the machine beside its own (include-system-site-packages)",
                "Install what is needed into it: the nodes' machines may hold other versions, or none.",
            );
        }
    }

    fn of_places(&mut self, leads_out: Places, mut links: Places) {
        if !leads_out.is_empty() {
            let text =
                format!("it leads to places outside, which nodes do not have: {}", self.examples(&leads_out));
            self.error(text, "Install these without `-e`, so that their code lies in the environment.");
        }
        links.retain(|path, _| !is_python_link(path, self.root));
        if !links.is_empty() {
            let text = format!("links lead out of it: {}", self.examples(&links));
            self.warning(text, "Copy what they lead to into the environment, where it is needed.");
        }
    }

    fn of_scripts(&mut self, seen: &mut Inspector, has: &impl Fn(&str) -> bool) {
        let has_python = has("bin/python") || has("bin/python3");
        let missing: Places = std::mem::take(&mut seen.scripts)
            .into_iter()
            .filter(|(_, script)| !(script.is_python && has_python || has(&format!("bin/{}", script.name))))
            .map(|(path, script)| (path, script.path))
            .collect();
        if !missing.is_empty() {
            let text = format!("scripts name an interpreter that is not in it: {}", self.examples(&missing));
            self.warning(
                text,
                "Add the interpreter to `bin`, or begin the scripts with `#!/usr/bin/env NAME`.",
            );
        }
    }

    fn of_programs(&mut self, seen: &Inspector, platforms: &BTreeSet<String>) {
        if let Some(files) = seen.made.get(&Made::MacOs) {
            let text = format!("it holds programs of macOS: {}", files.join(", "));
            self.error(text, "Pack it on Linux: nodes run nothing else.");
        }
        if platforms.len() > 1 {
            let list: Vec<_> = platforms.iter().map(String::as_str).collect();
            let text = format!("it holds programs for more than one platform: {}", list.join(", "));
            self.warning(text, "Make one environment for each platform.");
        }
    }

    fn of_modules(&mut self, python: &str, mut abis: Places) {
        let wanted = format!("cpython-{}", python.replace('.', ""));
        abis.remove(&wanted);
        // the other way round, to be told as files are
        let wrong: Places = abis.into_iter().map(|(abi, path)| (path, abi)).collect();
        if !wrong.is_empty() {
            let text =
                format!("it is for Python {python} and holds modules for another: {}", self.examples(&wrong));
            self.error(text, "Install its packages again with the Python it is for.");
        }
    }

    /// `bin/tool (/old/bin/perl), bin/other (...) and 7 more`.
    fn examples(&self, found: &Places) -> String {
        let shown = |(path, place): (&String, &String)| {
            let path = path.strip_prefix(self.root).unwrap_or(path);
            format!("{} ({})", path.escape_debug(), place.escape_debug())
        };
        let named: Vec<_> = found.iter().take(EXAMPLES).map(shown).collect();
        match found.len().saturating_sub(EXAMPLES) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

fn linux(made: &Made) -> Option<&'static str> {
    match made {
        Made::Linux(platform) => Some(platform),
        Made::UnknownMachine | Made::MacOs | Made::Windows => None,
    }
}

/// The links by which a venv borrows its Python.
fn is_python_link(path: &str, root: &str) -> bool {
    let name = path.strip_prefix(root).and_then(|path| path.strip_prefix("bin/"));
    name.is_some_and(|name| name.starts_with("python"))
}
