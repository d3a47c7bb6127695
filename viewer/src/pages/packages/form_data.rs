//! Reading an upload's form: the words first, then the file, which streams to the manager as it comes and is never kept here. Where a script has sent the
//! file in pieces before, the form names that upload instead.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::StatusCode;
use futures_util::StreamExt as _;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::BlobView;

use crate::auth::same;
use crate::failure::Failure;
use crate::frame::Signed;
use crate::pages::passing::pass_on;
use crate::pages::stale;

/// Words of the form, together.
const MAX_WORDS_BYTES: usize = 64 << 10;
/// Parts of the form.
const MAX_PARTS: usize = 16;

/// What came.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) strict: bool,
    /// What the file is called, without the endings of archives.
    pub(super) file_name: String,
    /// None: no file was chosen.
    pub(super) blob: Option<Result<BlobView, Failure>>,
}

/// Reads it all. The hidden word of the session has to come before the file.
pub(super) async fn read(mut form: Multipart, signed: &Signed) -> Result<Sent, Failure> {
    let mut sent = Sent::default();
    let (mut is_ours, mut words, mut upload) = (false, 0, String::new());
    for _ in 0..MAX_PARTS {
        let Some(field) = form.next().await else { break };
        let mut field = field.map_err(broken)?;
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            let text = read_words(&mut field, &mut words).await?;
            match name.as_str() {
                "csrf" => is_ours = same(&signed.session.csrf, &text),
                "name" => sent.name = text,
                "description" => sent.description = text,
                "upload" => upload = text,
                "file_name" => sent.file_name = stem(&text).to_owned(),
                "strict" => sent.strict = !text.is_empty(),
                _ => {}
            }
            continue;
        }
        if !is_ours {
            return Err(stale());
        }
        let file = field.content_disposition().and_then(|place| place.get_filename()).unwrap_or_default();
        sent.file_name = stem(file).to_owned();
        // what a browser sends of a field in which nothing was chosen
        if !file.is_empty() {
            sent.blob = Some(stream(field, &signed.session.client).await?);
        }
    }
    if !is_ours {
        return Err(stale());
    }
    if !upload.is_empty() {
        // the script has finished it already; asked again it is answered the same
        sent.blob = Some(signed.session.client.finish_upload(&upload).await.map_err(Failure::from));
    }
    Ok(sent)
}

async fn read_words(field: &mut Field, words: &mut usize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.next().await {
        let piece = piece.map_err(broken)?;
        *words += piece.len();
        if *words > MAX_WORDS_BYTES {
            let message = "Name and description are too long.";
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "Not accepted", message));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Streams the file to the manager. The outer error is the browser's, the inner one the manager's.
async fn stream(field: Field, client: &ManagerClient) -> Result<Result<BlobView, Failure>, Failure> {
    let sent = pass_on(field, None, |upload| client.upload_unnamed_blob(upload)).await;
    Ok(sent.map_err(broken)?.map_err(Failure::from))
}

fn broken(error: MultipartError) -> Failure {
    tracing::debug!(%error, "an upload has broken off");
    Failure::new(
        StatusCode::BAD_REQUEST,
        "Not accepted",
        "The upload has broken off, or is no form of this viewer.",
    )
    .hint("Nothing was kept. Send it again.")
}

/// `nightly-etl` of `nightly-etl.tar.gz`.
fn stem(file: &str) -> &str {
    let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let endings = [".tar.gz", ".tgz", ".tar.zst", ".tar", ".zip"];
    endings.iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_name_without_path_and_ending() {
        for (file, name) in
            [("etl.tar.gz", "etl"), ("C:\\x\\etl.zip", "etl"), ("../a/b.tgz", "b"), ("x", "x"), ("", "")]
        {
            assert_eq!(stem(file), name);
        }
    }
}
