//! What node and supervisor say over their unix socket: a length in four bytes, then a JSON array of messages.
//!
//! Arrays, so that whatever has gathered costs one write and one wake-up. There is no "started" event: a spawn that was handed
//! over either runs, or [`Event::NotStarted`] or [`Event::Ended`] says otherwise.

use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::confinement::Confinement;

/// 256 MiB: far above any batch of spawns, and a bound against a length that is noise.
const MAX_MESSAGE_BYTES: usize = 256 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Spawn(Box<Spawn>),
    /// Sent to the whole process group and to descendants that left it. 9 leaves nothing alive.
    Signal {
        key: String,
        signal: i32,
    },
    /// These ends are written down; the supervisor need not remember them.
    Forget {
        keys: Vec<String>,
    },
    /// Programs with a lease may run until this reading of [`crate::clock::boot_millis`].
    Renew {
        until_boot_ms: u64,
    },
    /// The node ends in order: exit if there is nothing to watch.
    Shutdown,
}

/// One program to start, everything resolved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spawn {
    pub(crate) key: String,
    /// Absolute, so that the fast path of the standard library (posix_spawn, no fork) applies.
    pub(crate) program: String,
    /// With the program's name as the first word.
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: String,
    /// All of it; nothing is inherited.
    pub(crate) env: Vec<(String, String)>,
    /// Is created; standard output and error go to it.
    pub(crate) stdout: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lease: Option<Lease>,
    /// None: as the supervisor itself, which is the node's user with all it may do. Only for programs that are a part of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confinement: Option<Box<Confinement>>,
}

/// The variable that tells a shim in how many milliseconds after a SIGTERM it will be killed at the latest, where it has a lease.
pub(crate) const LEASE_GRACE: &str = "LP_LEASE_GRACE_MS";

/// The program is stopped when the node does not renew in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lease {
    /// By then the program has ended.
    pub(crate) until_boot_ms: u64,
    /// How long before it is told to.
    pub(crate) grace_ms: u64,
}

impl Lease {
    pub(crate) fn term_at(self) -> u64 {
        self.until_boot_ms.saturating_sub(self.grace_ms)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// First on every connection.
    Welcome {
        instance: String,
        attempts: Vec<Known>,
    },
    /// The system refused the spawn; there is no process.
    NotStarted {
        key: String,
        errno: i32,
    },
    Ended(Ended),
}

/// An attempt the supervisor remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Known {
    Running { key: String, start: Moment },
    Ended(Ended),
}

/// One moment on the two clocks that matter: the wall for people, the monotonic for timeouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) unix_micros: i64,
    pub(crate) mono_ms: u64,
}

impl Moment {
    pub(crate) fn unix_millis(self) -> u64 {
        u64::try_from(self.unix_micros / 1000).unwrap_or(0)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) key: String,
    pub(crate) how: How,
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) cpu_micros: u64,
    pub(crate) max_rss_bytes: u64,
    #[serde(default)]
    pub(crate) read_bytes: u64,
    #[serde(default)]
    pub(crate) written_bytes: u64,
    /// It was killed because its memory was at its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) out_of_memory: Option<OutOfMemory>,
    /// It was stopped because its lease had run out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lease_expired: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutOfMemory {
    pub(crate) limit_bytes: u64,
    pub(crate) peak_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Code(i32),
    Signal(i32),
    /// The system did not tell.
    Unknown,
}

impl How {
    /// As LitePipeline's returncode: negative for a signal.
    pub(crate) fn returncode(self) -> i32 {
        match self {
            How::Code(code) => code,
            How::Signal(signal) => -signal,
            How::Unknown => -9,
        }
    }
}

/// All messages as one piece.
pub(crate) fn to_bytes<T: Serialize>(messages: &[T]) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, messages)?;
    let length = u32::try_from(bytes.len() - 4)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "messages over 4 GiB"))?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Reads what one write sent; None at the orderly end of the stream.
pub(crate) fn read_messages<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<Vec<T>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// Bytes of events as they come, for a reader that does not wait.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buffer: Vec<u8>,
    filled: usize,
}

/// 16 KiB read at a time: a batch of some fifty ends.
const ROOM_BYTES: usize = 16 << 10;

impl Inbox {
    /// Where the next bytes go.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.buffer.resize(self.filled + ROOM_BYTES, 0);
        &mut self.buffer[self.filled..]
    }

    /// So many bytes were put in the room.
    pub(crate) fn add(&mut self, length: usize) {
        self.filled = (self.filled + length).min(self.buffer.len());
    }

    /// Takes out the events that are whole.
    pub(crate) fn take(&mut self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut at = 0;
        while let Some(message) = whole_message(&self.buffer[at..self.filled])? {
            events.append(&mut serde_json::from_slice(message)?);
            at += message.len() + 4;
        }
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(events)
    }
}

fn whole_message(bytes: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    Ok(rest.get(..length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let spawn = Spawn { key: "t/a b/1".into(), argv: vec!["x".into()], ..Spawn::default() };
        let sent = [
            Request::Spawn(Box::new(spawn)),
            Request::Signal { key: "k".into(), signal: 15 },
            Request::Shutdown,
        ];
        let mut wire = Vec::new();

        wire.extend(to_bytes(&sent).unwrap());
        wire.extend(to_bytes(&sent[1..]).unwrap());

        let mut stream = wire.as_slice();
        assert_eq!(read_messages::<Request>(&mut stream).unwrap().unwrap(), sent);
        assert_eq!(read_messages::<Request>(&mut stream).unwrap().unwrap(), sent[1..]);
        assert_eq!(read_messages::<Request>(&mut stream).unwrap(), None);
    }

    #[test]
    fn an_inbox_gives_events_however_their_bytes_come() {
        let event = |errno| Event::NotStarted { key: "k".repeat(30_000), errno };
        let mut wire = to_bytes(&[event(1), event(2)]).unwrap();
        wire.extend(to_bytes(&[event(3)]).unwrap());
        for piece in [1, 7, 1000, ROOM_BYTES] {
            let mut inbox = Inbox::default();
            let mut found = Vec::new();
            for bytes in wire.chunks(piece) {
                inbox.room()[..bytes.len()].copy_from_slice(bytes);
                inbox.add(bytes.len());
                found.extend(inbox.take().unwrap());
            }
            assert_eq!(found, [event(1), event(2), event(3)], "{piece}");
        }
    }

    #[test]
    fn a_torn_or_senseless_message_is_an_error() {
        let mut wire = to_bytes(&[Request::Shutdown]).unwrap();
        wire.pop();

        assert!(read_messages::<Request>(&mut wire.as_slice()).is_err());
        assert!(read_messages::<Request>(&mut [255u8; 8].as_slice()).is_err());
    }
}
