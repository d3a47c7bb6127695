use std::fs;

use super::*;

struct Bed {
    dir: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in ["uv.lock", "pyproject.toml", "requirements.txt", "wheels/x.whl", "bin/python3.12"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One line for each step, the test's directory written `@`.
    fn lines(&self, recipe: &Recipe, tool: &Tool, python: Option<&str>, sources: Sources<'_>) -> Vec<String> {
        let (dest, scratch) = (self.path("dest"), self.path("scratch"));
        let making = Making { recipe, tool, python, dest: &dest, scratch: &scratch, sources };
        let steps = steps(&making).unwrap();
        let line = |step: Step| {
            let environ = step
                .environ
                .into_iter()
                .map(|(name, value)| [name, value].map(|text| text.into_string().unwrap()).join("="));
            let words = step.arguments.into_iter().map(|word| word.into_string().unwrap());
            let program = step.program.to_str().unwrap().to_owned();
            let all: Vec<_> = environ.chain([program]).chain(words).collect();
            all.join(" ").replace(self.dir.path().to_str().unwrap(), "@")
        };
        steps.into_iter().map(line).collect()
    }
}

fn uv() -> Tool {
    Tool::Uv { uv: "uv".into() }
}

fn pip() -> Tool {
    Tool::Pip { python: "python3".into() }
}

fn packages(names: &[&str]) -> Recipe {
    Recipe::Packages { packages: names.iter().map(|name| (*name).to_owned()).collect() }
}

#[test]
fn uv_syncs_a_lock_without_the_project_itself() {
    let bed = Bed::new();
    let recipe = Recipe::UvLock { lock: bed.path("uv.lock") };

    assert_eq!(
        bed.lines(&recipe, &uv(), Some("3.12"), Sources::Index),
        [
            "uv venv --relocatable --project @ --python 3.12 @/dest --no-progress --color=never",
            "UV_PROJECT_ENVIRONMENT=@/dest uv sync --frozen --no-dev --no-install-workspace --link-mode=copy --project @ \
             --python @/dest/bin/python --no-progress --color=never",
        ]
    );
    assert_eq!(
        bed.lines(&recipe, &uv(), None, Sources::Wheels(&bed.path("wheels"))),
        [
            "uv venv --relocatable --project @ @/dest --no-progress --color=never --offline --no-python-downloads",
            "uv export --frozen --no-dev --no-emit-workspace --quiet --project @ --output-file \
             @/scratch/locked-requirements.txt --no-progress --color=never --offline --no-python-downloads",
            "uv pip install --link-mode=copy --python @/dest/bin/python --no-index --find-links @/wheels --no-progress \
             --color=never --offline --no-python-downloads --requirement @/scratch/locked-requirements.txt",
        ]
    );
}

#[test]
fn pip_installs_into_a_venv_and_goes() {
    let bed = Bed::new();
    let recipe = Recipe::Requirements { file: bed.path("requirements.txt") };

    let lines = bed.lines(&recipe, &pip(), None, Sources::Wheels(&bed.path("wheels")));

    assert_eq!(lines[0], "python3 -I -m venv @/dest");
    assert!(lines[1].starts_with("@/dest/bin/python -I -m pip "), "{lines:?}");
    assert!(
        lines[1].ends_with(" --no-index --find-links @/wheels --requirement @/requirements.txt"),
        "{lines:?}"
    );
    assert!(lines[2].ends_with(" uninstall --yes --quiet pip"), "{lines:?}");
}

#[test]
fn packages_can_be_nothing_but_packages() {
    let bed = Bed::new();
    for tool in [uv(), pip()] {
        let lines = bed.lines(&packages(&["numpy==2.3.1", "a[b]>=1"]), &tool, None, Sources::Index);
        assert!(lines[1].ends_with(" -- numpy==2.3.1 a[b]>=1"), "{lines:?}");
    }
    let refused = |recipe: &Recipe, tool: &Tool, python, sources| {
        let (dest, scratch) = (bed.path("dest"), bed.path("scratch"));
        steps(&Making { recipe, tool, python, dest: &dest, scratch: &scratch, sources }).unwrap_err()
    };
    for names in [&["--index-url=http://x"][..], &["-r", "x"], &["a\nb"], &[""], &["/etc/passwd"], &["./x"]] {
        let error = refused(&packages(names), &uv(), None, Sources::Index);
        assert!(matches!(error, RecipeError::BadPackage { .. }), "{names:?}: {error}");
    }
    assert!(matches!(refused(&packages(&[]), &uv(), None, Sources::Index), RecipeError::NoPackages));
    for python in ["3", "three", "3.12; rm", "--3.1", "3.1.2.3", ""] {
        let error = refused(&packages(&["a"]), &uv(), Some(python), Sources::Index);
        assert!(matches!(error, RecipeError::BadPython { .. }), "{python}: {error}");
    }
    assert!(matches!(refused(&packages(&["a"]), &pip(), None, Sources::Cache), RecipeError::CacheNeedsUv));
    let nowhere = bed.path("nowhere");
    let error = refused(&packages(&["a"]), &pip(), None, Sources::Wheels(&nowhere));
    assert!(matches!(error, RecipeError::NoWheels { .. }));
    let lock = Recipe::UvLock { lock: bed.path("uv.lock") };
    assert!(matches!(refused(&lock, &pip(), None, Sources::Index), RecipeError::NeedsUv { .. }));
    fs::remove_file(bed.path("pyproject.toml")).unwrap();
    assert!(matches!(refused(&lock, &uv(), None, Sources::Index), RecipeError::NoProject { .. }));
    let missing = Recipe::Requirements { file: nowhere.clone() };
    assert!(matches!(refused(&missing, &uv(), None, Sources::Index), RecipeError::NoFile { .. }));
}

#[test]
fn uv_comes_first_then_the_python_of_the_version() {
    let bed = Bed::new();
    let path = bed.path("bin").into_os_string();
    let python = Tool::Pip { python: bed.path("bin/python3.12") };

    assert_eq!(Tool::find(&path, Some("3.12.4")).unwrap(), python);
    let error = Tool::find(&path, Some("3.13")).unwrap_err();
    assert_eq!(error.to_string(), "make an environment: neither uv nor python3.13 is on the PATH");
    fs::rename(bed.path("bin/python3.12"), bed.path("bin/uv")).unwrap();
    assert_eq!(Tool::find(&path, None).unwrap(), Tool::Uv { uv: bed.path("bin/uv") });
}

#[test]
fn another_python_than_the_one_asked_for_is_told() {
    let bed = Bed::new();
    fs::write(bed.path("pyvenv.cfg"), "version = 3.11.2\n").unwrap();

    check_python(bed.dir.path(), None).unwrap();
    check_python(bed.dir.path(), Some("3.11.9")).unwrap();
    let error = check_python(bed.dir.path(), Some("3.12")).unwrap_err();
    assert!(error.to_string().ends_with("has Python 3.11"), "{error}");
}
