//! Workspaces as others see them: listed, read, packed, deleted.
//!
//! What is in a workspace was made by a program nobody trusts. Every way down goes from directory to directory by handles that
//! refuse links, so a link in it shows as a link and leads nowhere.

mod archive;
mod beneath;
mod delete;
mod list;

use std::io;

use lp_protocol::{ApiError, ErrorCode};

pub(crate) use archive::archive;
pub(crate) use beneath::open_file;
pub(crate) use delete::Deleter;
pub(crate) use list::list;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("its workspace is no longer on the node")]
    Gone,
    #[error("there is no file `{0}` in the workspace")]
    NoFile(String),
    #[error("`{0}` is not a path inside of the workspace")]
    Outside(String),
    #[error("`{0}` is not a regular file, or a link is on the way to it")]
    NotAFile(String),
    #[error("read the workspace")]
    Read(#[source] io::Error),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Gone => ErrorCode::Gone,
            Error::NoFile(_) => ErrorCode::NotFound,
            Error::Outside(_) | Error::NotAFile(_) => ErrorCode::InvalidRequest,
            Error::Read(_) => ErrorCode::Internal,
        };
        let text = match &error {
            Error::Read(source) => format!("the node cannot read the workspace: {source}"),
            Error::Gone | Error::NoFile(_) | Error::Outside(_) | Error::NotAFile(_) => error.to_string(),
        };
        ApiError::new(code, text)
    }
}
