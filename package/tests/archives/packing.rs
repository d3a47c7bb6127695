//! The same tree gives the same bytes, and the reader accepts whatever the packer makes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::build::{Stage, walk};
use lp_package::pack::{SkipReason, Skipped};
use lp_package::{ArchiveError, Format, Ignores, PackError, PackOptions, Packed, Rules, pack};

/// Makes a tree below a new directory `app`; names ending with `/` are directories, `a -> b` is a link.
fn tree(entries: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let app = directory.path().join("app");
    fs::create_dir(&app).unwrap();
    for (name, content) in entries {
        if let Some((link, target)) = name.split_once(" -> ") {
            symlink(target, app.join(link)).unwrap();
        } else if name.ends_with('/') {
            fs::create_dir_all(app.join(name)).unwrap();
        } else {
            fs::create_dir_all(app.join(name).parent().unwrap()).unwrap();
            fs::write(app.join(name), content).unwrap();
        }
    }
    directory
}

fn packed(directory: &tempfile::TempDir, options: &PackOptions) -> Result<(Vec<u8>, Packed), PackError> {
    pack(&directory.path().join("app"), Vec::new(), options)
}

fn names(bytes: &[u8]) -> Vec<String> {
    Stage::new(bytes).read(Rules::app()).unwrap().into_keys().collect()
}

#[test]
fn what_is_packed_is_unpacked() {
    let directory = tree(&[
        ("configuration.json", "{}"),
        ("run", "#!/bin/sh\n"),
        ("empty/", ""),
        ("lib/ünï.py", "pass"),
        ("lib/link -> ../run", ""),
        (&format!("{}/deep", ["x"; 90].join("/")), "long path"),
        (&"n".repeat(250), "long name"),
        (&format!("target -> {}", ["x"; 90].join("/")), ""),
    ]);
    let run = directory.path().join("app/run");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
    for format in [Format::TarGz, Format::TarZst] {
        let (bytes, packed) = packed(&directory, &PackOptions { format, ..PackOptions::default() }).unwrap();
        let stage = Stage::new(&bytes);

        stage.unpack(Rules::app()).unwrap();

        assert_eq!(walk(&stage.dest()), walk(&directory.path().join("app")));
        assert_eq!(Format::open_file(&stage.archive()).unwrap().0, format);
        assert_eq!(packed.summed, lp_package::digest::sum_file(&stage.archive()).unwrap());
        assert_eq!((packed.root.as_str(), packed.files, packed.skipped.len()), ("app", 5, 0));
    }
}

#[test]
fn neither_order_nor_times_nor_modes_nor_place_change_the_bytes() {
    let entries = [("a.txt", "1"), ("a/x", "2"), ("a-b", "3"), ("B", "4"), ("z/y/x", "5"), ("l -> a/x", "")];
    let one = tree(&entries);
    let mut reversed = entries;
    reversed.reverse();
    let other = tree(&reversed);
    let x = other.path().join("app/a/x");
    fs::set_permissions(&x, fs::Permissions::from_mode(0o600)).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(&x).unwrap().set_modified(old).unwrap();
    for format in [Format::TarGz, Format::TarZst] {
        let options = PackOptions { format, ..PackOptions::default() };

        let first = packed(&one, &options).unwrap();

        assert_eq!(first, packed(&other, &options).unwrap());
        assert_eq!(first, packed(&one, &options).unwrap());
    }
}

/// The bytes are part of the contract: a new version of a library that changes them makes new versions of all packages.
#[test]
fn the_bytes_are_those_of_the_last_release() {
    let directory = tree(&[("configuration.json", "{}"), ("main.py", "print('hello')\n")]);

    let (bytes, packed) = packed(&directory, &PackOptions::default()).unwrap();

    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    assert_eq!(
        packed.summed.digest.to_string(),
        "a57b7c241bb5324240b97a22b614f98a3050fa68c5438327602aa6de0ace0a63"
    );
}

#[test]
fn entries_are_sorted_bytewise_below_one_root() {
    let directory = tree(&[("a.txt", ""), ("a/x", ""), ("a-b", ""), ("B", "")]);
    let (bytes, _) = packed(&directory, &PackOptions::default()).unwrap();
    let stage = Stage::new(&bytes);
    let mut listed = Vec::new();

    let archive = lp_package::Archive::open(&stage.archive(), Rules::app()).unwrap();
    archive
        .visit(|entry| {
            listed.push(entry.path().to_string());
            Ok::<(), ArchiveError>(())
        })
        .unwrap();

    assert_eq!(listed, ["app", "app/B", "app/a", "app/a-b", "app/a.txt", "app/a/x"]);
}

#[test]
fn ignore_files_count_where_they_are_and_lpignore_has_the_last_word() {
    let directory = tree(&[
        (".gitignore", "*.log\n/build\nvenvs/*\n"),
        (".lpignore", "docs/\n!venvs/venv.tar.gz\n"),
        (".git/config", ""),
        ("sub/.git", "gitdir: elsewhere"),
        ("sub/.gitignore", "!keep.log\nlocal\n"),
        ("sub/keep.log", ""),
        ("sub/other.log", ""),
        ("sub/local", ""),
        ("local", ""),
        ("build/x", ""),
        ("docs/x", ""),
        ("venvs/venv.tar.gz", ""),
        ("venvs/scratch", ""),
        (".hidden", ""),
        (".ignore", "main.py"),
        ("main.py", ""),
    ]);
    fs::write(directory.path().join(".gitignore"), "main.py\n").unwrap();
    fs::create_dir(directory.path().join(".git")).unwrap();

    let (bytes, packed) = packed(&directory, &PackOptions::default()).unwrap();

    let expected = [
        "app",
        "app/.gitignore",
        "app/.hidden",
        "app/.ignore",
        "app/.lpignore",
        "app/local",
        "app/main.py",
        "app/sub",
        "app/sub/.gitignore",
        "app/sub/keep.log",
        "app/venvs",
        "app/venvs/venv.tar.gz",
    ];
    assert_eq!(names(&bytes), expected);
    let skip = |path: &str, why| Skipped { path: path.into(), why };
    let skipped = [
        skip(".git", SkipReason::VersionControl),
        skip("build", SkipReason::Ignored),
        skip("docs", SkipReason::Ignored),
        skip("sub/.git", SkipReason::VersionControl),
        skip("sub/local", SkipReason::Ignored),
        skip("sub/other.log", SkipReason::Ignored),
        skip("venvs/scratch", SkipReason::Ignored),
    ];
    assert_eq!(packed.skipped, skipped);
}

#[test]
fn an_environment_is_packed_whatever_its_gitignore_says() {
    let directory = tree(&[(".gitignore", "*\n"), (".lpignore", "local\n"), ("bin/tool", ""), ("local", "")]);
    let options = PackOptions { ignores: Ignores::OwnOnly, ..PackOptions::default() };

    let (bytes, _) = packed(&directory, &options).unwrap();

    assert_eq!(names(&bytes), ["app", "app/.gitignore", "app/.lpignore", "app/bin", "app/bin/tool"]);
}

#[test]
fn a_rule_that_cannot_be_understood_stops_the_packing() {
    let directory = tree(&[(".lpignore", "secret[z-a]\n"), ("secret", "")]);

    let refused = packed(&directory, &PackOptions::default());

    assert!(matches!(refused, Err(PackError::IgnoreRules { .. })), "{refused:?}");
}

#[test]
fn links_to_the_outside_are_refused_by_name() {
    for target in ["/etc/passwd", "../outside", "lib/../../app/x"] {
        let directory = tree(&[("lib/", ""), (&format!("link -> {target}"), "")]);

        let refused = packed(&directory, &PackOptions::default());

        match refused {
            Err(PackError::Unacceptable(
                ArchiveError::AbsoluteTarget { entry, .. } | ArchiveError::TargetOutside { entry, .. },
            )) => assert_eq!(entry, "app/link"),
            other => panic!("{target}: {other:?}"),
        }
    }
}

#[test]
fn names_the_reader_would_refuse_are_refused() {
    for name in ["back\\slash", "new\nline"] {
        let directory = tree(&[(name, "")]);
        let refused = packed(&directory, &PackOptions::default());
        assert!(
            matches!(refused, Err(PackError::Unacceptable(ArchiveError::UnsafePath { .. }))),
            "{refused:?}"
        );
    }
    let directory = tree(&[]);
    for root in ["__MACOSX", "._x", "a/b", "..", "", "x/", "./x", "C:"] {
        let options = PackOptions { root_name: Some(root.to_owned()), ..PackOptions::default() };
        assert!(matches!(packed(&directory, &options), Err(PackError::RootName { .. })), "{root}");
    }
}

#[test]
fn the_output_and_sockets_are_left_out() {
    let directory = tree(&[("x", "1")]);
    let app = directory.path().join("app");
    let output = app.join("app.tar.gz");
    let _socket = std::os::unix::net::UnixListener::bind(app.join("socket")).unwrap();
    let file = fs::File::create(&output).unwrap();
    let leave_out = vec![app.join("../app/app.tar.gz"), app.join("missing")];

    let (_, packed) = pack(&app, file, &PackOptions { leave_out, ..PackOptions::default() }).unwrap();

    assert_eq!(names(&fs::read(&output).unwrap()), ["app", "app/x"]);
    let reasons: Vec<SkipReason> = packed.skipped.iter().map(|skip| skip.why).collect();
    assert_eq!(reasons, [SkipReason::Output, SkipReason::Special]);
}

#[test]
fn only_directories_and_formats_we_write_are_packed() {
    let directory = tree(&[("x", "")]);
    let file = directory.path().join("app/x");
    assert!(matches!(pack(&file, Vec::new(), &PackOptions::default()), Err(PackError::NotADirectory { .. })));
    let missing = Path::new("/nonexistent/x");
    assert!(matches!(pack(missing, Vec::new(), &PackOptions::default()), Err(PackError::Read { .. })));
    let zip = PackOptions { format: Format::Zip, ..PackOptions::default() };
    assert!(matches!(packed(&directory, &zip), Err(PackError::Format { .. })));
}
