//! A part of a cluster: a process that is ready once it has said so.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::PATIENCE;

pub struct Part {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Part {
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        pass_on(child.stdout.take().unwrap(), sender.clone());
        pass_on(child.stderr.take().unwrap(), sender);
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line that `find` takes something out of; None where the part has ended before.
    #[track_caller]
    pub fn find_line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let found = find(&line);
                    self.said.push(line);
                    if found.is_some() {
                        return found;
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("not ready; it has said:\n{}", self.said.join("\n"))
                }
            }
        }
    }

    /// What it has said up to the last line that was found.
    pub fn said(&self) -> String {
        self.said.join("\n")
    }

    pub fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits until it has; the exit code, or None where a signal ended it.
    pub fn stop(mut self, signal: Signal) -> Option<i32> {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
        self.wait()
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> Option<i32> {
        self.find_line(|_| None::<()>);
        let status = self.child.wait().unwrap();
        assert!(!status.core_dumped());
        status.code()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            self.said.extend(self.lines.try_iter());
            let name = fs::read_link(format!("/proc/{}/exe", self.pid())).unwrap_or_default();
            eprintln!("--- {} {}\n{}", name.display(), self.pid(), self.said());
        }
    }
}

fn pass_on(from: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            if to.send(line).is_err() {
                return;
            }
        }
    });
}
