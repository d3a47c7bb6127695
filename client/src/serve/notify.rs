//! Telling systemd how far a part has come (`Type=notify`), as in sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names.
//!
//! Ready is said when the part really serves, so that what is ordered after it finds it there. Without the variable nothing is sent.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket, where somebody listens.
#[derive(Debug)]
pub(super) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    pub(super) fn from_environment() -> Self {
        Self::to(std::env::var_os("NOTIFY_SOCKET").as_deref())
    }

    /// Sends to this address: a path, or, beginning with `@`, a name without a file.
    fn to(address: Option<&OsStr>) -> Self {
        let address = address.and_then(|address| match address.as_bytes().split_first() {
            Some((b'@', name)) => SocketAddr::from_abstract_name(name).ok(),
            Some((b'/', _)) => SocketAddr::from_pathname(address).ok(),
            // vsock and the like are not for services of this machine
            Some(_) | None => None,
        });
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        Self { socket }
    }

    /// It serves.
    pub(super) fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// What it does at the moment, for `systemctl status`.
    pub(super) fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    pub(super) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    fn send(&self, words: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(words.as_bytes(), address) {
            tracing::debug!(%error, "cannot tell systemd");
        }
    }
}

/// Lines are the border between words.
fn one_line(status: &str) -> String {
    status.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_path_and_an_abstract_name_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("lp-test-{}", uuid::Uuid::new_v4());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (socket, address) in [
            (UnixDatagram::bind(&path).unwrap(), path.display().to_string()),
            (UnixDatagram::bind_addr(&abstract_name).unwrap(), format!("@{name}")),
        ] {
            let notifier = Notifier::to(Some(OsStr::new(&address)));

            notifier.status("waits");
            notifier.ready("serves\non one line");
            notifier.stopping();

            let words = [heard(&socket), heard(&socket), heard(&socket)];
            assert_eq!(
                words,
                ["STATUS=waits", "READY=1\nSTATUS=serves on one line", "STOPPING=1\nSTATUS=stopping"]
            );
        }
    }

    #[test]
    fn where_nobody_listens_nothing_happens() {
        for address in [None, Some(""), Some("relative"), Some("/no/such/socket"), Some("vsock:2:1")] {
            Notifier::to(address.map(OsStr::new)).ready("serves");
        }
    }
}
