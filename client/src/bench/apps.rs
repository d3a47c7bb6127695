//! The applications the bench runs: as small as they can be, so that what is left is the platform.

use std::fs;
use std::path::Path;
use std::process::Command;

use lp_package::{PackOptions, pack};
use lp_protocol::AppId;
use lp_protocol::client::{ManagerClient, Upload};
use lp_protocol::views::CreateApp;
use serde_json::{Value, json};

use super::limit::Words;
use crate::failure::Failure;

/// An uploaded application of the bench.
#[derive(Clone, Copy, Debug)]
pub(super) struct App {
    pub(super) id: AppId,
    pub(super) name: &'static str,
}

/// `/bin/true`: nothing but the start of a process.
pub(super) fn no_op() -> Words {
    words(&["/bin/true"])
}

/// A shell that starts another program, as most small actions are.
pub(super) fn shell() -> Words {
    words(&["/bin/sh", "-c", "cat \"$0/input.data\"", "{workspace}"])
}

/// Python that reads its input and does nothing else; None where there is no `python3`.
pub(super) fn python() -> Option<Words> {
    // what `python3` is may itself be a script that looks for the real one
    let ask = |python| Command::new(python).args(["-c", "import sys; print(sys.executable)"]).output().ok();
    // the system's first: one in root's home is closed to the users programs of a root node run as
    let output = ask("/usr/bin/python3").or_else(|| ask("python3"))?;
    let python = String::from_utf8(output.stdout).ok()?;
    let python = python.trim();
    if !output.status.success() || !python.starts_with('/') {
        return None;
    }
    let script = "import sys; open(sys.argv[1] + '/input.data').read()";
    Some(words(&[python, "-I", "-S", "-c", script, "{workspace}"]))
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A manifest of one action.
pub(super) fn single(words: &[String]) -> Value {
    json!({"actions": [{"name": "action", "main": words}]})
}

/// A manifest of `hops` no-ops, each after the one before.
pub(super) fn chain(hops: usize) -> Value {
    let name = |number: usize| format!("hop-{number}");
    let actions: Vec<_> = (0..hops)
        .map(|number| {
            let condition: Vec<_> = number.checked_sub(1).map(name).into_iter().collect();
            json!({"name": name(number), "condition": condition, "main": no_op()})
        })
        .collect();
    json!({ "actions": actions })
}

/// A manifest of one no-op, then `width` of them, then one.
pub(super) fn fan_out(width: usize) -> Value {
    let names: Vec<_> = (0..width).map(|number| format!("part-{number}")).collect();
    let parts = names.iter().map(|name| json!({"name": name, "condition": ["first"], "main": no_op()}));
    let mut actions = vec![json!({"name": "first", "main": no_op()})];
    actions.extend(parts);
    actions.push(json!({"name": "last", "condition": names, "main": no_op()}));
    json!({ "actions": actions })
}

/// A manifest of an action that makes `count` no-ops, and one that waits for them.
pub(super) fn generate(count: usize) -> Value {
    let item = r#"{"name": "part-&", "main": ["\/bin\/true"], "to_action": "last"}"#;
    let list = format!("seq 1 {count} | sed -e 's/.*/{item}/' -e '$!s/$/,/'");
    let script = format!("{{ echo '{{\"actions\": ['; {list}; echo ']}}'; }} > \"$0/output.data\"");
    let first = json!({"name": "first", "main": ["/bin/sh", "-c", script, "{workspace}"]});
    json!({"actions": [first, {"name": "last", "condition": ["first"], "main": no_op()}]})
}

/// Packs a manifest in `directory` and uploads it.
pub(super) async fn upload(
    client: &ManagerClient,
    directory: &Path,
    name: &'static str,
    manifest: &Value,
) -> Result<App, Failure> {
    let file_error = |source| Failure::File { what: "write", path: directory.to_owned(), source };
    let source = directory.join(name);
    fs::create_dir_all(&source).map_err(file_error)?;
    fs::write(source.join("configuration.json"), manifest.to_string()).map_err(file_error)?;
    let path = directory.join(format!("{name}.tar.gz"));
    let file = fs::File::create(&path).map_err(file_error)?;
    let (_, packed) = pack(&source, file, &PackOptions::default())?;
    let digest = packed.summed.digest.to_string();
    client.upload_blob(&digest, Upload::open(&path, None).await?).await?;
    let body = CreateApp { name: name.to_owned(), description: String::new(), digest, strict: true };
    let app = client.create_app(&body).await?;
    Ok(App { id: app.app_id, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::manifest::{Options, parse};

    #[test]
    fn every_manifest_is_a_plan_without_warnings() {
        for (manifest, actions) in
            [(single(&shell()), 1), (chain(20), 20), (fan_out(200), 202), (generate(10), 2)]
        {
            let options = Options { strict: true, has_path: None };

            let parsed = parse(manifest.to_string().as_bytes(), &options).unwrap();

            assert_eq!(parsed.plan.actions.len(), actions);
        }
    }
}
