//! A whole workspace as tar.gz, made while it is sent.

use std::ffi::CStr;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::Stream;
use nix::fcntl::readlinkat;
use nix::sys::stat::{FileStat, SFlag};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::Error;
use super::beneath::{facts, kind, names, open_dir, open_plain, open_root, text};

/// 64 KiB pieces, 8 of them under way: the packing waits when nobody reads.
const PIECE_BYTES: usize = 64 << 10;
const PIECES: usize = 8;

/// 64 directories deep, as the listing.
const MAX_DEPTH: usize = 64;

/// The workspace with `root` as its one top directory. Links are packed as links; pipes, sockets and devices are left out.
pub(crate) fn archive(
    workspace: PathBuf,
    root: String,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Error> {
    let dir = open_root(&workspace)?;
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let pieces = Pieces { sender, piece: Vec::with_capacity(PIECE_BYTES) };
        if let Err(error) = pack(&dir, &root, pieces) {
            // also when the reader has gone away
            tracing::debug!(%error, "packing a workspace ended early");
        }
    });
    Ok(futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}

fn pack(dir: &OwnedFd, root: &str, pieces: Pieces) -> io::Result<()> {
    let sender = pieces.sender.clone();
    let mut tar = Builder::new(GzEncoder::new(pieces, Compression::fast()));
    let result = pack_all(dir, root, &mut tar).and_then(|()| tar.into_inner()?.finish()?.flush());
    if let Err(error) = &result {
        // the reader must see that the archive is not whole
        let _ = sender.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
    }
    result
}

fn pack_all<W: Write>(dir: &OwnedFd, root: &str, tar: &mut Builder<W>) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    tar.append_data(&mut header, format!("{root}/"), io::empty())?;
    walk(dir, Path::new(root), 0, tar)
}

fn walk<W: Write>(dir: &OwnedFd, prefix: &Path, depth: usize, tar: &mut Builder<W>) -> io::Result<()> {
    for name in names(dir).map_err(io::Error::other)? {
        // a program that still runs may have removed it
        let Ok(facts) = facts(dir, &name) else { continue };
        let path = prefix.join(text(&name));
        match kind(&facts) {
            SFlag::S_IFREG => add_file(dir, &name, &path, &facts, tar)?,
            SFlag::S_IFLNK => add_link(dir, &name, &path, &facts, tar)?,
            SFlag::S_IFDIR => {
                let mut header = header(&facts, EntryType::Directory);
                tar.append_data(&mut header, &path, io::empty())?;
                if depth < MAX_DEPTH
                    && let Ok(inner) = open_dir(dir, &name)
                {
                    walk(&inner, &path, depth + 1, tar)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn add_file<W: Write>(
    dir: &OwnedFd,
    name: &CStr,
    path: &Path,
    facts: &FileStat,
    tar: &mut Builder<W>,
) -> io::Result<()> {
    let Ok(file) = open_plain(dir, name) else { return Ok(()) };
    let opened = file.metadata()?;
    if !opened.is_file() {
        return Ok(());
    }
    let mut header = header(facts, EntryType::Regular);
    header.set_size(opened.len());
    // a file that grows is cut and one that shrinks filled up: the header has promised a length
    tar.append_data(&mut header, path, file.chain(io::repeat(0)).take(opened.len()))
}

fn add_link<W: Write>(
    dir: &OwnedFd,
    name: &CStr,
    path: &Path,
    facts: &FileStat,
    tar: &mut Builder<W>,
) -> io::Result<()> {
    let Ok(target) = readlinkat(dir, name) else { return Ok(()) };
    let mut header = header(facts, EntryType::Symlink);
    tar.append_link(&mut header, path, PathBuf::from(std::ffi::OsString::from_vec(target.into_vec())))
}

fn header(facts: &FileStat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    // without set-user-id and its like
    header.set_mode(facts.st_mode & 0o777);
    header.set_mtime(u64::try_from(facts.st_mtime).unwrap_or(0));
    header.set_size(0);
    header
}

/// A writer whose bytes come out of a stream.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..length]);
        if self.piece.len() == PIECE_BYTES {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[tokio::test]
    async fn a_workspace_is_packed_with_links_as_links() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("ws");
        fs::create_dir_all(workspace.join("d")).unwrap();
        let large: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
        fs::write(workspace.join("d/large"), &large).unwrap();
        symlink("/etc", workspace.join("etc")).unwrap();
        nix::unistd::mkfifo(&workspace.join("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();

        let pieces: Vec<Bytes> = archive(workspace, "t.a b".into()).unwrap().try_collect().await.unwrap();

        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(io::Cursor::new(pieces.concat())));
        let mut found = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.push((
                entry.path().unwrap().to_str().unwrap().to_owned(),
                entry.header().entry_type(),
                content,
            ));
        }
        let shape: Vec<_> = found.iter().map(|(path, kind, _)| (path.as_str(), *kind)).collect();
        assert_eq!(
            shape,
            [
                ("t.a b/", EntryType::Directory),
                ("t.a b/d", EntryType::Directory),
                ("t.a b/d/large", EntryType::Regular),
                ("t.a b/etc", EntryType::Symlink),
            ]
        );
        assert_eq!(found[2].2, large);
    }
}
