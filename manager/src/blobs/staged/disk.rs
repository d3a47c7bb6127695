//! What open uploads are on the disk: a file of bytes and a note beside it, named by an id of ours.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lp_package::{Digest, Summed};
use lp_protocol::UploadId;
use serde::{Deserialize, Serialize};

use super::super::Error;

/// Largest note that is read; ours have some hundred bytes.
const MAX_NOTE_BYTES: u64 = 4096;

/// What was announced, and at the end what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) size_bytes: u64,
    #[serde(default)]
    pub(super) expected: Option<Digest>,
    /// Written before the file gets its name as a package: without the file it says that the upload was finished.
    #[serde(default)]
    pub(super) summed: Option<Summed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Open { note: Note, offset: u64 },
    Finished { summed: Summed },
}

/// One of all there are.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) id: UploadId,
    pub(super) found: Found,
    /// When the last byte of it was written.
    pub(super) touched: SystemTime,
}

/// The directory of open uploads.
#[derive(Clone, Debug)]
pub(in super::super) struct Disk {
    directory: PathBuf,
}

impl Disk {
    pub(in super::super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(super) fn part(&self, id: UploadId) -> PathBuf {
        self.directory.join(format!("{id}.part"))
    }

    fn note(&self, id: UploadId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    /// Makes an empty one, durably: whoever is told of it finds it after a crash.
    pub(super) fn make(&self, id: UploadId, note: &Note) -> Result<(), Error> {
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(self.part(id));
        made.map_err(Error::io("make a file"))?;
        self.write_note(id, note)
    }

    /// Writes the note anew. It appears whole.
    pub(super) fn write_note(&self, id: UploadId, note: &Note) -> Result<(), Error> {
        let text = serde_json::to_vec(note).map_err(|error| Error::Io {
            doing: "write the note of an upload",
            source: io::Error::other(error),
        })?;
        let temporary = self.directory.join(format!("{id}.new"));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&temporary, self.note(id))?;
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(Error::io("write the note of an upload"))
    }

    /// None where there is no such upload, or what is left of it is not enough to go on.
    pub(super) fn find(&self, id: UploadId) -> Result<Option<Found>, Error> {
        let Some(note) = read_note(&self.note(id))? else { return Ok(None) };
        match fs::metadata(self.part(id)) {
            Ok(part) => Ok(Some(Found::Open { note, offset: part.len() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(note.summed.map(|summed| Found::Finished { summed }))
            }
            Err(error) => Err(Error::io("look at an upload")(error)),
        }
    }

    pub(super) fn remove_part(&self, id: UploadId) -> Result<(), Error> {
        remove(&self.part(id))
    }

    /// Removes all of it. The bytes first: a note without them is nothing.
    pub(super) fn remove(&self, id: UploadId) -> Result<(), Error> {
        self.remove_part(id)?;
        remove(&self.note(id))?;
        remove(&self.directory.join(format!("{id}.new")))
    }

    /// Lists all there are, which are never many. What is no upload any more is removed once it is as old as `age`.
    pub(super) fn list(&self, now: SystemTime, age: std::time::Duration) -> Result<Vec<Listed>, Error> {
        let wrong = Error::io("list its uploads");
        let mut touched: HashMap<UploadId, SystemTime> = HashMap::new();
        for entry in fs::read_dir(&self.directory).map_err(wrong)? {
            let entry = entry.map_err(Error::io("list its uploads"))?;
            let name = entry.file_name();
            let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let Ok(id) = stem.parse::<UploadId>() else { continue };
            // it may go meanwhile
            let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
            let latest = touched.entry(id).or_insert(modified);
            *latest = modified.max(*latest);
        }
        let mut listed = Vec::new();
        for (id, touched) in touched {
            match self.find(id)? {
                Some(found) => listed.push(Listed { id, found, touched }),
                None if now.duration_since(touched).is_ok_and(|old| old >= age) => self.remove(id)?,
                None => {}
            }
        }
        listed.sort_by_key(|listed| listed.touched);
        Ok(listed)
    }

    /// Bytes that may still be written to this disk.
    pub(super) fn free_bytes(&self) -> Result<u64, Error> {
        let room = rustix::fs::statvfs(&self.directory)
            .map_err(|error| Error::io("look at the room on its disk")(error.into()))?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }
}

fn read_note(path: &Path) -> Result<Option<Note>, Error> {
    use std::io::Read as _;
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_NOTE_BYTES).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read the note of an upload")(error)),
    }
    // one that cannot be read is none: its client begins anew
    Ok(serde_json::from_slice(&text).ok())
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove an upload")(error)),
        _ => Ok(()),
    }
}
