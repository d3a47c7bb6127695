//! What pixi-pack writes becomes an environment.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lp_package::venv::pixi::{self, PixiError};

use crate::build::{TarEntry, file, open_tar, symlink, tar, zfile, zip};

/// As long as conda's own.
const BUILT_AT: &str = "/build/env_placehold_placehold_placehold_placehold_placehold_placehold_placehold";

/// What a `.conda` is of.
struct Conda {
    info: Vec<(&'static str, String)>,
    files: Vec<TarEntry>,
}

fn index(name: &str, noarch: &str) -> (&'static str, String) {
    ("index.json", format!(r#"{{"name": "{name}", "version": "1.0", "build": "0"{noarch}}}"#))
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

impl Conda {
    fn info_entries(&self, prefix: &str) -> Vec<TarEntry> {
        self.info.iter().map(|(name, text)| file(&format!("{prefix}{name}"), text.as_bytes())).collect()
    }

    fn write(&self, dir: &Path, name: &str) {
        let info = zst(&tar(&self.info_entries("info/")));
        let files = zst(&tar(&self.files));
        let package = zip(&[
            zfile("metadata.json", br#"{"conda_pkg_format_version": 2}"#),
            zfile(&format!("pkg-{name}.tar.zst"), &files),
            zfile(&format!("info-{name}.tar.zst"), &info),
        ]);
        fs::write(dir.join(format!("{name}.conda")), package).unwrap();
    }

    fn write_old(&self, dir: &Path, name: &str) {
        let mut entries = self.info_entries("info/");
        entries.extend(self.files.iter().cloned());
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(&tar(&entries)).unwrap();
        fs::write(dir.join(format!("{name}.tar.bz2")), encoder.finish().unwrap()).unwrap();
    }
}

fn executable(name: &str, content: &[u8]) -> TarEntry {
    TarEntry { mode: b"0000755\0".to_vec(), ..file(name, content) }
}

/// A pack with a Python that is a shell script.
fn pack() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let arch = if cfg!(target_arch = "aarch64") { "linux-aarch64" } else { "linux-64" };
    for sub in [&format!("channel/{arch}"), "channel/noarch", "pypi"] {
        fs::create_dir_all(dir.path().join(sub)).unwrap();
    }
    let metadata = format!(r#"{{"version": "1", "pixi-pack-version": "0.7.6", "platform": "{arch}"}}"#);
    fs::write(dir.path().join("pixi-pack.json"), metadata).unwrap();
    let code = format!("\x7fELF\0{BUILT_AT}/lib\0end\0");
    let paths = format!(
        r#"{{"paths": [{{"_path": "lib/libx.so", "prefix_placeholder": "{BUILT_AT}", "file_mode": "binary"}},
            {{"_path": "bin/config", "prefix_placeholder": "{BUILT_AT}", "file_mode": "text"}},
            {{"_path": "bin/python3.12"}}]}}"#
    );
    let python = Conda {
        info: vec![index("python", ""), ("paths.json", paths)],
        files: vec![
            executable("bin/python3.12", b"#!/bin/sh\necho \"run by $1\"\n"),
            symlink("bin/python", "python3.12"),
            executable("bin/config", format!("#!/bin/sh\necho {BUILT_AT}/etc\n").as_bytes()),
            file("lib/libx.so", code.as_bytes()),
        ],
    };
    python.write(&dir.path().join("channel").join(arch), "python-3.12.7-h0_0");
    dir
}

fn noarch(dir: &tempfile::TempDir) -> std::path::PathBuf {
    dir.path().join("channel/noarch")
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn packages_of_all_kinds_become_one_environment_at_its_place() {
    let dir = pack();
    let link = r#"{"noarch": {"type": "python", "entry_points": ["tool = tool.cli:main"]}}"#;
    let tool = Conda {
        info: vec![index("tool", r#", "noarch": "python""#), ("link.json", link.to_owned())],
        files: vec![
            file("site-packages/tool/__init__.py", b""),
            executable("python-scripts/old-tool", b"#!/bin/sh\n"),
            file("etc/tool.conf", b"x"),
        ],
    };
    tool.write(&noarch(&dir), "tool-1.0-0");
    let data = Conda {
        info: vec![
            index("data", r#", "noarch": "generic""#),
            ("has_prefix", format!("{BUILT_AT} text share/data.pc\n")),
        ],
        files: vec![file("share/data.pc", format!("prefix={BUILT_AT}\n").as_bytes())],
    };
    data.write_old(&noarch(&dir), "data-1.0-0");
    let wheel = zip(&[
        zfile("wheely/__init__.py", b""),
        zfile("wheely-1.0.data/scripts/wheely-script", b"#!python\nx\n"),
        zfile("wheely-1.0.data/data/share/w", b"w"),
        zfile("wheely-1.0.data/headers/w.h", b""),
        zfile("wheely-1.0.dist-info/entry_points.txt", b"[console_scripts]\nwheely = wheely:App.run\n"),
        zfile("wheely-1.0.dist-info/METADATA", b"Name: wheely\n"),
    ]);
    fs::write(dir.path().join("pypi/wheely-1.0-py3-none-any.whl"), wheel).unwrap();
    let place = dir.path().join("place");

    let made = pixi::install(dir.path(), &place).unwrap();
    fs::rename(made, &place).unwrap();

    let place_text = place.to_str().unwrap();
    let code = fs::read(place.join("lib/libx.so")).unwrap();
    assert_eq!(code.len(), format!("\x7fELF\0{BUILT_AT}/lib\0end\0").len());
    assert!(
        code.starts_with(format!("\x7fELF\0{place_text}/lib\0").as_bytes()) && code.ends_with(b"\0end\0")
    );
    assert_eq!(text(place.join("share/data.pc")), format!("prefix={place_text}\n"));
    for modules in ["tool/__init__.py", "wheely/__init__.py", "wheely-1.0.dist-info/METADATA"] {
        assert!(place.join("lib/python3.12/site-packages").join(modules).is_file(), "{modules}");
    }
    for other in ["etc/tool.conf", "share/w", "include/python3.12/wheely/w.h", "conda-meta/tool-1.0-0.json"] {
        assert!(place.join(other).is_file(), "{other}");
    }
    assert!(text(place.join("bin/wheely-script")).starts_with(&format!("#!{place_text}/bin/python\n")));
    assert!(text(place.join("bin/wheely")).contains("from wheely import App\n"));
    for (program, said) in [("tool", "run by "), ("config", place_text), ("wheely", "run by ")] {
        let path = place.join("bin").join(program);
        assert!(path.metadata().unwrap().permissions().mode() & 0o111 != 0);
        let output = std::process::Command::new(&path).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.starts_with(said), "{program}: {out}");
    }
    assert_eq!(lp_package::venv::Form::of_directory(&place), lp_package::venv::Form::Conda);
}

#[test]
fn a_place_too_long_for_machine_code_is_told_with_what_helps() {
    let dir = pack();
    let place = dir.path().join("x".repeat(BUILT_AT.len()));

    let error = pixi::install(dir.path(), &place).unwrap_err();

    assert!(matches!(&error, PixiError::NoRoom { file, .. } if file == "lib/libx.so"), "{error}");
    assert!(error.to_string().contains("data_path"), "{error}");
}

#[test]
fn no_package_writes_through_the_link_of_another() {
    let dir = pack();
    let outside = tempfile::tempdir().unwrap();
    let bad =
        Conda { info: vec![index("a", "")], files: vec![symlink("out", outside.path().to_str().unwrap())] };
    bad.write(&noarch(&dir), "a-1.0-0");
    let worse = Conda { info: vec![index("b", "")], files: vec![file("out/x", b"x")] };
    worse.write(&noarch(&dir), "b-1.0-0");

    let error = pixi::install(dir.path(), &dir.path().join("p")).unwrap_err();

    assert!(error.to_string().contains("out"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

/// What is done to a pack.
type Spoil = fn(&tempfile::TempDir);

#[test]
fn what_cannot_be_installed_is_named_with_the_reason() {
    let cases: [(&str, Spoil, &str); 8] = [
        (
            "other platform",
            |dir| {
                fs::write(dir.path().join("pixi-pack.json"), r#"{"version": "1", "platform": "osx-arm64"}"#)
                    .unwrap();
            },
            "it was packed for osx-arm64",
        ),
        (
            "newer format",
            |dir| {
                fs::write(dir.path().join("pixi-pack.json"), r#"{"version": "2", "platform": "linux-64"}"#)
                    .unwrap();
            },
            "it is of format 2",
        ),
        ("no packages", |dir| fs::remove_dir_all(dir.path().join("channel")).unwrap(), "no packages"),
        (
            "no archive",
            |dir| fs::write(noarch(dir).join("x-1-0.conda"), "x").unwrap(),
            "package `x-1-0.conda` cannot be unpacked",
        ),
        (
            "no index",
            |dir| Conda { info: vec![], files: vec![file("x", b"")] }.write(&noarch(dir), "y-1-0"),
            "package `y-1-0.conda` cannot be installed: it has no index.json",
        ),
        (
            "bad name",
            |dir| {
                Conda { info: vec![index("../y", "")], files: vec![file("x", b"")] }
                    .write(&noarch(dir), "y-1-0");
            },
            "no usable name",
        ),
        (
            "bad entry point",
            |dir| {
                let link = r#"{"noarch": {"type": "python", "entry_points": ["x = os;system:y"]}}"#;
                Conda {
                    info: vec![index("y", ""), ("link.json", link.to_owned())],
                    files: vec![file("x", b"")],
                }
                .write(&noarch(dir), "y-1-0");
            },
            "its entry point `x = os;system:y` is none",
        ),
        (
            "truncated old package",
            |dir| {
                let tar = open_tar(&[file("x", b"x")]);
                fs::write(noarch(dir).join("z-1-0.tar.bz2"), &tar[..20]).unwrap();
            },
            "read `z-1-0.tar.bz2`",
        ),
    ];
    for (case, spoil, expected) in cases {
        let dir = pack();
        spoil(&dir);

        let error = pixi::install(dir.path(), &dir.path().join("p")).unwrap_err();

        assert!(error.to_string().contains(expected), "{case}: {error}");
    }
}
