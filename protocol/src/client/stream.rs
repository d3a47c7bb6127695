//! Bytes on their way from the manager, and lines of them.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use reqwest::Response;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;

use super::{Error, ManagerClient};

/// The bytes of an answer as they come. It ends with an error where the connection breaks before the end.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// Longest line of an event stream or an NDJSON answer, 1 MiB: ours are below one KiB.
const MAX_LINE_BYTES: usize = 1 << 20;

/// A file on its way.
pub struct Download {
    /// As the manager suggests it: a plain file name, no path.
    pub file_name: Option<String>,
    pub size_bytes: Option<u64>,
    pub bytes: ByteStream,
}

impl ManagerClient {
    pub(super) fn download(&self, response: Response) -> Download {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        Download {
            file_name: header(CONTENT_DISPOSITION).and_then(file_name),
            size_bytes: header(CONTENT_LENGTH).and_then(|text| text.parse().ok()),
            bytes: self.bytes(response),
        }
    }

    pub(super) fn bytes(&self, response: Response) -> ByteStream {
        let url = self.base_url().to_owned();
        Box::pin(response.bytes_stream().map_err(move |error| Error::from_reqwest(&url, error)))
    }

    pub(super) fn lines(
        &self,
        response: Response,
    ) -> impl Stream<Item = Result<String, Error>> + Send + use<> {
        let (url, status) = (self.base_url().to_owned(), response.status().as_u16());
        let reader = StreamReader::new(self.bytes(response).map_err(io::Error::other));
        FramedRead::new(reader, LinesCodec::new_with_max_length(MAX_LINE_BYTES)).map(move |line| {
            line.map_err(|error| match error {
                LinesCodecError::MaxLineLengthExceeded => {
                    Error::Protocol { url: url.clone(), what: "a line is over 1 MiB".to_owned(), status }
                }
                LinesCodecError::Io(error) => unwrap_io(error, &url, status),
            })
        })
    }
}

/// Takes our own error out of the I/O error it travelled in.
fn unwrap_io(error: io::Error, url: &str, status: u16) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Protocol { url: url.to_owned(), what: error.to_string(), status },
    }
}

/// Reads `attachment; filename="x"`. The name comes from another machine, so only a harmless one is taken.
fn file_name(disposition: &str) -> Option<String> {
    let (_, rest) = disposition.split_once("filename=")?;
    let name = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest.split(';').next()?.trim(),
    };
    let harmless = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\'));
    harmless.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_file_name_is_taken_from_the_manager() {
        for (header, name) in [
            (r#"attachment; filename="hello.tar.gz""#, Some("hello.tar.gz")),
            ("attachment; filename=a.zip; x=y", Some("a.zip")),
            (r#"attachment; filename="../../etc/passwd""#, None),
            (r#"attachment; filename=".bashrc""#, None),
            (r#"attachment; filename="""#, None),
            (r#"attachment; filename="unclosed"#, None),
            ("attachment", None),
        ] {
            assert_eq!(file_name(header).as_deref(), name, "{header}");
        }
    }
}
