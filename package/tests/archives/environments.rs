//! What is seen of an environment before it is run anywhere.

use super::build::*;
use lp_package::venv::inspect::Severity;
use lp_package::venv::{Form, Inspection, inspect_archive};

fn inspected(entries: &[TarEntry]) -> Inspection {
    inspect_archive(&Stage::new(&gz(&tar(entries))).archive()).unwrap()
}

fn program(name: &str, content: &[u8]) -> TarEntry {
    TarEntry { mode: b"0000755\0".to_vec(), ..file(name, content) }
}

fn texts(inspection: &Inspection) -> Vec<(Severity, &str)> {
    inspection.findings.iter().map(|finding| (finding.severity, finding.text.as_str())).collect()
}

const CONFIG: &[u8] = b"home = /usr/bin\nversion = 3.11.2\n";

/// The begin of an ELF file for x86_64.
const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";

#[test]
fn a_sound_venv_is_told_by_what_is_in_it_flat_or_with_a_root() {
    for root in ["", "venv/"] {
        let at = |name: &str| format!("{root}{name}");
        let site = at("lib/python3.11/site-packages");
        let found = inspected(&[
            file(&at("pyvenv.cfg"), CONFIG),
            symlink(&at("bin/python"), "/usr/bin/python3.11"),
            program(&at("bin/tool"), b"#!/old/place/bin/python\nimport x\n"),
            file(&format!("{site}/x/_core.cpython-311-x86_64-linux-gnu.so"), ELF),
            file(&format!("{site}/x-1.dist-info/METADATA"), b"Name: x\n"),
            file(&format!("{site}/distutils-precedence.pth"), b"import os\n"),
        ]);

        assert_eq!((found.form, found.python.as_deref(), found.packages), (Form::Venv, Some("3.11"), 1));
        assert_eq!(found.platforms.iter().map(String::as_str).collect::<Vec<_>>(), ["x86_64"]);
        assert_eq!(texts(&found), [], "{root}");
    }
}

#[test]
fn what_will_fail_elsewhere_is_found_with_what_to_do() {
    let site = "lib/python3.11/site-packages";
    let config = [CONFIG, b"include-system-site-packages = true\n"].concat();
    let found = inspected(&[
        file("pyvenv.cfg", &config),
        symlink("bin/python", "/usr/bin/python3.11"),
        program("bin/perlish", b"#!/old/place/bin/perl\n"),
        file(&format!("{site}/_mine.pth"), b"import os\n/home/me/src\n"),
        file(
            &format!("{site}/mine-1.dist-info/direct_url.json"),
            br#"{"dir_info": {"editable": true}, "url": "file:///home/me/mine"}"#,
        ),
        file(&format!("{site}/x.cpython-312-x86_64-linux-gnu.so"), ELF),
        file(&format!("{site}/y.so"), b"\xcf\xfa\xed\xfe............"),
        symlink("share/data", "/srv/data"),
    ]);

    let expected = [
        (Severity::Error, "leads to places outside"),
        (Severity::Error, "programs of macOS"),
        (Severity::Error, "modules for another: lib/python3.11/site-packages/x.cpython-312"),
        (Severity::Warning, "packages of the machine"),
        (Severity::Warning, "links lead out of it: share/data (/srv/data)"),
        (Severity::Warning, "an interpreter that is not in it: bin/perlish (/old/place/bin/perl)"),
    ];
    let found_texts = texts(&found);
    assert_eq!(found_texts.len(), expected.len(), "{found_texts:#?}");
    for ((severity, text), (wanted, part)) in found_texts.iter().zip(expected) {
        assert!(*severity == wanted && text.contains(part), "{text} is not {part}");
    }
    assert!(found_texts[0].1.contains("/home/me/src") && found_texts[0].1.contains("/home/me/mine"));
    assert!(found.findings.iter().all(|finding| !finding.hint.is_empty()));
}

#[test]
fn what_is_no_environment_says_what_would_be_one() {
    for (entries, form, hint) in [
        (vec![file("pixi-pack.json", b"{}"), file("channel/noarch/x.conda", b"")], Form::PixiPack, ""),
        (vec![file("lib/x.py", b"")], Form::Nothing, "no `bin`"),
        (
            vec![file("activate.sh", b""), file("env/conda-meta/history", b""), file("env/bin/x", b"")],
            Form::Conda,
            "conda-pack",
        ),
        (vec![program("node/bin/node", ELF)], Form::Programs, ""),
    ] {
        let found = inspected(&entries);
        assert_eq!(found.form, form);
        let said: Vec<_> = found.findings.iter().map(|finding| finding.hint.as_str()).collect();
        assert!(
            said.iter().any(|said| said.contains(hint)) || hint.is_empty() && said.is_empty(),
            "{said:?}"
        );
    }
}
