//! The workspace belongs to whom the container runs as.
//!
//! The node has made it for the user its other programs run as. A container's user is the image's business or the arguments', and could not
//! write `output.data` otherwise. When it has ended the node takes the workspace back.

use std::io::Read;
use std::os::unix::fs::lchown;
use std::path::Path;

use bollard::Docker;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::StreamExt;

use crate::runner::workspace;

/// 1 MiB of `/etc/passwd`; thousands of users.
const MAX_PASSWD_BYTES: usize = 1 << 20;

/// Gives the workspace to `user` (`name`, `uid`, with or without `:group`; empty: root).
///
/// # Errors
/// A sentence: the image has no such user.
pub(super) async fn give(docker: &Docker, container: &str, user: &str, path: &Path) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let (name, group) = user.split_once(':').unwrap_or((user, ""));
    let (uid, gid) = match name.parse::<u32>() {
        Ok(uid) => (uid, None),
        // an image need not have a list of users to have this one
        Err(_) if name.is_empty() || name == "root" => (0, Some(0)),
        Err(_) => {
            let users = passwd(docker, container).await.unwrap_or_default();
            let (uid, gid) =
                find(&users, name).ok_or_else(|| format!("there is no user `{name}` in the image"))?;
            (uid, Some(gid))
        }
    };
    let gid = group.parse().ok().or(gid);
    for file in [path.to_owned(), path.join(workspace::INPUT)] {
        lchown(&file, Some(uid), gid)
            .map_err(|error| format!("cannot give its workspace to `{user}`: {error}"))?;
    }
    Ok(())
}

/// The image's list of users.
async fn passwd(docker: &Docker, container: &str) -> Option<String> {
    let options = DownloadFromContainerOptionsBuilder::default().path("/etc/passwd").build();
    let mut pieces = std::pin::pin!(docker.download_from_container(container, Some(options)));
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = pieces.next().await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_PASSWD_BYTES {
            return None;
        }
    }
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let mut text = String::new();
    entry.read_to_string(&mut text).ok()?;
    Some(text)
}

fn find(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let found =
        passwd.lines().map(fields).find(|fields| fields.first().is_some_and(|first| first == name))?;
    Some((found.get(2)?.parse().ok()?, found.get(3)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_name_and_nothing_else() {
        let text = "root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\nbroken:x\n";

        assert_eq!(find(text, "app"), Some((1000, 100)));
        assert_eq!(find(text, "ap"), None);
        assert_eq!(find(text, "broken"), None);
    }
}
