//! Answers that are files: heads that no browser runs and no header can be smuggled through, and bodies that stream.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::Stream;
use lp_package::Digest;

use super::failure::Failure;
use super::state::State;
use crate::blobs::{Blobs, Chunks, Key};

/// What ends a body early: the connection is closed without the mark of a complete answer, so that no client takes a part for the whole.
pub(crate) type BodyError = Box<dyn std::error::Error>;

/// Makes a body of a function that is asked for the next bytes until it gives none.
pub(crate) fn stream_of<S: 'static, F>(
    state: S,
    next: impl Fn(S) -> F + 'static,
) -> impl Stream<Item = Result<Bytes, BodyError>>
where
    F: Future<Output = Result<Option<(Bytes, S)>, BodyError>> + 'static,
{
    futures_util::stream::try_unfold(state, next)
}

/// Serves a stored package, whole or the part that `Range` asks for.
pub(crate) async fn package(
    state: &web::Data<State>,
    request: &HttpRequest,
    digest: &Digest,
    file_name: &str,
    media_type: &str,
) -> Result<HttpResponse, Failure> {
    let blob = open(&state.blobs, digest).await?;
    let size = blob.size_bytes;
    let etag = format!("\"{digest}\"");
    let range = match wanted_range(request, size, &etag) {
        Wanted::Whole => None,
        Wanted::Part(range) => Some(range),
        Wanted::Impossible => {
            let mut failure = Failure::invalid(format!("the package has only {size} bytes"));
            failure.extra.status = Some(StatusCode::RANGE_NOT_SATISFIABLE);
            failure.extra.header = Some((header::CONTENT_RANGE, content_range(None, size)));
            return Err(failure);
        }
    };
    let mut answer = match &range {
        None => HttpResponse::Ok(),
        Some(range) => {
            let mut answer = HttpResponse::PartialContent();
            answer.insert_header((header::CONTENT_RANGE, content_range(Some(range), size)));
            answer
        }
    };
    answer.insert_header((header::ACCEPT_RANGES, "bytes")).insert_header((header::ETAG, etag));
    as_attachment(&mut answer, file_name, media_type);
    let range = range.unwrap_or(0..size);
    let length = range.end - range.start;
    state.metrics.download_bytes.fetch_add(length, std::sync::atomic::Ordering::Relaxed);
    Ok(answer.no_chunking(length).streaming(chunks(blob.chunks(range))))
}

async fn open(blobs: &Blobs, digest: &Digest) -> Result<crate::blobs::Blob, Failure> {
    match blobs.open_blob(&Key::package(digest)).await {
        Err(crate::blobs::Error::NotFound) => Err(Failure::not_found("package", digest)),
        other => Ok(other?),
    }
}

fn chunks(chunks: Chunks) -> Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>>>> {
    Box::pin(stream_of(
        chunks,
        |mut chunks| async move { Ok(chunks.next().await?.map(|bytes| (bytes, chunks))) },
    ))
}

/// Heads of a file of unknown content: it is saved, not shown, and not guessed at.
pub(crate) fn as_attachment(answer: &mut HttpResponseBuilder, file_name: &str, media_type: &str) {
    answer
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition(file_name)))
        .insert_header((header::CACHE_CONTROL, "no-store"));
}

/// RFC 6266: a plain name for old programs, the whole one in UTF-8 for the others. Whatever is in the name ends up quoted or escaped.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '/' | '%' => '_',
            letter if letter.is_ascii_graphic() || letter == ' ' => letter,
            _ => '_',
        })
        .collect();
    let plain = if plain.trim_matches(['.', ' ']).is_empty() { "download".to_owned() } else { plain };
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let mut escaped = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{escaped}")
}

enum Wanted {
    Whole,
    Part(Range<u64>),
    Impossible,
}

/// RFC 9110, 14.2: one range of bytes. Anything else is answered with the whole, as the standard allows.
fn wanted_range(request: &HttpRequest, size: u64, etag: &str) -> Wanted {
    let header =
        |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if header(header::IF_RANGE).is_some_and(|wanted| wanted != etag) {
        return Wanted::Whole;
    }
    let Some((first, last)) =
        header(header::RANGE).and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let parse = |digits: &str| digits.trim().parse::<u64>().ok();
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => parse(suffix).map(|suffix| (size.saturating_sub(suffix), size)),
        (first, "") => parse(first).map(|first| (first, size)),
        (first, last) => parse(first)
            .zip(parse(last))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| (first, last.saturating_add(1).min(size))),
    };
    match range {
        None => Wanted::Whole,
        Some((start, end)) if start >= end => Wanted::Impossible,
        Some((start, end)) => Wanted::Part(start..end),
    }
}

fn content_range(range: Option<&Range<u64>>, size: u64) -> String {
    match range {
        Some(range) => format!("bytes {}-{}/{size}", range.start, range.end - 1),
        None => format!("bytes */{size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_leave_its_header_or_its_directory() {
        for (name, expected) in [
            ("hello.tar.gz", "attachment; filename=\"hello.tar.gz\""),
            ("first action.tar.gz", "attachment; filename=\"first action.tar.gz\""),
            ("a\"b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
            (
                "a\r\nSet-Cookie: x",
                "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x",
            ),
            ("../x", "attachment; filename=\".._x\"; filename*=UTF-8''..%2Fx"),
            ("é", "attachment; filename=\"_\"; filename*=UTF-8''%C3%A9"),
            ("..", "attachment; filename=\"download\"; filename*=UTF-8''.."),
        ] {
            assert_eq!(disposition(name), expected);
        }
    }

    #[test]
    fn a_range_is_the_part_asked_for_or_the_whole() {
        let wanted = |value: &str| {
            let request = actix_web::test::TestRequest::default()
                .insert_header((header::RANGE, value))
                .to_http_request();
            match wanted_range(&request, 10, "\"x\"") {
                Wanted::Whole => "whole".to_owned(),
                Wanted::Part(range) => format!("{range:?}"),
                Wanted::Impossible => "impossible".to_owned(),
            }
        };
        for (value, expected) in [
            ("bytes=0-3", "0..4"),
            ("bytes=4-", "4..10"),
            ("bytes=-3", "7..10"),
            ("bytes=-30", "0..10"),
            ("bytes=2-99", "2..10"),
            ("bytes=10-", "impossible"),
            ("bytes=-0", "impossible"),
            ("bytes=5-2", "whole"),
            ("bytes=0-1,3-4", "whole"),
            ("lines=0-1", "whole"),
            ("bytes=x-", "whole"),
            ("bytes=99999999999999999999-", "whole"),
        ] {
            assert_eq!(wanted(value), expected, "{value}");
        }
    }
}
