//! The health commands of running programs: one task for each program that has one.
//!
//! A command runs as its program does: same directory, environment, user and workspace. It is a process group of its own that is killed when its
//! time is over, when it has ended, and when nobody waits for it any more, so that it leaves nothing behind; what has left that group carries the
//! attempt's key and ends with the program. It is run by the node and not by the supervisor: a node that dies forgets how often it
//! failed, and its successor, which adopts the program, begins to count anew. The state machine decides what an ill program comes to.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::health::MIN_INTERVAL;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Runner;
use super::given::Given;
use super::launch::{self, Prepared};
use super::order::Order;
use crate::clock::mono_millis;
use crate::docker;
use crate::envs::Steps;
use crate::supervisor::enter;
use crate::supervisor::wire::{Moment, Spawn};

/// 4 KiB of output are enough to find the last line in, of which 500 characters are shown.
const TAIL_BYTES: usize = 4 << 10;
const SHOWN_CHARS: usize = 500;

/// 100 ms for the last words of a command that has ended, where something it has started holds on to its output.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A program to watch, from its start on.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) order: Arc<Order>,
    pub(crate) given: Given,
    pub(crate) start: Moment,
}

/// Watches programs until shutdown.
pub(crate) async fn keep(
    runner: Arc<Runner>,
    mut watches: mpsc::UnboundedReceiver<Watch>,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            watch = watches.recv() => {
                let Some(watch) = watch else { break };
                let (runner, shutdown) = (Arc::clone(&runner), shutdown.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = while_it_runs(&runner, &watch) => {}
                    }
                });
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Ends with the program, also in the middle of a run of the command.
async fn while_it_runs(runner: &Runner, watch: &Watch) {
    let key = &watch.order.assignment.attempt;
    let bell = runner.look(|state| state.follow(key));
    let ended = async {
        while runner.look(|state| state.is_to_be_healthy(key, watch.start)) {
            bell.notified().await;
        }
    };
    tokio::select! {
        () = ended => {}
        reason = until_ill(runner, watch) => {
            runner.act(|state, now, effects| state.unhealthy(key, watch.start, reason, now, effects));
        }
    }
}

/// Runs the command again and again; returns why the program is to be ended.
async fn until_ill(runner: &Runner, watch: &Watch) -> String {
    let Some(health) = &watch.order.assignment.health else { return std::future::pending().await };
    let mut order = (*watch.order).clone();
    order.assignment.command = health.command.clone();
    let grace_until = watch.start.mono_ms.saturating_add(health.grace.as_millis() as u64);
    let mut failures = 0;
    loop {
        tokio::time::sleep(health.interval.max(MIN_INTERVAL)).await;
        // it is not the program's fault where its packages cannot be read
        let Some(prepared) = find_packages(runner, &order).await else { continue };
        let Err(how) = check(runner, (&order, &prepared, &watch.given), health.timeout).await else {
            failures = 0;
            continue;
        };
        if mono_millis() < grace_until {
            continue;
        }
        failures += 1;
        tracing::debug!(attempt = %order.assignment.attempt, failures, how, "a health command failed");
        if failures >= health.failures {
            let times = if failures == 1 { String::new() } else { format!(" {failures} times in a row") };
            return format!("the health command failed{times}: {how}");
        }
    }
}

/// The packages the program runs from; an adopted one's are looked for anew.
async fn find_packages(runner: &Runner, order: &Order) -> Option<Prepared> {
    if let Some(prepared) = runner.cache.find_ready(&order.assignment) {
        return Some(prepared);
    }
    match runner.cache.prepare(&order.assignment, &Steps::default()).await {
        // the attempt has pins of its own
        Ok((prepared, _)) => Some(prepared),
        Err(error) => {
            let error = crate::link::chain(&error);
            tracing::warn!(attempt = %order.assignment.attempt, error, "cannot run its health command");
            None
        }
    }
}

/// One run of the order's command; an error says in what way it failed.
async fn check(
    runner: &Runner,
    (order, prepared, given): (&Order, &Prepared, &Given),
    timeout: Duration,
) -> Result<(), String> {
    let supervisor = &runner.site.supervisor;
    if order.assignment.docker.is_some() {
        let spawn = docker::health::spawn(&runner.site.containers, order, timeout)?;
        let run = Run::start(&spawn, supervisor).map_err(|error| format!("it cannot be run: {error}"))?;
        return run.end(timeout + docker::health::MARGIN).await;
    }
    let spawn = launch::spawn(&runner.site, order, prepared, given)?;
    let run = match Run::start(&spawn, supervisor) {
        Ok(run) => run,
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(0);
            let other = launch::after_refusal(&runner.site, (order, prepared, given), errno)?;
            Run::start(&other, supervisor).map_err(|error| format!("it cannot be run: {error}"))?
        }
    };
    run.end(timeout).await
}

/// A command that runs.
struct Run {
    // first, for it is killed before its first process may be taken away
    group: Group,
    child: Child,
    output: pipe::Receiver,
}

impl Run {
    fn start(spawn: &Spawn, supervisor: &Path) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let output = pipe::Receiver::from_owned_fd(reader.into())?;
        let (name, arguments) =
            spawn.argv.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        let mut command = match &spawn.confinement {
            Some(_) => Command::from(enter::command(supervisor, spawn)?),
            None => {
                let mut command = Command::new(&spawn.program);
                command
                    .arg0(name)
                    .args(arguments)
                    .env_clear()
                    .envs(spawn.env.iter().map(|(name, value)| (name, value)))
                    .current_dir(&spawn.cwd)
                    .stdin(Stdio::null());
                command
            }
        };
        command.process_group(0).kill_on_drop(true).stdout(writer.try_clone()?).stderr(writer);
        // the command goes here, and with it our ends of the pipe, which would keep the output from ending
        let child = command.spawn()?;
        Ok(Self { group: Group(child.id().map(|id| Pid::from_raw(id as i32))), child, output })
    }

    async fn end(self, timeout: Duration) -> Result<(), String> {
        let Self { group, mut child, output } = self;
        let mut tail = Tail::default();
        let ended = tokio::time::timeout(timeout, async {
            tokio::select! {
                biased;
                ended = child.wait() => ended,
                () = tail.read(&output) => child.wait().await,
            }
        });
        let how = match ended.await {
            Ok(Ok(status)) if status.success() => None,
            Ok(Ok(status)) => Some(explain(status)),
            Ok(Err(error)) => Some(format!("it cannot be waited for: {error}")),
            Err(_) => Some(format!("it took longer than {timeout:?}")),
        };
        // what it has left behind goes too
        drop(group);
        let Some(how) = how else { return Ok(()) };
        let _ = tokio::time::timeout(LAST_WORDS, tail.read(&output)).await;
        Err(match tail.last_line() {
            Some(line) => format!("{how}: {line}"),
            None => how,
        })
    }
}

fn explain(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "nobody knows how it ended".to_owned(),
    }
}

/// The process group of a run, killed with all that is in it when this goes.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // an empty one is what is wanted
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// The end of what a command has said.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    ended: bool,
}

impl Tail {
    /// Reads to the end. Can be left off and taken up again.
    async fn read(&mut self, output: &pipe::Receiver) {
        while !self.ended {
            if output.readable().await.is_err() {
                self.ended = true;
                return;
            }
            let mut piece = [0; TAIL_BYTES];
            match output.try_read(&mut piece) {
                Ok(0) => self.ended = true,
                Ok(length) => self.push(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.ended = true,
            }
        }
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
    }

    /// The last line with something in it, made fit to be shown.
    fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        let mut shown: String =
            line.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if line.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_command_says_the_last_line_is_kept_however_much_it_says() {
        for (said, kept) in [
            (vec![], None),
            (vec!["\n \n"], None),
            (vec!["one\ntwo\n\n"], Some("two".to_owned())),
            (vec!["o", "ne\nt", "w\u{7}o"], Some("tw o".to_owned())),
        ] {
            let mut tail = Tail::default();
            said.iter().for_each(|piece| tail.push(piece.as_bytes()));
            assert_eq!(tail.last_line(), kept, "{said:?}");
        }
        let mut tail = Tail::default();
        (0..10_000).for_each(|_| tail.push("ü".repeat(100).as_bytes()));
        assert_eq!(tail.bytes.len(), TAIL_BYTES);
        assert_eq!(tail.last_line().unwrap().chars().count(), SHOWN_CHARS + 1);
    }
}
