//! `chromedriver` on a free port, in a process group of its own, gone with the test.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

pub struct Driver {
    child: Child,
    pub url: String,
}

impl Driver {
    /// None where Chromium or its driver is not installed, which is a failure in CI.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(home: &Path) -> Option<Self> {
        if !is_installed("chromedriver") || !is_installed("chromium") {
            let is_ci = std::env::var_os("CI")
                .is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
            assert!(!is_ci, "chromium and chromium-driver are not installed");
            eprintln!(
                "LEFT OUT: chromium and chromium-driver are not installed; on Debian: apt-get install chromium chromium-driver"
            );
            return None;
        }
        // everything it starts has the test's directory in its environment, so that nothing can be left behind
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", home).env("TMPDIR", home).current_dir(home).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("chromedriver runs");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        let port = output.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split("successfully on port ").nth(1)?;
            Some(rest.trim_end_matches('.').to_owned())
        });
        // what it says later has to go somewhere
        std::thread::spawn(move || output.map_while(Result::ok).for_each(drop));
        let url = format!("http://127.0.0.1:{}", port.expect("chromedriver tells its port"));
        Some(Self { child, url })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id().try_into().expect("a process id"));
        killpg(group, Signal::SIGKILL).ok();
        self.child.wait().ok();
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
