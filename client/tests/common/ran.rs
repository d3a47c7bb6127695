//! Running a program to its end, or watching its lines while it runs.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::PATIENCE;

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    what: String,
}

/// Runs it with this on its standard input.
///
/// # Panics
/// Where it does not end.
pub fn run(command: &mut Command, stdin: &str) -> Ran {
    let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    // a program that does not read its input closes it
    let writing = thread::spawn(move || input.write_all(text.as_bytes()).ok());
    let stdout = gather(child.stdout.take().unwrap());
    let stderr = gather(child.stderr.take().unwrap());
    let text = |gathered: Receiver<Vec<u8>>, child: &mut Child| match gathered.recv_timeout(PATIENCE) {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(_) => {
            child.kill().unwrap();
            panic!("{what} has not ended within {} s", PATIENCE.as_secs());
        }
    };
    let stdout = text(stdout, &mut child);
    let stderr = text(stderr, &mut child);
    let code = child.wait().unwrap().code().unwrap_or(-1);
    writing.join().unwrap();
    Ran { code, stdout, stderr, what }
}

fn gather(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        // nobody listens where the test has failed already
        sender.send(bytes).ok();
    });
    receiver
}

impl Ran {
    /// Wants exit code 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.ends_with(0)
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{} said:\n{}{}", self.what, self.stdout, self.stderr);
        self
    }

    /// Wants this on stderr.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{} said:\n{}{}", self.what, self.stdout, self.stderr);
        self
    }

    /// Wants this on stdout.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{} printed:\n{}{}", self.what, self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{} printed no JSON ({error}):\n{}{}", self.what, self.stdout, self.stderr)
        })
    }

    /// Standard output without white space around it.
    pub fn text(&self) -> &str {
        self.stdout.trim()
    }
}

/// A program that runs, and the lines it prints.
pub struct Watched {
    child: Child,
    lines: Receiver<String>,
}

impl Watched {
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line, as soon as it is there; None at the end.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line within {} s", PATIENCE.as_secs()),
        }
    }

    pub fn code(mut self) -> i32 {
        while self.line().is_some() {}
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
