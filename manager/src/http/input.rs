//! Reading what a request says: JSON bodies, queries, path parts, raw bodies chunk by chunk.
//!
//! Everything is bounded in size and in time: a body that stops coming is given up after [`IDLE`], so that a slow sender holds a
//! connection for a while but nothing else.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use lp_protocol::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::failure::Failure;

/// Largest `input_data` of a task, 4 MiB: it is kept in memory while a batch is made and in a row afterwards.
pub(crate) const MAX_INPUT_DATA_BYTES: usize = 4 << 20;

/// Largest JSON body: the largest input and what goes around it.
pub(crate) const MAX_JSON_BYTES: usize = MAX_INPUT_DATA_BYTES + (64 << 10);

/// Longest pause between two pieces of a body.
pub(crate) const IDLE: Duration = Duration::from_secs(30);

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let head = check_json_head(request);
        let mut body = Body(payload.take());
        Box::pin(async move {
            let expected = head?;
            let bytes = body.read_all(MAX_JSON_BYTES, expected).await?;
            parse_json(&bytes).map(Json)
        })
    }
}

/// A JSON body that may be left out.
#[derive(Debug)]
pub(crate) struct JsonOrNothing<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for JsonOrNothing<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let head = check_json_head(request);
        let mut body = Body(payload.take());
        Box::pin(async move {
            let expected = head?;
            let bytes = body.read_all(MAX_JSON_BYTES, expected).await?;
            if bytes.trim_ascii().is_empty() { Ok(Self(T::default())) } else { parse_json(&bytes).map(Self) }
        })
    }
}

/// Refuses what need not be read and says how much is to come.
fn check_json_head(request: &HttpRequest) -> Result<usize, Failure> {
    if let Some(media_type) = request.headers().get(header::CONTENT_TYPE) {
        let essence = media_type
            .to_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if essence != "application/json" && !essence.ends_with("+json") {
            return Err(Failure::new(ErrorCode::UnsupportedMediaType, "the body must be JSON")
                .hint("Send the header `Content-Type: application/json`."));
        }
    }
    let length = content_length(request);
    if length > MAX_JSON_BYTES as u64 { Err(too_large(MAX_JSON_BYTES)) } else { Ok(length as usize) }
}

/// 0 where it is not known.
pub(crate) fn content_length(request: &HttpRequest) -> u64 {
    let value = request.headers().get(header::CONTENT_LENGTH);
    value.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

fn too_large(limit: usize) -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("the body has more than {limit} bytes"))
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => {
                Failure::invalid(format!("the body is not of the right form: {error}"))
            }
            _ if bytes.trim_ascii().is_empty() => {
                Failure::invalid("the body is empty, and should be a JSON object")
            }
            _ => Failure::invalid(format!(
                "the body is not JSON: {}",
                error.to_string().replace(&format!(" at {place}"), "")
            ))
            .hint(format!("Look at {place}.")),
        }
    })
}

/// `{}`, for what has no input.
pub(crate) fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("`{}` is JSON")
}

/// The query, of which every part must be known.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Failure;
    type Future = std::future::Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        let parsed = web::Query::<T>::from_query(query);
        std::future::ready(parsed.map(|query| Self(query.into_inner())).map_err(|error| {
            let text = wrong_part::<T>(query).unwrap_or_else(|| said(&error));
            Failure::invalid(format!("the query is not right: {text}"))
        }))
    }
}

/// Finds the part of a query that is wrong by itself; the library says what is wrong, not where.
fn wrong_part<T: DeserializeOwned>(query: &str) -> Option<String> {
    query.split('&').find_map(|part| {
        let text = said(&web::Query::<T>::from_query(part).err()?);
        let name = part.split('=').next().unwrap_or_default();
        // alone it misses the others, which is not its fault
        let is_its_own = !text.starts_with("missing field");
        is_its_own.then(|| if text.contains(name) { text } else { format!("`{}`: {text}", shown(name)) })
    })
}

fn said(error: &actix_web::error::QueryPayloadError) -> String {
    match error {
        actix_web::error::QueryPayloadError::Deserialize(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(100).collect()
}

/// A body as it comes.
pub(crate) struct Body(pub(crate) Payload);

impl FromRequest for Body {
    type Error = Failure;
    type Future = std::future::Ready<Result<Self, Failure>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(payload.take())))
    }
}

impl Body {
    /// Returns the next bytes; None at the end.
    ///
    /// # Errors
    /// `TimedOut` where none come for `idle`, `InvalidRequest` where the connection breaks or the chunks are malformed.
    pub(crate) async fn next(&mut self, idle: Duration) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(idle, self.0.next()).await {
            Err(_) => Err(Failure::new(
                ErrorCode::TimedOut,
                format!("no more of the body came for {} seconds", idle.as_secs()),
            )),
            Ok(None) => Ok(None),
            Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
            Ok(Some(Err(error))) => Err(Failure::invalid(format!("the body ended early: {error}"))),
        }
    }

    /// Reads it whole. `expected` only saves moving bytes.
    pub(crate) async fn read_all(&mut self, limit: usize, expected: usize) -> Result<BytesMut, Failure> {
        let mut bytes = BytesMut::with_capacity(expected.min(limit));
        while let Some(chunk) = self.next(IDLE).await? {
            if bytes.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// Deepest nesting of objects and arrays in a task's input: what the parsers of the usual languages take without a word.
const MAX_DEPTH: usize = 128;

/// Checks that JSON text is an object that every program can read.
pub(crate) fn check_object(text: &str, what: &str) -> Result<(), Failure> {
    if text.len() > MAX_INPUT_DATA_BYTES {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("{what} has more than {MAX_INPUT_DATA_BYTES} bytes"),
        ));
    }
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Failure::invalid(format!("{what} must be a JSON object")));
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Failure::invalid(format!("{what} is nested more than {MAX_DEPTH} deep")));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_an_object_of_bounded_size_and_depth() {
        let deep = |levels: usize| format!("{}{}", "{\"a\":".repeat(levels) + "1", "}".repeat(levels));
        for text in ["{}", " {\"a\": \"[[[{{\\\"\"}", &deep(MAX_DEPTH)] {
            assert!(check_object(text, "x").is_ok(), "{text}");
        }
        for text in ["[]", "1", "\"{}\"", "null", &deep(MAX_DEPTH + 1)] {
            assert_eq!(check_object(text, "x").unwrap_err().error.code, ErrorCode::InvalidRequest, "{text}");
        }
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_INPUT_DATA_BYTES));
        assert_eq!(check_object(&large, "x").unwrap_err().error.code, ErrorCode::TooLarge);
    }

    #[test]
    fn json_that_cannot_be_read_says_where_and_why() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wanted {
            #[expect(dead_code, reason = "only its name and kind matter")]
            name: String,
        }
        for (text, part) in [
            ("{", "not JSON: EOF"),
            ("", "is empty"),
            ("{\"name\": 1}", "invalid type: integer"),
            ("{\"nme\": 1}", "unknown field `nme`"),
            ("{}", "missing field `name`"),
        ] {
            let failure = parse_json::<Wanted>(text.as_bytes()).unwrap_err();
            assert!(failure.error.message.contains(part), "{text}: {failure}");
        }
    }
}
