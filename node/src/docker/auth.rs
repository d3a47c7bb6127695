//! Credentials for registries, in the format of the engine's command line: `config.json`, its `auths` only.
//!
//! Helper programs (`credsStore`, `credHelpers`) are not run: what a node executes is not for a file of credentials to say.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use lp_protocol::docker::Reference;
use serde::Deserialize;

/// The name the default registry has in these files.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// The credentials for an image's registry; None where the file has none.
///
/// # Errors
/// A sentence: the file cannot be read. It is read anew for each pull, so that a credential that was renewed holds.
pub(super) fn find(file: Option<&Path>, image: &Reference) -> Result<Option<DockerCredentials>, String> {
    let Some(file) = file else { return Ok(None) };
    let failed = |error: &dyn std::fmt::Display| {
        format!("docker_auth_file `{}` cannot be used: {error}", file.display())
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    // its words may show a credential
    let parsed: File = serde_json::from_str(&text)
        .map_err(|error| failed(&format!("it is not JSON as expected (line {})", error.line())))?;
    let registry = image.registry.as_deref().unwrap_or(DEFAULT_REGISTRY);
    let found = parsed.auths.iter().find(|(name, _)| host(name) == host(registry));
    found.map(|(name, entry)| credentials(name, entry).map_err(|error| failed(&error))).transpose()
}

/// `https://hub.example/v1/` is `hub.example`.
fn host(name: &str) -> &str {
    let bare = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    bare.split('/').next().unwrap_or(bare)
}

fn credentials(name: &str, entry: &Entry) -> Result<DockerCredentials, String> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (mut username, mut password) = (some(&entry.username), some(&entry.password));
    if username.is_none() && !entry.auth.is_empty() {
        let wrong = || format!("`auth` of `{name}` is not the base64 of user:password");
        let bytes = STANDARD.decode(entry.auth.trim()).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (user, secret) = text.split_once(':').ok_or_else(wrong)?;
        (username, password) = (some(user), some(secret.trim_end_matches('\0')));
    }
    Ok(DockerCredentials {
        username,
        password,
        serveraddress: Some(name.to_owned()),
        identitytoken: some(&entry.identitytoken),
        registrytoken: some(&entry.registrytoken),
        ..DockerCredentials::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(text: &str, image: &str) -> Result<Option<DockerCredentials>, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.json");
        std::fs::write(&file, text).unwrap();
        find(Some(&file), &Reference::parse(image).unwrap())
    }

    #[test]
    fn the_entry_of_the_images_registry_is_found() {
        let text = format!(
            r#"{{"auths": {{"hub.example:5000": {{"auth": "{}"}}, "https://index.docker.io/v1/": {{"username": "me", "password": "p"}},
                "https://t.example/v2/": {{"identitytoken": "tok"}}, "broken.example": {{"auth": "?"}}}}, "credsStore": "desktop"}}"#,
            STANDARD.encode("user:pass:word")
        );
        let user = |image: &str| find_in(&text, image).unwrap().and_then(|found| found.username);

        let found = find_in(&text, "hub.example:5000/a:1").unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("user"), Some("pass:word")));
        assert_eq!(user("busybox").as_deref(), Some("me"));
        assert_eq!(find_in(&text, "t.example/x").unwrap().unwrap().identitytoken.as_deref(), Some("tok"));
        assert_eq!(user("other.example/x"), None);
        assert!(find_in(&text, "broken.example/x").unwrap_err().contains("`auth` of `broken.example`"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_not_quoted() {
        let error = find_in(r#"{"auths": "geheim"}"#, "a").unwrap_err();
        assert!(error.contains("config.json") && !error.contains("geheim"), "{error}");

        let error = find(Some(Path::new("/nowhere")), &Reference::parse("a").unwrap()).unwrap_err();
        assert!(error.contains("`/nowhere` cannot be used"), "{error}");
        assert!(find(None, &Reference::parse("a").unwrap()).unwrap().is_none());
    }
}
