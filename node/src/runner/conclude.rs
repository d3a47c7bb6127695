//! What an ended program left: its output and its log.
//!
//! The program may have been hostile: `output.data` and `stdout.data` can be links, pipes, gigabytes or no JSON.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_protocol::frames::{INLINE_LOG_BYTES, MAX_OUTPUT_BYTES};
use serde_json::value::RawValue;

use super::workspace::{OUTPUT, STDOUT, open_left};

/// 100 levels: the readers of JSON that take an output apart stop at 128, and it travels inside of a few levels of ours.
const MAX_OUTPUT_DEPTH: usize = 100;

/// Above 256 KiB checking an output takes a millisecond or more: not on a thread that others wait for.
pub(crate) const LARGE_OUTPUT_BYTES: u64 = 256 << 10;

#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Length of `stdout.data`.
    pub(crate) bytes: u64,
    /// All of it in base64 if it is short.
    pub(crate) inline: Option<String>,
    /// When it was written: its marks in base64.
    pub(crate) times: Option<String>,
}

/// True where reading the output would take long.
pub(crate) fn is_large(workspace: &Path) -> bool {
    workspace.join(OUTPUT).symlink_metadata().is_ok_and(|facts| facts.len() > LARGE_OUTPUT_BYTES)
}

/// The JSON object in `output.data`; None where the program left none.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn output(workspace: &Path) -> Result<Option<Box<RawValue>>, String> {
    let (file, length) = match open_left(&workspace.join(OUTPUT)) {
        Ok(None) => return Ok(None),
        Ok(Some(found)) => found,
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    let too_large = |length: u64| format!("it has {length} bytes; at most {MAX_OUTPUT_BYTES} are taken");
    if length > MAX_OUTPUT_BYTES {
        return Err(too_large(length));
    }
    // one byte more than allowed, in case it grows
    let bytes = read_at_most(file, length, MAX_OUTPUT_BYTES + 1)
        .map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    if bytes.is_empty() {
        return Err("it is empty; a JSON object like {\"data\": {}} is expected".to_owned());
    }
    let text =
        String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {}", error.utf8_error()))?;
    let text = text.trim_ascii();
    let value: &RawValue = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    if !value.get().starts_with('{') {
        return Err("it is not a JSON object; {\"data\": {...}} is expected".to_owned());
    }
    if depth(value.get()) > MAX_OUTPUT_DEPTH {
        return Err(format!("it is nested deeper than {MAX_OUTPUT_DEPTH} levels"));
    }
    Ok(Some(value.to_owned()))
}

/// Length and, if it is short, content of `stdout.data`. A program that replaced it by something else has no log.
pub(crate) fn log(workspace: &Path) -> Log {
    let Ok(Some((file, length))) = open_left(&workspace.join(STDOUT)) else { return Log::default() };
    if length > INLINE_LOG_BYTES {
        return Log { bytes: length, ..Log::default() };
    }
    match read_at_most(file, length, INLINE_LOG_BYTES) {
        Ok(bytes) => {
            Log { bytes: bytes.len() as u64, inline: Some(STANDARD.encode(bytes)), ..Log::default() }
        }
        Err(_) => Log::default(),
    }
}

fn read_at_most(file: File, expected: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(expected as usize + 1);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How deep brackets nest in valid JSON.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn an_output_is_an_object_or_absent_and_everything_else_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(OUTPUT);
        assert!(output(dir.path()).unwrap().is_none());
        for (content, expected) in [
            ("{\n    \"data\": {\"a\": 1.50}\n}\n", Ok("{\n    \"data\": {\"a\": 1.50}\n}")),
            ("{}", Ok("{}")),
            ("", Err("it is empty")),
            ("[1]", Err("it is not a JSON object")),
            ("{\"a\": 1", Err("it is not JSON: EOF")),
            ("{} {}", Err("it is not JSON: trailing characters")),
            ("NaN", Err("it is not JSON")),
        ] {
            fs::write(&file, content).unwrap();
            let found = output(dir.path());
            match (found, expected) {
                (Ok(Some(value)), Ok(text)) => assert_eq!(value.get(), text),
                (Err(reason), Err(begin)) => assert!(reason.starts_with(begin), "{content}: {reason}"),
                (found, _) => panic!("{content}: {found:?}"),
            }
        }
    }

    #[test]
    fn hostile_outputs_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(OUTPUT);
        let refused = |expected: &str| {
            let reason = output(dir.path()).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        };

        fs::write(&file, b"{\"a\": \"\xff\"}").unwrap();
        refused("not UTF-8");
        fs::write(&file, format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100))).unwrap();
        refused("nested deeper");
        fs::write(&file, format!("{{\"a\":\"{}\"}}", "[\\\"".repeat(100))).unwrap();
        assert!(output(dir.path()).is_ok(), "brackets in a string are no levels");
        File::options().write(true).open(&file).unwrap().set_len(MAX_OUTPUT_BYTES + 1).unwrap();
        refused("at most");
        fs::remove_file(&file).unwrap();
        symlink("/etc/passwd", &file).unwrap();
        refused("symbolic link");
    }

    #[test]
    fn a_short_log_is_inline_and_a_replaced_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(STDOUT);

        fs::write(&file, "hi\n").unwrap();
        assert_eq!(log(dir.path()).inline.unwrap(), STANDARD.encode("hi\n"));
        fs::write(&file, vec![b'x'; INLINE_LOG_BYTES as usize + 1]).unwrap();
        let long = log(dir.path());
        assert_eq!((long.bytes, long.inline), (INLINE_LOG_BYTES + 1, None));
        fs::remove_file(&file).unwrap();
        symlink("/etc/passwd", &file).unwrap();
        assert_eq!(log(dir.path()).bytes, 0);
    }
}
