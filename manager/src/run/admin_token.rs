//! The administrator's token, made at the first start.
//!
//! The file comes first and the row after it: a crash in between leaves a file whose hash is inserted by the next start, never a
//! token nobody has. A new database under an old directory takes the old token over by the same rule. One that was revoked is not taken
//! over but replaced: who may write the directory is an administrator anyway, and the secret that was revoked stays worth nothing.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::PathBuf;

use lp_protocol::TokenId;

use super::Error;
use super::data_dir::{DataDir, write_private};
use crate::auth::{Kind, Role, Secret, adopt};
use crate::clock::Clock;
use crate::store::{NewToken, Store, StoredToken};

#[derive(Debug)]
pub(super) struct AdminToken {
    pub(super) secret: Secret,
    pub(super) path: PathBuf,
    pub(super) is_new: bool,
}

pub(super) async fn ensure(data_dir: &DataDir, store: &Store, clock: &Clock) -> Result<AdminToken, Error> {
    let path = data_dir.path().join("admin.token");
    let wrong = |source| Error::DataDir { path: path.clone(), source };
    let (mut secret, mut is_new) = match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => (Secret::from_text(text.trim()), false),
        Ok(_) => (create(&path).map_err(wrong)?, true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (create(&path).map_err(wrong)?, true),
        Err(error) => return Err(wrong(error)),
    };
    if store.is_revoked_token(&secret.hash()).await? {
        tracing::warn!(path = %path.display(), "the token of this directory was revoked; there is a new one in its place");
        (secret, is_new) = (create(&path).map_err(wrong)?, true);
    }
    if store.find_token(&secret.hash()).await?.is_none() {
        let token = NewToken {
            token_id: TokenId::random(),
            // one that is free is found below
            name: String::new(),
            role: Role::Administrator.as_str().to_owned(),
            hash: secret.hash(),
            create_at: clock.now(),
            expire_at: None,
            created_by: None,
        };
        let now = clock.now();
        let decide = |tokens: &[StoredToken]| Ok::<_, Infallible>(adopt(tokens, token, now));
        let Ok(_) = store.change_tokens(None, now, decide).await?;
    }
    Ok(AdminToken { secret, path, is_new })
}

fn create(path: &std::path::Path) -> io::Result<Secret> {
    let secret = Secret::random(Kind::Token);
    write_private(path, secret.reveal())?;
    Ok(secret)
}
