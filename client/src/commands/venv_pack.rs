//! `lp venv pack`: an environment that runs anywhere, from an existing venv or from a recipe.
//!
//! The environment is made, or linked file by file, in a directory of its own that goes away whatever happens; an existing venv is never
//! changed. What `__pycache__` it holds is worthless elsewhere, since Python compares times that a pack does not carry; it is made anew in the
//! form that needs no times, so that no action has to compile what it imports.

mod make;
mod tree;

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use lp_package::venv::inspect::{Finding, Severity};
use lp_package::venv::recipe::Sources;
use lp_package::venv::{self, Form, Inspection, Recipe, inspect_archive};
use lp_protocol::views::{CreateVenv, UpdateVenv};

use super::download::Replace;
use super::{Session, app, package};
use crate::failure::Failure;
use crate::output::text;

#[derive(Args, Debug)]
pub(crate) struct Pack {
    /// An existing venv, or names of packages: numpy, "numpy==2.3.1"
    #[arg(value_name = "DIR|PACKAGE", conflicts_with_all = ["requirements", "lock"])]
    what: Vec<String>,
    /// Make it of a requirements file
    #[arg(short, long, value_name = "FILE", conflicts_with = "lock")]
    requirements: Option<PathBuf>,
    /// Make it of a lock file of uv, with pyproject.toml beside it
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Which Python: 3.11; uv fetches one that this machine lacks
    #[arg(long, value_name = "VERSION")]
    python: Option<String>,
    /// Take packages from the wheels in this directory and from nowhere else
    #[arg(long, value_name = "DIR", conflicts_with = "offline")]
    wheels: Option<PathBuf>,
    /// Take packages from uv's cache and from nowhere else
    #[arg(long)]
    offline: bool,
    /// File to write; default: the environment's name with .tar.gz here, or none where it is uploaded
    #[arg(short = 'f', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file; pack also what will not run elsewhere
    #[arg(long)]
    force: bool,
    /// Upload it as a new environment of this name
    #[arg(long, value_name = "NAME", conflicts_with = "update")]
    create: Option<String>,
    /// Upload it as the new version of this environment
    #[arg(long, value_name = "VENV")]
    update: Option<String>,
    /// What it is for
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// Leave compiled modules out: smaller, and every start of an action compiles what it imports
    #[arg(long)]
    no_compile: bool,
    #[command(flatten)]
    _raw: RawWithoutShort,
}

/// Takes the place of the global flag, so that `-r` is free.
#[derive(Args, Debug)]
#[group(skip)]
struct RawWithoutShort {
    /// Print the manager's JSON (the same as `-o json`)
    #[arg(id = "raw", long = "raw", action = ArgAction::SetTrue, hide = true)]
    _flag: bool,
}

/// What is packed.
enum From {
    Directory(PathBuf),
    Recipe(Recipe),
}

pub(crate) async fn run(session: &Session, pack: Pack) -> Result<(), Failure> {
    let from = from(&pack)?;
    let name = name(&pack, &from);
    let output = output(&pack, &name)?;
    // where the archive goes is room for what goes into it
    let beside = output.as_deref().map(directory_of);
    let scratch = scratch(beside)?;
    let root = scratch.path().join("venv");
    match &from {
        From::Directory(dir) => tree::link(dir, &root).await?,
        From::Recipe(recipe) => {
            let sources = match (&pack.wheels, pack.offline) {
                (Some(wheels), _) => Some(absolute(wheels)?),
                (None, _) => None,
            };
            let sources = match &sources {
                Some(wheels) => Sources::Wheels(wheels),
                None if pack.offline => Sources::Cache,
                None => Sources::Index,
            };
            make::make(session, recipe, pack.python.as_deref(), &root, scratch.path(), sources).await?;
        }
    }
    let freed = on_disk(root.clone(), venv::prune).await?;
    session.out.detail(&format!("left out {} of caches", text::size(freed)));
    if !pack.no_compile {
        make::compile(session, &root).await;
    }
    on_disk(root.clone(), |root| venv::relocate(root, None)).await?;

    session.out.note("packing");
    let archive = scratch.path().join("venv.tar.gz");
    let (packed, inspection) = archive_of(root, name.clone(), archive.clone()).await?;
    judge(session, &inspection, pack.force)?;
    let size = text::size(packed.size_bytes);
    if let Some(output) = &output {
        std::fs::rename(&archive, output).map_err(|source| failed("write", output, source))?;
        session.out.note(&format!("packed {size}, {}", summary(&inspection)));
    }
    if pack.create.is_none() && pack.update.is_none() {
        let path = output.unwrap_or_default();
        session.out.note(&format!("upload it with `lp venv create -f {}`", path.display()));
        return session.out.line(&text::visible(&path.display().to_string()));
    }
    upload(session, &pack, &packed, name).await
}

async fn upload(
    session: &Session,
    pack: &Pack,
    packed: &package::Package,
    name: String,
) -> Result<(), Failure> {
    let client = session.client()?;
    let digest = package::send(session, &client, packed).await?;
    match &pack.update {
        Some(venv) => {
            let body = UpdateVenv { name: None, description: pack.description.clone(), digest: Some(digest) };
            session.out.item(&client.update_venv(venv, &body).await?)
        }
        None => {
            let description = pack.description.clone().unwrap_or_default();
            let body = CreateVenv { name: name.clone(), description, digest };
            let source = pack.output.clone().unwrap_or_else(|| PathBuf::from(&name));
            let venv = client.create_venv(&body).await;
            session.out.item(&venv.map_err(|error| app::taken(error, "venv", &name, &source))?)
        }
    }
}

fn from(pack: &Pack) -> Result<From, Failure> {
    if let Some(file) = &pack.requirements {
        return Ok(From::Recipe(Recipe::Requirements { file: absolute(file)? }));
    }
    if let Some(lock) = &pack.lock {
        return Ok(From::Recipe(Recipe::UvLock { lock: absolute(lock)? }));
    }
    if let [only] = &pack.what[..] {
        let path = Path::new(only);
        // `numpy` is a package, also where a directory is called so
        if path.is_dir() && (only.contains('/') || only == "." || Form::of_directory(path) != Form::Nothing) {
            return directory(absolute(path)?, pack).map(From::Directory);
        }
        if only.contains('/') && !only.contains('@') {
            return Err(Failure::NotFound {
                what: format!("there is no directory {}", text::visible(only)),
                hint: Some("name an existing venv, or packages as in a requirements file".to_owned()),
            });
        }
    }
    if pack.what.is_empty() {
        return Err(Failure::usage(
            "nothing to pack",
            "lp venv pack DIR, lp venv pack -r requirements.txt, lp venv pack --lock uv.lock, or lp venv pack PACKAGE...",
        ));
    }
    Ok(From::Recipe(Recipe::Packages { packages: pack.what.clone() }))
}

fn directory(dir: PathBuf, pack: &Pack) -> Result<PathBuf, Failure> {
    if pack.python.is_some() || pack.wheels.is_some() || pack.offline {
        return Err(Failure::usage(
            "--python, --wheels and --offline are for environments that are made",
            "an existing one has its Python and its packages",
        ));
    }
    let shown = dir.display().to_string();
    match Form::of_directory(&dir) {
        Form::Venv | Form::Programs => Ok(dir),
        Form::Conda => Err(Failure::Invalid {
            what: format!("{shown} is a conda environment, whose programs know their place"),
            hint: Some(format!("conda-pack -p {shown} -o env.tar.gz && lp venv create -f env.tar.gz")),
        }),
        form @ (Form::PixiPack | Form::Nothing) => Err(Failure::Invalid {
            what: format!("{shown} is {}", form.as_str()),
            hint: form.refusal().map(str::to_owned),
        }),
    }
}

fn name(pack: &Pack, from: &From) -> String {
    if let Some(name) = pack.create.as_ref().or(pack.update.as_ref()) {
        return name.clone();
    }
    let of = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = match from {
        From::Directory(dir) if matches!(of(dir).as_deref(), Some(".venv" | "venv" | "env")) => {
            dir.parent().and_then(of)
        }
        From::Directory(dir) => of(dir),
        From::Recipe(Recipe::UvLock { lock: file } | Recipe::Requirements { file }) => {
            file.parent().and_then(of)
        }
        From::Recipe(Recipe::Packages { packages }) => packages.first().map(|first| {
            first.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
        }),
    };
    name.map(|name| name.trim_start_matches('.').to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "venv".to_owned())
}

/// The file to write, if one is.
fn output(pack: &Pack, name: &str) -> Result<Option<PathBuf>, Failure> {
    let default = || PathBuf::from(format!("{}.tar.gz", name.replace('/', "-")));
    let path = match &pack.output {
        None if pack.create.is_some() || pack.update.is_some() => return Ok(None),
        None => default(),
        Some(dir) if dir.is_dir() => dir.join(default()),
        Some(path) => path.clone(),
    };
    let replace = if pack.force { Replace::Allow } else { Replace::Refuse };
    if replace == Replace::Refuse && path.symlink_metadata().is_ok() {
        return Err(Failure::Invalid {
            what: format!("{} is there already", path.display()),
            hint: Some("give another name with --output, or --force to replace it".to_owned()),
        });
    }
    Ok(Some(path))
}

fn scratch(beside: Option<&Path>) -> Result<tempfile::TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".lp-venv-pack-");
    let (made, place) = match beside {
        Some(dir) => (builder.tempdir_in(dir), dir.to_owned()),
        None => (builder.tempdir(), std::env::temp_dir()),
    };
    let made = made.map_err(|source| failed("write", &place, source))?;
    Ok(made)
}

async fn archive_of(
    root: PathBuf,
    name: String,
    archive: PathBuf,
) -> Result<(package::Package, Inspection), Failure> {
    let work = move || {
        let open = || File::options().read(true).write(true).create_new(true).open(&archive);
        let file = open().map_err(|source| failed("write", &archive, source))?;
        let packed = package::pack_environment(&root, &name, file)?;
        let inspection = inspect_archive(&archive).map_err(|error| Failure::Invalid {
            what: format!("cannot {error}"),
            hint: error.hint().map(str::to_owned),
        })?;
        Ok((packed, inspection))
    };
    blocking(work).await
}

/// Tells what was found; what will not run elsewhere is packed only if that is wanted.
fn judge(session: &Session, inspection: &Inspection, force: bool) -> Result<(), Failure> {
    for Finding { severity: _, text, hint } in &inspection.findings {
        session.out.warn(&format!("{text}\n  {hint}"));
    }
    let is_bad = |finding: &&Finding| finding.severity == Severity::Error;
    match inspection.findings.iter().find(is_bad) {
        Some(_) if !force => Err(Failure::Invalid {
            what: "it will not run on other machines; nothing was written".to_owned(),
            hint: Some("correct what is told above, or --force to pack it as it is".to_owned()),
        }),
        Some(_) | None => Ok(()),
    }
}

/// `a venv for Python 3.11 with 3 packages`.
fn summary(inspection: &Inspection) -> String {
    let Inspection { form, python, packages, .. } = inspection;
    let python = python.as_ref().map_or(String::new(), |python| format!(" for Python {python}"));
    match packages {
        0 => format!("{}{python}", form.as_str()),
        1 => format!("{}{python} with 1 package", form.as_str()),
        count => format!("{}{python} with {count} packages", form.as_str()),
    }
}

async fn on_disk<T: Send + 'static>(
    root: PathBuf,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    blocking(move || work(&root).map_err(|source| failed("write", &root, source))).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Part { what: error.to_string(), hint: None })?
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|source| failed("read", path, source))
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(what: &'static str, path: &Path, source: std::io::Error) -> Failure {
    Failure::File { what, path: path.to_owned(), source }
}
