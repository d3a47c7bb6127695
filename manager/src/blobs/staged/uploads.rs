//! Opening, looking at, finishing, giving up and sweeping uploads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use lp_package::{Digest, Summed};
use lp_protocol::UploadId;
use tokio_util::sync::CancellationToken;

use super::super::upload::{Sink, Stored, Upload, blocking, joined};
use super::super::{Blobs, Error};
use super::append::{Append, Place, Turn, resume};
use super::disk::{Disk, Found, Listed, Note};
use super::room::{Wish, make_room};

/// Age at which an upload that nothing came for is removed, and the outcome of a finished one forgotten.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Open { size_bytes: u64, offset: u64 },
    Finished(Summed),
}

/// What is known of open uploads beside their files.
#[derive(Debug)]
pub(in super::super) struct Table {
    disk: Disk,
    entries: Mutex<HashMap<UploadId, Arc<Entry>>>,
    /// Held while one is opened: the bounds hold for all together.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Entry {
    file: Arc<tokio::sync::Mutex<Option<Box<Sink>>>>,
    /// Tells whoever writes that another one has come.
    writer: Mutex<CancellationToken>,
}

impl Table {
    pub(in super::super) fn new(disk: Disk) -> Self {
        Self { disk, entries: Mutex::default(), opening: tokio::sync::Mutex::default() }
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    fn entry(&self, id: UploadId) -> Arc<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    fn forget(&self, id: UploadId) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn forget_all_but(&self, listed: &[Listed]) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|id, entry| Arc::strong_count(entry) > 1 || listed.iter().any(|one| one.id == *id));
    }

    /// Interrupts whoever writes, and waits for the file.
    async fn take_turn(&self, id: UploadId) -> (Turn, CancellationToken) {
        let entry = self.entry(id);
        let token = CancellationToken::new();
        std::mem::replace(&mut *entry.writer.lock().unwrap_or_else(PoisonError::into_inner), token.clone())
            .cancel();
        (entry.file.clone().lock_owned().await, token)
    }

    /// The file of one that nobody writes to; None where somebody does.
    fn try_turn(&self, id: UploadId) -> Option<Turn> {
        self.entry(id).file.clone().try_lock_owned().ok()
    }
}

impl Blobs {
    /// Opens an upload of `size_bytes`, which is to have the digest `expected` where that is given. `limit` is the size of the largest package.
    ///
    /// # Errors
    /// `TooLarge`, `TooManyUploads`, `NoRoom`.
    pub async fn open_upload(
        &self,
        size_bytes: u64,
        expected: Option<Digest>,
        limit: u64,
    ) -> Result<UploadId, Error> {
        let _one_at_a_time = self.uploads.opening.lock().await;
        let disk = self.uploads.disk.clone();
        let id = UploadId::random();
        let gone = blocking(move || {
            let now = SystemTime::now();
            let wish = Wish { size_bytes, limit, free_bytes: disk.free_bytes()?, now };
            let gone = make_room(&disk.list(now, KEPT)?, wish)?;
            for id in &gone {
                disk.remove(*id)?;
            }
            disk.make(id, &Note { size_bytes, expected, summed: None })?;
            Ok(gone)
        })
        .await?;
        for id in gone {
            self.uploads.forget(id);
        }
        Ok(id)
    }

    /// Tells how far an upload is.
    ///
    /// # Errors
    /// `NoUpload` where there is none.
    pub async fn look_at_upload(&self, id: UploadId) -> Result<Standing, Error> {
        Ok(match self.find_upload(id).await? {
            Found::Open { note, offset } => Standing::Open { size_bytes: note.size_bytes, offset },
            Found::Finished { summed } => Standing::Finished(summed),
        })
    }

    /// Begins a piece at `offset`. Whoever is writing a piece of the same upload is interrupted first.
    ///
    /// # Errors
    /// `NoUpload`; `WrongOffset`, which says where the upload is.
    pub async fn append(&self, id: UploadId, offset: u64) -> Result<Append, Error> {
        self.find_upload(id).await?;
        let (turn, token) = self.uploads.take_turn(id).await;
        let Found::Open { note, .. } = self.find_upload(id).await? else {
            return Err(Error::NoUpload { id });
        };
        Append::begin(self, Place { id, offset, size_bytes: note.size_bytes }, turn, token).await
    }

    /// Makes a package of what has come. Asked again it answers the same.
    ///
    /// # Errors
    /// `Incomplete` where something is missing, `DigestMismatch` where it is not what was announced: that upload is gone.
    pub async fn finish_upload(&self, id: UploadId) -> Result<Stored, Error> {
        let blobs = self.clone();
        // to its end also where nobody waits any more: what was read anew after a restart would have to be read once more
        joined(tokio::spawn(async move { blobs.finish_staged(id).await }).await)
    }

    async fn finish_staged(&self, id: UploadId) -> Result<Stored, Error> {
        self.find_upload(id).await?;
        let (mut turn, _) = self.uploads.take_turn(id).await;
        let note = match self.find_upload(id).await? {
            Found::Open { note, .. } => note,
            Found::Finished { summed } => return Ok(Stored { summed, was_there: true }),
        };
        let sink = resume(self, id, turn.take()).await?;
        if sink.size() != note.size_bytes {
            let next = sink.size();
            *turn = Some(sink);
            return Err(Error::Incomplete { next, size_bytes: note.size_bytes });
        }
        let (disk, summed) = (self.uploads.disk.clone(), sink.summed());
        let refused = note.expected.filter(|expected| *expected != summed.digest);
        let sealed = Note { summed: Some(summed.clone()), ..note };
        blocking(move || if refused.is_some() { disk.remove(id) } else { disk.write_note(id, &sealed) })
            .await?;
        if let Some(expected) = refused {
            self.uploads.forget(id);
            let (expected, found) = (expected.to_string(), summed.digest.to_string());
            return Err(Error::DigestMismatch { expected, found });
        }
        let stored = Upload::over(self, sink, summed.size).finish(None).await?;
        // still there where the package was there before
        let disk = self.uploads.disk.clone();
        blocking(move || disk.remove_part(id)).await?;
        self.uploads.forget(id);
        Ok(stored)
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// `NoUpload` where there is none.
    pub async fn abandon_upload(&self, id: UploadId) -> Result<(), Error> {
        self.find_upload(id).await?;
        let (turn, _) = self.uploads.take_turn(id).await;
        let disk = self.uploads.disk.clone();
        blocking(move || disk.remove(id)).await?;
        self.uploads.forget(id);
        drop(turn);
        Ok(())
    }

    /// Removes the uploads that nothing came for during a day. Returns how many.
    pub async fn sweep_uploads(&self, now: SystemTime) -> Result<u64, Error> {
        let disk = self.uploads.disk.clone();
        let listed = blocking(move || disk.list(now, KEPT)).await?;
        // what another manager has removed in a directory that is shared
        self.uploads.forget_all_but(&listed);
        let mut removed = 0;
        for listed in listed {
            if now.duration_since(listed.touched).is_ok_and(|old| old >= KEPT)
                && let Some(turn) = self.uploads.try_turn(listed.id)
            {
                let disk = self.uploads.disk.clone();
                blocking(move || disk.remove(listed.id)).await?;
                self.uploads.forget(listed.id);
                drop(turn);
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn find_upload(&self, id: UploadId) -> Result<Found, Error> {
        let disk = self.uploads.disk.clone();
        let found = blocking(move || disk.find(id)).await?.ok_or(Error::NoUpload { id })?;
        if let Found::Finished { summed } = &found
            && self.touch_package(&summed.digest).await?.is_none()
        {
            // swept since
            return Err(Error::NoUpload { id });
        }
        Ok(found)
    }
}
