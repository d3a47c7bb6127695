//! One container from its creation to its removal.

use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerState, ImageConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder,
};
use nix::sys::signal::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::wait::{Waited, wait};
use super::{NOT_RUN, body, output, owner, shell, signals, usage};
use crate::docker::engine::{connect, has_status, words};
use crate::docker::files::{self, End, Main, Outcome, Spec, Used};
use crate::docker::keep::remove;
use crate::supervisor::wire::LEASE_GRACE;

/// 10 s for the last of the output once the container has ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// 1 s for the look at what it used, which was taken when it ended.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// A program that a first process could not execute ends it with this, as a shell does.
const NOT_FOUND: i64 = 127;

/// Runs the container a file describes; the exit code.
pub(super) async fn run(path: &Path) -> u8 {
    let spec: Spec = match files::read(path) {
        Ok(spec) => spec,
        Err(error) => {
            output::complain(&format!("cannot read `{}`: {error}", path.display()));
            return NOT_RUN;
        }
    };
    if let Some(note) = &spec.note {
        output::complain(note);
    }
    let docker = match connect(&spec.host).await {
        Ok(docker) => docker,
        Err(error) => {
            let reason = format!("the container engine at {} does not answer: {}", spec.host, words(&error));
            return tell(&spec, Outcome::NotStarted { reason }, Used::default(), true);
        }
    };
    let (outcome, used) = match signals::listen() {
        Ok(signals) => Run { docker: &docker, spec: &spec, sent: None, kill_at: None }.run(signals).await,
        Err(error) => not_started(format!("cannot listen to signals: {error}")),
    };
    // first what is known, then the removal, which may take a while or fail
    tell(&spec, outcome.clone(), used, false);
    let is_removed = remove(&docker, &spec.name).await.is_ok();
    tell(&spec, outcome, used, is_removed)
}

/// Writes down how it ended; the exit code that says the same.
fn tell(spec: &Spec, outcome: Outcome, used: Used, is_removed: bool) -> u8 {
    let code = match &outcome {
        Outcome::Exited { code, .. } => u8::try_from(*code).unwrap_or(NOT_RUN),
        Outcome::OutOfMemory { .. } => 137,
        Outcome::NotStarted { .. } | Outcome::Lost { .. } => NOT_RUN,
    };
    if let Err(error) = files::write(&spec.end, &End { outcome, is_removed, used }) {
        output::complain(&format!("cannot write down how the container ended: {error}"));
    }
    code
}

fn not_started(reason: String) -> (Outcome, Used) {
    (Outcome::NotStarted { reason }, Used::default())
}

struct Run<'s> {
    docker: &'s Docker,
    spec: &'s Spec,
    /// The last signal that was passed on.
    sent: Option<Signal>,
    /// When the container is killed, because the supervisor will kill us.
    kill_at: Option<tokio::time::Instant>,
}

/// A container that has been created.
struct Created {
    body: ContainerCreateBody,
    image: ImageConfig,
}

impl Run<'_> {
    async fn run(self, mut signals: mpsc::UnboundedReceiver<Signal>) -> (Outcome, Used) {
        // not broken off: what is on its way to the engine would come into being after the removal
        let created = self.create().await;
        if let Some(signal) = last_word(&mut signals) {
            let code = 128 + signal as i32;
            return (Outcome::Exited { code, signal: Some(signal as i32) }, Used::default());
        }
        match created {
            Ok(created) => match self.start(&created).await {
                Ok(copying) => {
                    let measuring =
                        tokio::spawn(usage::at_the_end(self.docker.clone(), self.spec.name.clone()));
                    let outcome = self.watch(&created, copying, signals).await;
                    let used = tokio::time::timeout(LAST_LOOK, measuring).await;
                    (outcome, used.ok().and_then(Result::ok).unwrap_or_default())
                }
                Err(reason) => not_started(reason),
            },
            Err(reason) => not_started(reason),
        }
    }

    async fn create(&self) -> Result<Created, String> {
        let name = self.spec.body.image.as_deref().unwrap_or_default();
        let image = self
            .docker
            .inspect_image(name)
            .await
            .map_err(|error| format!("the image `{name}` cannot be used: {}", words(&error)))?;
        let image = image.config.unwrap_or_default();
        let mut body = body::complete(self.spec, &image);
        // a first process that passes signals on: a program that is itself the first would not hear most of them
        let is_asked_for = body.host_config.as_ref().is_some_and(|host| host.init.is_some());
        if !is_asked_for && let Some(host) = &mut body.host_config {
            host.init = Some(true);
        }
        body.cmd = Some(match &self.spec.main {
            Main::Words(words) => words.clone(),
            Main::Script(script) => in_shell(shell::SHELLS[0], script),
        });
        self.create_anew(&body).await?;
        if let Main::Script(script) = &self.spec.main {
            let found = shell::find_shell(self.docker, &self.spec.name).await.ok_or_else(|| {
                format!("its `main` uses shell syntax, and the image `{name}` has neither bash nor sh; write it as a list of words")
            })?;
            if found != shell::SHELLS[0] {
                body.cmd = Some(in_shell(found, script));
                self.create_anew(&body).await?;
            }
        }
        let user = body.user.clone().filter(|user| !user.is_empty()).or_else(|| image.user.clone());
        owner::give(self.docker, &self.spec.name, &user.unwrap_or_default(), self.spec.workspace.as_ref())
            .await?;
        Ok(Created { body, image })
    }

    /// Creates the container; one of its name, left by an earlier shim, goes first.
    async fn create_anew(&self, body: &ContainerCreateBody) -> Result<(), String> {
        let mut options = CreateContainerOptionsBuilder::default().name(&self.spec.name);
        if let Some(platform) = &self.spec.platform {
            options = options.platform(platform);
        }
        let options = options.build();
        let failed = |error: Error| format!("the engine does not create its container: {}", words(&error));
        match self.docker.create_container(Some(options.clone()), body.clone()).await {
            Ok(_) => Ok(()),
            Err(error) if has_status(&error, 409) => {
                remove(self.docker, &self.spec.name).await.map_err(failed)?;
                self.docker.create_container(Some(options), body.clone()).await.map(drop).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn start(&self, created: &Created) -> Result<JoinHandle<()>, String> {
        let failed = |error: &Error| format!("its container cannot be started: {}", words(error));
        let copying = self.attach().await.map_err(|error| failed(&error))?;
        let Err(error) = self.docker.start_container(&self.spec.name, None).await else { return Ok(copying) };
        let was_asked_for = self.spec.body.host_config.as_ref().is_some_and(|host| host.init.is_some());
        if was_asked_for || !words(&error).contains("docker-init") {
            return Err(failed(&error));
        }
        // an engine without that first process: then without it
        let mut body = created.body.clone();
        if let Some(host) = &mut body.host_config {
            host.init = None;
        }
        remove(self.docker, &self.spec.name).await.map_err(|error| failed(&error))?;
        self.create_anew(&body).await?;
        let copying = self.attach().await.map_err(|error| failed(&error))?;
        self.docker.start_container(&self.spec.name, None).await.map_err(|error| failed(&error))?;
        Ok(copying)
    }

    /// Before the start, so that no line is missed.
    async fn attach(&self) -> Result<JoinHandle<()>, Error> {
        let options = AttachContainerOptionsBuilder::default().stdout(true).stderr(true).stream(true).build();
        let attached = self.docker.attach_container(&self.spec.name, Some(options)).await?;
        Ok(tokio::spawn(output::copy(attached.output)))
    }

    async fn watch(
        mut self,
        created: &Created,
        mut copying: JoinHandle<()>,
        mut signals: mpsc::UnboundedReceiver<Signal>,
    ) -> Outcome {
        let docker = self.docker;
        loop {
            let mut waiting = std::pin::pin!(wait(docker, &self.spec.name));
            let waited = loop {
                let kill_at = self.kill_at;
                tokio::select! {
                    waited = &mut waiting => break waited,
                    Some(signal) = signals.recv() => self.pass_on(signal).await,
                    () = at(kill_at) => {
                        self.kill_at = None;
                        self.pass_on(Signal::SIGKILL).await;
                    }
                }
            };
            match waited {
                Waited::Ended(state) => {
                    let _ = tokio::time::timeout(LAST_WORDS, &mut copying).await;
                    return self.outcome(created, &state).await;
                }
                Waited::Lost(reason) => return Outcome::Lost { reason },
                Waited::Again => match self.attach().await {
                    Ok(again) => copying = again,
                    Err(error) => {
                        output::complain(&format!("the rest of the output is lost: {}", words(&error)))
                    }
                },
            }
        }
    }

    async fn pass_on(&mut self, signal: Signal) {
        self.sent = Some(signal);
        let options = KillContainerOptionsBuilder::default().signal(signal.as_str()).build();
        // an error means that it has ended, or an engine that is away; the node asks again
        if let Err(error) = self.docker.kill_container(&self.spec.name, Some(options)).await
            && !has_status(&error, 409)
            && !has_status(&error, 404)
        {
            output::complain(&format!("cannot pass {signal} on: {}", words(&error)));
        }
        let grace = std::env::var(LEASE_GRACE).ok().and_then(|text| text.parse().ok());
        if let (Signal::SIGTERM, Some(grace_ms)) = (signal, grace) {
            // the supervisor, which may have no node any more to tidy up after it, kills us at the end of that time
            let before = Duration::from_millis(grace_ms).mul_f64(0.75);
            self.kill_at.get_or_insert_with(|| tokio::time::Instant::now() + before);
        }
    }

    async fn outcome(&self, created: &Created, state: &ContainerState) -> Outcome {
        let code = state.exit_code.unwrap_or_default();
        let limit = created.body.host_config.as_ref().and_then(|host| host.memory).unwrap_or_default();
        // without a limit of its own it is the machine that was short, and the kernel that chose it
        if let (Some(true), Ok(limit_bytes @ 1..)) = (state.oom_killed, u64::try_from(limit))
            && code != 0
        {
            return Outcome::OutOfMemory { limit_bytes };
        }
        if code == NOT_FOUND
            && let Some(reason) = self.missing_program(created).await
        {
            return Outcome::NotStarted { reason };
        }
        let code = i32::try_from(code).unwrap_or(i32::from(NOT_RUN));
        let sent = self.sent.map(|signal| signal as i32).filter(|signal| code == 128 + signal);
        Outcome::Exited { code, signal: sent }
    }

    /// The first process could not execute the program: there is none.
    async fn missing_program(&self, created: &Created) -> Option<String> {
        let own = created.body.entrypoint.as_ref().or(created.image.entrypoint.as_ref());
        // what an entry point does with the words is its own business
        if own.is_some_and(|words| words.iter().any(|word| !word.is_empty())) {
            return None;
        }
        let word = created.body.cmd.as_ref()?.first()?;
        let path = body::path(&created.body, &created.image);
        let cwd = created.body.working_dir.as_deref().unwrap_or("/");
        if shell::has_program(self.docker, &self.spec.name, word, cwd, &path).await {
            return None;
        }
        let image = self.spec.body.image.as_deref().unwrap_or_default();
        let place = if word.contains('/') { "in the container" } else { "on the PATH" };
        Some(format!("there is no `{word}` {place} of the image `{image}`"))
    }
}

fn in_shell(shell: &str, script: &str) -> Vec<String> {
    vec![shell.to_owned(), "-c".to_owned(), script.to_owned()]
}

/// The last signal so far that asks for an end.
fn last_word(signals: &mut mpsc::UnboundedReceiver<Signal>) -> Option<Signal> {
    let mut last = None;
    while let Ok(signal) = signals.try_recv() {
        last = Some(signal).filter(|signal| signals::is_final(*signal)).or(last);
    }
    last
}

async fn at(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
