//! From an order to the spawn of a shim.

use lp_protocol::docker::{Args, VENV, WORKSPACE};
use nix::unistd::{getegid, geteuid};

use super::create::{self, Making};
use super::files::{self, Main, Spec};
use super::names;
use super::prepare::reference;
use super::settings::Settings;
use crate::gpus::{self, Kind};
use crate::runner::command::{Words, words};
use crate::runner::environ::{self, ATTEMPT_KEY};
use crate::runner::given::Given;
use crate::runner::launch::{Prepared, Site};
use crate::runner::order::Order;
use crate::runner::workspace;
use crate::supervisor::leftovers::NODE_ID;
use crate::supervisor::wire::Spawn;

/// The shim's own words.
pub(super) const RUN: &str = "run";

/// Writes what the shim has to know; the spawn that starts it.
///
/// # Errors
/// The reason nothing can be started, for people.
pub(crate) fn spawn(site: &Site, order: &Order, prepared: &Prepared, given: &Given) -> Result<Spawn, String> {
    let key = &order.assignment.attempt;
    let spec = spec(site, order, prepared, given)?;
    let path = files::spec_path(&site.layout, key);
    // an earlier launch may have left its end
    files::remove(&site.layout, key);
    files::write(&path, &spec)
        .map_err(|error| format!("cannot write what its container is made from: {error}"))?;
    let log = text(&workspace::path(&site.layout, key).join(workspace::STDOUT))?;
    shim(&site.containers.settings, order, &[RUN, &text(&path)?], log)
}

/// The spawn of a shim with these words.
pub(super) fn shim(
    settings: &Settings,
    order: &Order,
    words: &[&str],
    stdout: String,
) -> Result<Spawn, String> {
    let program = text(&settings.program)?;
    let mut argv = vec!["lp".to_owned(), "contain".to_owned()];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    Ok(Spawn {
        key: order.key.clone(),
        program,
        argv,
        cwd: "/".to_owned(),
        // by these its processes are found again, as any program's
        env: vec![
            (NODE_ID.to_owned(), settings.node_id.clone()),
            (ATTEMPT_KEY.to_owned(), order.key.clone()),
        ],
        stdout,
        ..Spawn::default()
    })
}

fn spec(site: &Site, order: &Order, prepared: &Prepared, given: &Given) -> Result<Spec, String> {
    let settings = &site.containers.settings;
    let assignment = &order.assignment;
    let written = assignment.docker.as_ref().ok_or("it has no container")?;
    let args = Args::parse(&written.args).map_err(|error| error.to_string())?;
    let volumes = settings.allowed.check(&args, &settings.host)?;
    let workspace = text(&workspace::path(&site.layout, &assignment.attempt))?;
    let (app, venv) = (text(&prepared.app)?, prepared.venv.as_deref().map(text).transpose()?);
    let body = create::body(Making {
        image: reference(assignment, settings)?.to_string(),
        args: &args,
        volumes: &volumes,
        resources: &assignment.resources,
        labels: names::labels(&settings.node_id, &assignment.attempt),
        app: &app,
        workspace: &workspace,
        venv: venv.as_deref(),
        env: variables(order, site, given, &args)?,
        user: own_user(),
        gpus: (&site.gpus, &given.gpus),
    });
    let main = match words(&assignment.command, WORKSPACE) {
        Words::Direct(words) => Main::Words(words),
        Words::Shell(script) => Main::Script(script),
    };
    Ok(Spec {
        host: settings.host.clone(),
        name: names::container(&assignment.attempt),
        attempt: assignment.attempt.clone(),
        main,
        body,
        platform: args.process.platform.clone(),
        has_venv: venv.is_some(),
        site_packages: venv.as_deref().map(site_packages).unwrap_or_default(),
        workspace,
        end: files::end_path(&site.layout, &assignment.attempt),
        note: site.containers.take_note(&assignment.attempt),
    })
}

/// `environ`, the container's own `environment` over it, the names of lp's own over both.
fn variables(order: &Order, site: &Site, given: &Given, args: &Args) -> Result<Vec<String>, String> {
    let empty = environ::Base::empty(site.containers.settings.node_id.clone());
    let mut given_env = environ::build(&empty, order, None, WORKSPACE)?;
    let has_nvidia = site.gpus.iter().any(|gpu| gpu.kind == Kind::Nvidia);
    // the engine gives a container its NVIDIA devices under numbers of their own
    let gpus = gpus::variables(&site.gpus, &given.gpus);
    let gpus = gpus.into_iter().filter(|(name, _)| !has_nvidia || *name == "LP_GPUS");
    given_env.extend(gpus.map(|(name, value)| (name.to_owned(), value)));
    let is_own = |name: &str| name.starts_with("LP_");
    let is_replaced = |name: &str| args.process.environment.iter().any(|(other, _)| other == name);
    let mut variables: Vec<String> = given_env
        .into_iter()
        .filter(|(name, _)| is_own(name) || !is_replaced(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    variables.extend(args.process.environment.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        // a bare name takes a variable of the image away
        None => name.clone(),
    }));
    Ok(variables)
}

fn own_user() -> Option<String> {
    (!geteuid().is_root()).then(|| format!("{}:{}", geteuid(), getegid()))
}

/// Where the modules of a venv are, as seen in the container.
fn site_packages(venv: &str) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(format!("{venv}/lib"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("python"))
        .map(|name| format!("{VENV}/lib/{name}/site-packages"))
        .collect();
    found.sort();
    found
}

pub(super) fn text(path: &std::path::Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("the path `{}` is not UTF-8", path.display()))
}
