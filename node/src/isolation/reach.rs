//! What a user can get at, by the permission bits of directories; lists of access beside them are not looked at.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::data::Layout;
use crate::supervisor::confinement::Identity;

/// The first directory on the way to `dir` that the user cannot enter, `dir` included; `dir` itself where all are open.
pub(super) fn first_closed(dir: &Path, user: &Identity) -> PathBuf {
    let mut above: Vec<&Path> = dir.ancestors().collect();
    above.reverse();
    let closed =
        above.into_iter().find(|path| fs::metadata(path).is_ok_and(|facts| !may_enter(&facts, user)));
    closed.unwrap_or(dir).to_owned()
}

fn may_enter(facts: &Metadata, user: &Identity) -> bool {
    let bit = if facts.uid() == user.uid {
        0o100
    } else if facts.gid() == user.gid || user.groups.contains(&facts.gid()) {
        0o010
    } else {
        0o001
    };
    facts.mode() & bit != 0
}

/// Without a view: lets other users through the data directory to workspaces and packages, but not list it.
pub(super) fn open_up(layout: &Layout) -> io::Result<()> {
    fs::set_permissions(layout.root(), Permissions::from_mode(0o711))
}

/// True where everybody can get at the file, links followed.
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    let anybody = Identity { uid: u32::MAX - 1, gid: u32::MAX - 1, groups: Vec::new() };
    let Ok(path) = path.canonicalize() else { return false };
    path.parent().is_none_or(|dir| {
        dir.ancestors().all(|dir| fs::metadata(dir).is_ok_and(|facts| may_enter(&facts, &anybody)))
    })
}

/// The directories of a search path that the user can enter.
pub(super) fn reachable(path: &str, user: &Identity) -> String {
    let open = |dir: &&str| {
        let Ok(dir) = Path::new(dir).canonicalize() else { return false };
        dir.ancestors().all(|dir| fs::metadata(dir).is_ok_and(|facts| may_enter(&facts, user)))
    };
    path.split(':').filter(open).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_closed_directory_on_the_way_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("a/b/c")).unwrap();
        let close = |path: &str, mode| fs::set_permissions(at(path), Permissions::from_mode(mode)).unwrap();
        let other = Identity { uid: 4_000_000, gid: 4_000_000, groups: Vec::new() };
        let own = Identity { uid: fs::metadata(dir.path()).unwrap().uid(), ..other.clone() };
        close("a/b", 0o700);
        close("", 0o700);

        assert_eq!(first_closed(&at("a/b/c"), &other), dir.path());
        close("", 0o755);
        assert_eq!(first_closed(&at("a/b/c"), &other), at("a/b"));
        assert_eq!(first_closed(&at("a/b/c"), &own), at("a/b/c"), "all are open to their owner");
        let path = format!("{}:{}:/usr/bin:/no/where", at("a").display(), at("a/b").display());
        assert_eq!(reachable(&path, &other), format!("{}:/usr/bin", at("a").display()));
    }
}
