//! `bin/activate`: the one line in which it names the place of its venv.
//!
//! In bash and zsh a script that is read in can tell where it lies, and in fish; such a line is right wherever the venv is put. Plain sh and
//! csh cannot tell, so there the place is written where it is known and else left as it was.

use std::path::Path;

/// How the scripts are called, and how a line that names the place begins.
const SCRIPTS: [(&str, &str); 3] = [
    ("activate", "VIRTUAL_ENV="),
    ("activate.fish", "set -gx VIRTUAL_ENV "),
    ("activate.csh", "setenv VIRTUAL_ENV "),
];

pub(super) fn is_one(name: &str) -> bool {
    SCRIPTS.iter().any(|(script, _)| *script == name)
}

/// The text of the script `name` for a venv that will lie at `place`; None where nothing is to be changed.
pub(super) fn rewrite(name: &str, text: &str, place: Option<&Path>) -> Option<String> {
    let (_, begin) = SCRIPTS.iter().find(|(script, _)| *script == name)?;
    let mut changed = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let named = line.trim_start().strip_prefix(begin).and_then(written_place);
        match named.and_then(|old| replacement(name, old, place)) {
            Some(new) => {
                let indent = &line[..line.len() - line.trim_start().len()];
                changed |= line.trim_start() != new;
                lines.push(format!("{indent}{new}"));
            }
            None => lines.push(line.to_owned()),
        }
    }
    changed.then(|| lines.join("\n") + "\n")
}

/// The absolute path that a value is, without its quotes. What is worked out at run time is none.
pub(super) fn written_place(value: &str) -> Option<&str> {
    let value = value.trim().trim_end_matches(';').trim_matches(['"', '\'']);
    (value.starts_with('/') && !value.contains(['$', '`', '('])).then_some(value)
}

fn replacement(name: &str, old: &str, place: Option<&Path>) -> Option<String> {
    let known = place.and_then(Path::to_str).unwrap_or(old).replace('\'', r"'\''");
    match name {
        "activate" => Some(format!(
            "if [ -n \"${{BASH_SOURCE:-}}\" ]; then VIRTUAL_ENV=\"$(cd \"$(dirname \"$BASH_SOURCE\")/..\" && pwd)\"; \
             elif [ -n \"${{ZSH_VERSION:-}}\" ]; then VIRTUAL_ENV=\"$(cd \"$(dirname \"${{(%):-%x}}\")/..\" && pwd)\"; \
             else VIRTUAL_ENV='{known}'; fi"
        )),
        "activate.fish" => {
            Some("set -gx VIRTUAL_ENV (dirname (dirname (realpath (status --current-filename))))".to_owned())
        }
        "activate.csh" => place.map(|_| format!("setenv VIRTUAL_ENV '{known}'")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_names_the_place_is_replaced_and_no_other() {
        let text = "deactivate () {\n    unset VIRTUAL_ENV\n}\nVIRTUAL_ENV=\"/old/place\"\nexport VIRTUAL_ENV\n\
                    PATH=\"$VIRTUAL_ENV/bin:$PATH\"\n";

        let new = rewrite("activate", text, Some(Path::new("/new/it's"))).unwrap();

        assert!(!new.contains("/old/place"), "{new}");
        assert!(new.contains(r"VIRTUAL_ENV='/new/it'\''s'"), "{new}");
        assert_eq!(new.lines().count(), text.lines().count());
        assert!(new.ends_with("PATH=\"$VIRTUAL_ENV/bin:$PATH\"\n"));
    }

    #[test]
    fn bash_and_sh_both_find_the_venv() {
        let dir = tempfile::tempdir().unwrap();
        let venv = dir.path().join("a venv");
        std::fs::create_dir_all(venv.join("bin")).unwrap();
        let text = rewrite("activate", "VIRTUAL_ENV=/old/place\nexport VIRTUAL_ENV\n", Some(&venv)).unwrap();
        std::fs::write(venv.join("bin/activate"), text).unwrap();
        for shell in ["bash", "sh"] {
            let script = format!(". '{}' && printf %s \"$VIRTUAL_ENV\"", venv.join("bin/activate").display());

            let output = std::process::Command::new(shell).args(["-c", &script]).output().unwrap();

            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                venv.to_str().unwrap(),
                "{shell}: {output:?}"
            );
        }
    }

    #[test]
    fn what_finds_its_place_by_itself_stays() {
        for text in [
            "VIRTUAL_ENV=''\"$(dirname -- \"$(dirname -- \"$(realpath -- \"$SCRIPT_PATH\")\")\")\"''\n",
            "VIRTUAL_ENV=$full_path_env\n",
            "export VIRTUAL_ENV\n",
        ] {
            assert_eq!(rewrite("activate", text, Some(Path::new("/new"))), None, "{text}");
        }
        assert_eq!(rewrite("activate.csh", "setenv VIRTUAL_ENV /old\n", None), None);
        let csh = rewrite("activate.csh", "setenv VIRTUAL_ENV /old\n", Some(Path::new("/new")));
        assert_eq!(csh.as_deref(), Some("setenv VIRTUAL_ENV '/new'\n"));
    }
}
