//! The log of a build: everything its tools say, up to a bound, in a file that people can read while it is written.

use std::io;
use std::path::{Path, PathBuf};

use lp_protocol::env::MAX_BUILD_LOG_BYTES;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;

/// 8 MiB of talk; what comes after is read and dropped, so that the tool goes on.
const MAX_BYTES: u64 = 8 << 20;

/// One second for what killed programs have left in the pipe.
const REST: std::time::Duration = std::time::Duration::from_secs(1);

/// How lines begin that are not the tools'.
pub(super) const OUR_OWN: &str = "lp: ";

/// How much of the end goes into the sentence of a failure.
const LAST_LINES: usize = 15;
const LAST_BYTES: usize = 1500;

pub(super) struct Log {
    path: PathBuf,
    file: File,
    written: u64,
}

impl Log {
    pub(super) async fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: File::create(path).await?, written: 0 })
    }

    /// A line of our own.
    pub(super) async fn note(&mut self, line: &str) -> io::Result<()> {
        self.write(format!("{line}\n").as_bytes()).await
    }

    /// Takes what comes out of a pipe until its last writer is gone.
    pub(super) async fn take(&mut self, pipe: &mut Receiver) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match pipe.read(&mut buffer).await? {
                0 => return Ok(()),
                count => self.write(&buffer[..count]).await?,
            }
        }
    }

    /// What is left in a pipe whose writers were ended; one that has slipped away is not waited for.
    pub(super) async fn take_rest(&mut self, pipe: &mut Receiver) -> io::Result<()> {
        tokio::time::timeout(REST, self.take(pipe)).await.unwrap_or(Ok(()))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = MAX_BYTES.saturating_sub(self.written);
        if room == 0 {
            return Ok(());
        }
        let kept = &bytes[..bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        self.file.write_all(kept).await?;
        self.written += kept.len() as u64;
        if self.written >= MAX_BYTES {
            self.file.write_all(b"\n[the rest is left out]\n").await?;
        }
        self.file.flush().await
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The end of a log file, as much as is kept of it; what is no text is replaced.
pub(crate) fn build_log(path: &Path) -> io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_BUILD_LOG_BYTES as u64)))?;
    let mut bytes = Vec::new();
    file.take(MAX_BUILD_LOG_BYTES as u64).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    // a replaced byte takes three
    while text.len() > MAX_BUILD_LOG_BYTES {
        text.remove(0);
    }
    Ok(text)
}

/// The last words of the tools, in one line.
pub(super) fn last_words(log: &str) -> String {
    let lines: Vec<&str> =
        log.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(OUR_OWN)).collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..]
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" | ");
    let cut = last.len().saturating_sub(LAST_BYTES);
    let begin = (cut..=last.len()).find(|at| last.is_char_boundary(*at)).unwrap_or(last.len());
    last[begin..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_what_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, [b"x".repeat(MAX_BUILD_LOG_BYTES), b"end\xff".to_vec()].concat()).unwrap();

        let text = build_log(&path).unwrap();

        assert!(text.len() <= MAX_BUILD_LOG_BYTES && text.ends_with("end\u{fffd}"));
    }

    #[test]
    fn the_last_words_are_a_few_lines() {
        let log: String = (0..100).map(|line| format!("line {line}\n\n")).collect();

        let words = last_words(&log);

        assert_eq!(words.split(" | ").count(), LAST_LINES);
        assert!(words.ends_with("line 99"));
        assert!(last_words(&"ä".repeat(5000)).len() <= LAST_BYTES);
        assert_eq!(last_words(""), "");
    }
}
