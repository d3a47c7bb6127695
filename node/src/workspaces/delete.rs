//! Deleting workspaces.
//!
//! At once they are renamed into the trash, and the manager is told. The inodes are freed in a quiet moment: ext4 searches past
//! freshly deleted ones for seconds, which would halve the rate at which new workspaces are made.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lp_protocol::AttemptKey;
use lp_protocol::frames::NodeFrame;
use nix::sys::statvfs::statvfs;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::runner::{Runner, workspace};

/// 5 s without a launch are a quiet moment; about as long ext4 remembers deleted inodes.
const QUIET: Duration = Duration::from_secs(5);

/// 10 minutes the trash waits for one at most.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A tenth of the disk left: space matters more than speed.
const LOW_DISK: u64 = 10;

/// 1,000 keys at a time.
const BATCH: usize = 1000;

pub(crate) struct Deleter {
    pub(crate) runner: Arc<Runner>,
    pub(crate) keys: mpsc::UnboundedReceiver<AttemptKey>,
    pub(crate) frames: mpsc::UnboundedSender<NodeFrame>,
}

impl Deleter {
    /// Deletes until shutdown; begins with what an earlier process left in the trash.
    pub(crate) async fn keep(mut self, shutdown: CancellationToken) {
        let mut full_since = self.is_trash_full().then(Instant::now);
        loop {
            let mut keys = Vec::new();
            tokio::select! {
                () = shutdown.cancelled() => return,
                count = self.keys.recv_many(&mut keys, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.discard(keys).await;
                    full_since.get_or_insert_with(Instant::now);
                }
                () = tokio::time::sleep(QUIET), if full_since.is_some() => {
                    if full_since.is_some_and(|since| self.is_time(since)) {
                        let trash = self.runner.site.layout.trash();
                        let emptied = tokio::task::spawn_blocking(move || empty(&trash)).await;
                        if let Ok(Err(error)) = emptied {
                            tracing::warn!(%error, "cannot empty the trash");
                        }
                        full_since = None;
                    }
                }
            }
        }
    }

    fn is_time(&self, full_since: Instant) -> bool {
        let layout = &self.runner.site.layout;
        let is_low =
            || statvfs(layout.root()).is_ok_and(|disk| disk.blocks_available() < disk.blocks() / LOW_DISK);
        self.runner.quiet_for() >= QUIET || full_since.elapsed() >= LONGEST_WAIT || is_low()
    }

    fn is_trash_full(&self) -> bool {
        fs::read_dir(self.runner.site.layout.trash()).is_ok_and(|mut entries| entries.next().is_some())
    }

    async fn discard(&self, keys: Vec<AttemptKey>) {
        let layout = self.runner.site.layout.clone();
        let gone = tokio::task::spawn_blocking(move || {
            let mut gone = keys;
            gone.retain(|key| {
                if !workspace::is_safe_name(&key.action) {
                    return false;
                }
                let path = workspace::path(&layout, key);
                match layout.discard(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        tracing::warn!(attempt = %key, %error, "cannot delete a workspace");
                        return false;
                    }
                    Ok(()) | Err(_) => {}
                }
                true
            });
            gone
        });
        if let Ok(attempts) = gone.await
            && !attempts.is_empty()
        {
            // fails only when the node ends
            let _ = self.frames.send(NodeFrame::WorkspacesDeleted { attempts });
        }
    }
}

/// Deletes everything in a directory. Links are removed, not followed.
fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let facts = path.symlink_metadata()?;
        if !facts.is_dir() {
            fs::remove_file(&path)?;
            continue;
        }
        // a program may have closed its own directories
        if fs::remove_dir_all(&path).is_err() {
            open_up(&path)?;
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_in_the_trash_are_not_followed_and_closed_directories_opened() {
        let dir = tempfile::tempdir().unwrap();
        let (trash, precious) = (dir.path().join("trash"), dir.path().join("precious"));
        fs::create_dir_all(trash.join("a/closed/deep")).unwrap();
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("file"), "x").unwrap();
        symlink(&precious, trash.join("link")).unwrap();
        symlink(&precious, trash.join("a/link")).unwrap();
        fs::set_permissions(trash.join("a/closed"), fs::Permissions::from_mode(0o000)).unwrap();

        empty(&trash).unwrap();

        assert_eq!(fs::read_dir(&trash).unwrap().count(), 0);
        assert!(precious.join("file").exists());
    }
}
