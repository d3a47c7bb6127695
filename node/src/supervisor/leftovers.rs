//! Processes of this node whose supervisor has died: nobody can tell their end any more, so they are ended before it is reported.
//!
//! They are known by `LP_NODE_ID` in the environment they were started with. So is a supervisor whose socket somebody removed.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::procfs;

/// The variable that marks every process this node has started.
pub(crate) const NODE_ID: &str = "LP_NODE_ID";

/// 5 s for killed processes to vanish; one in uninterruptible sleep can take longer, and is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// 2 ms between two looks: the usual process is gone at the second.
const PAUSE: Duration = Duration::from_millis(2);

/// Kills every process of the node except the caller, with all that descend from them; how many there were.
pub(crate) fn kill_all(node_id: &str) -> usize {
    let begin = Instant::now();
    let mut killed = std::collections::HashSet::new();
    loop {
        let found = find(node_id);
        if found.is_empty() || begin.elapsed() > PATIENCE {
            return killed.len();
        }
        for pid in found {
            for pid in procfs::descendants(pid).into_iter().chain([pid]) {
                // what cannot be signalled has ended meanwhile
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                killed.insert(pid);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

fn find(node_id: &str) -> Vec<i32> {
    let own = std::process::id() as i32;
    let mut pids = procfs::all();
    pids.retain(|pid| {
        *pid != own
            && procfs::find_variable(*pid, NODE_ID).as_deref() == Some(node_id)
            && !procfs::is_dead(*pid)
    });
    pids
}
